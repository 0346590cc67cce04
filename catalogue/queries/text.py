"""Which texts the database can be asked about at all."""


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: it has no NUL, and no half of a surrogate pair (JSON can bring one)."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
