"""Offsets, ranges and regions: one type for each unit, so that no two can be mistaken for each other.

Everything is 0-based and half-open; only `ByteRange.http` has the inclusive ends that HTTP demands.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

#: The largest position that a request can name: an unsigned integer of 32 bits (htsget 1.3, "start", "end").
MAX_POSITION = 2**32 - 1
#: The end of a region that reaches to the end of its contig, beyond any position that a file can hold.
NO_END = 2**63 - 1


class VirtualOffset(int):
    """A place in the plain bytes of a BGZF file (SAMv1 §4.1.1): `coffset << 16 | uoffset`.

    `coffset` is where a block begins in the stored file, `uoffset` how far into that block's plain bytes.
    Being an int it sorts in file order and compares with the numbers that index files hold.

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
    """Bytes `begin` up to, not including, `end` of a stored file.

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
        """The value of a Range header (RFC 9110 §14.2), whose last byte is inclusive. Not for an empty
        range.
        """
        if self.begin == self.end:
            raise ValueError("HTTP cannot name an empty range")
        return f"bytes={self.begin}-{self.end - 1}"

    def split(self, most: int) -> Iterator[Self]:
        """The same bytes in pieces of at most `most` bytes, in order."""
        for begin in range(self.begin, self.end, most):
            yield type(self)(begin, min(begin + most, self.end))


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """Positions `start` up to, not including, `end` of the contig at index `contig` of a file's own list."""

    contig: int
    start: int = 0
    end: int = NO_END

    def overlaps(self, contig: int, start: int, end: int) -> bool:
        return self.contig == contig and start < self.end and self.start < end


@dataclass(frozen=True, slots=True, order=True)
class Chunk:
    """Plain bytes of a BGZF file from `begin` up to, not including, `end` (SAMv1 §5.1)."""

    begin: VirtualOffset
    end: VirtualOffset


def unite_ranges(ranges: Iterable[ByteRange], *, gap: int = 0) -> list[ByteRange]:
    """The ranges in file order; those that overlap, touch, or lie at most `gap` bytes apart become one."""
    united: list[ByteRange] = []
    for piece in sorted(ranges):
        if united and piece.begin <= united[-1].end + gap:
            united[-1] = ByteRange(united[-1].begin, max(united[-1].end, piece.end))
        else:
            united.append(piece)
    return united


def unite_chunks(chunks: Iterable[Chunk], *, gap: int = 0) -> list[Chunk]:
    """The chunks in file order; those that overlap, or whose blocks begin at most `gap` bytes apart, become
    one.

    With `gap` 0 a chunk is joined to its forerunner when it begins in the block where that one ends.
    """
    united: list[Chunk] = []
    for piece in sorted(chunks):
        if united and piece.begin.coffset <= united[-1].end.coffset + gap:
            united[-1] = Chunk(united[-1].begin, max(united[-1].end, piece.end))
        else:
            united.append(piece)
    return united


def unite_regions(regions: Iterable[Region]) -> list[Region]:
    """The regions in contig order without those that are empty; those that overlap or touch become one."""
    united: list[Region] = []
    for piece in sorted(regions):
        if piece.start >= piece.end:
            continue
        if united and united[-1].contig == piece.contig and piece.start <= united[-1].end:
            united[-1] = Region(piece.contig, united[-1].start, max(united[-1].end, piece.end))
        else:
            united.append(piece)
    return united
