"""Regions as people write them, `chr1:1,001-2,000`: counted from 1, the end included, as samtools and IGV have them.

Everywhere else positions are 0-based and half-open.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from catalogue.formats.intervals import MAX_POSITION

_POSITIONS = re.compile(r"(?P<name>.+):(?P<start>[\d,]+)(?:-(?P<end>[\d,]*))?", re.DOTALL)


class RegionError(ValueError):
    """A text is not a region; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class TypedRegion:
    """A contig by name, and positions `start` to `end`, 0-based and half-open; None for its begin or end."""

    contig: str
    start: int | None = None
    end: int | None = None

    def __str__(self) -> str:
        if self.start is None:
            return self.contig
        name = f"{{{self.contig}}}" if ":" in self.contig else self.contig
        return f"{name}:{self.start + 1:,}-{'' if self.end is None else format(self.end, ',')}"


def parse_region(text: str, names: Collection[str] = ()) -> TypedRegion | None:
    """Return the region that a text means; None for a text without anything.

    A name in braces, or one of `names`, is a contig whose name may hold colons, as in samtools. Raises RegionError.

    >>> parse_region("chr1:1,001-2,000")
    TypedRegion(contig='chr1', start=1000, end=2000)
    """
    text = text.strip()
    if not text:
        return None
    if text in names:
        return TypedRegion(text)
    if text.startswith("{") and "}" in text:
        name, _, rest = text[1:].rpartition("}")
        found = _POSITIONS.fullmatch(f"x{rest}") if rest else None
        if rest and not found:
            raise RegionError(f"{rest!r} is not a range of positions such as :1,001-2,000")
        return _region(name, found)
    found = _POSITIONS.fullmatch(text)
    return _region(found["name"] if found else text, found)


def _region(name: str, found: "re.Match[str] | None") -> TypedRegion:
    if found is None:
        return TypedRegion(name)
    start = _position(found["start"])
    end = _position(found["end"]) if found["end"] else None
    if start < 1:
        raise RegionError("positions are counted from 1")
    if end is not None and end < start:
        raise RegionError(f"the region ends at {end:,}, before it begins")
    return TypedRegion(name, start - 1, end)


def _position(text: str) -> int:
    digits = text.replace(",", "")
    if not digits or len(digits) > 10 or int(digits) > MAX_POSITION:
        raise RegionError(f"{text!r} is not a position")
    return int(digits)
