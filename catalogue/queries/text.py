"""Checks text before it is used in a query."""


def storable(text: str) -> bool:
    """Return whether PostgreSQL can store a text: without NUL, and without lone surrogates, which JSON may contain."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
