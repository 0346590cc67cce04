"""Figures in sentences."""


def many(number: int, one: str, several: str | None = None) -> str:
    """A number with its noun: `many(2, "file")` is "2 files"."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
