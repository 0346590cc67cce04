"""Offsets, ranges and regions: one type per unit, so that units cannot be confused.

All are 0-based and half-open; only `ByteRange.http` has the inclusive end that HTTP requires.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

#: The largest position in a request: an unsigned 32-bit integer (htsget 1.3, "start", "end").
MAX_POSITION = 2**32 - 1
#: The end of a region that reaches to the end of its contig: larger than any position in a file.
NO_END = 2**63 - 1


class VirtualOffset(int):
    """An offset into the uncompressed bytes of a BGZF file (SAMv1 §4.1.1): `coffset << 16 | uoffset`.

    `coffset` is the file offset of a block, `uoffset` an offset into that block's uncompressed bytes. It is an int, so
    it sorts in file order and compares with the numbers in index files.

    >>> VirtualOffset.at(100, 7).coffset
    100
    """

    __slots__ = ()

    @classmethod
    def at(cls, coffset: int, uoffset: int = 0) -> Self:
        return cls(coffset << 16 | uoffset)

    @property
    def coffset(self) -> int:
        return int(self) >> 16

    @property
    def uoffset(self) -> int:
        return int(self) & 0xFFFF

    def __repr__(self) -> str:
        return f"VirtualOffset({self.coffset}:{self.uoffset})"


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """The half-open range of bytes from `begin` to `end` of a stored file.

    >>> ByteRange(0, 10).http()
    'bytes=0-9'
    """

    begin: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.begin <= self.end:
            raise ValueError(f"not a byte range: {self.begin} to {self.end}")

    @property
    def length(self) -> int:
        return self.end - self.begin

    def http(self) -> str:
        """Return the value of a Range header, whose last byte is inclusive (RFC 9110 §14.2).

        Raises ValueError for an empty range, which HTTP cannot express.
        """
        if self.begin == self.end:
            raise ValueError("HTTP cannot name an empty range")
        return f"bytes={self.begin}-{self.end - 1}"

    def split(self, max_length: int) -> Iterator[Self]:
        """Return the same bytes as ranges of at most `max_length` bytes, in order."""
        for begin in range(self.begin, self.end, max_length):
            yield type(self)(begin, min(begin + max_length, self.end))


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """The half-open, 0-based range of positions `start` to `end` of the contig with number `contig` in its file."""

    contig: int
    start: int = 0
    end: int = NO_END

    def overlaps(self, contig: int, start: int, end: int) -> bool:
        return self.contig == contig and start < self.end and self.start < end


@dataclass(frozen=True, slots=True, order=True)
class Chunk:
    """The uncompressed bytes of a BGZF file from `begin` up to, not including, `end` (SAMv1 §5.1)."""

    begin: VirtualOffset
    end: VirtualOffset


def unite_ranges(ranges: Iterable[ByteRange], *, gap: int = 0) -> list[ByteRange]:
    """Sort ranges in file order, and join those that overlap, touch, or are at most `gap` bytes apart."""
    united: list[ByteRange] = []
    for each in sorted(ranges):
        if united and each.begin <= united[-1].end + gap:
            united[-1] = ByteRange(united[-1].begin, max(united[-1].end, each.end))
        else:
            united.append(each)
    return united


def unite_chunks(chunks: Iterable[Chunk], *, gap: int = 0) -> list[Chunk]:
    """Sort chunks in file order, and join those that overlap or whose blocks begin at most `gap` bytes apart.

    With `gap` 0 a chunk is joined to the previous one when it begins in the block where that one ends.
    """
    united: list[Chunk] = []
    for each in sorted(chunks):
        if united and each.begin.coffset <= united[-1].end.coffset + gap:
            united[-1] = Chunk(united[-1].begin, max(united[-1].end, each.end))
        else:
            united.append(each)
    return united


def unite_regions(regions: Iterable[Region]) -> list[Region]:
    """Sort regions by contig, drop empty ones, and join those that overlap or touch."""
    united: list[Region] = []
    for each in sorted(regions):
        if each.start >= each.end:
            continue
        if united and united[-1].contig == each.contig and each.start <= united[-1].end:
            united[-1] = Region(each.contig, united[-1].start, max(united[-1].end, each.end))
        else:
            united.append(each)
    return united
