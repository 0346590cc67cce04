"""Which texts the database can hold."""


def storable(text: str) -> bool:
    """Return whether PostgreSQL can hold a text: no NUL, and no half of a surrogate pair, as JSON can bring."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
