"""Numbers and lists of names in sentences for people."""

from collections.abc import Sequence
from typing import Final

# Upper bound of the names in one sentence.
_MAX_NAMED: Final = 5


def named(names: Sequence[str], *, total: int | None = None) -> str:
    """Return the first names of many, in words: `a, b and 3 more`."""
    count = len(names) if total is None else total
    shown = list(names[:_MAX_NAMED])
    if count > len(shown):
        return f"{', '.join(shown)} and {count - len(shown):,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def counted(number: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun: `counted(2, "file")` is "2 files"."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
