"""Binning indexes: the common form of BAI, CSI and TBI files, packed contig by contig.

Bins and index windows are those of SAMv1 §5.3 and CSIv1: a bin of level l covers `1 << (min_shift + 3 *
(depth - l))` positions, bin 0 covers all of them. BAI and TBI have min_shift 14, depth 5 and a linear index; CSI
has a first offset for each bin instead. Positions are 0-based and half-open; offsets are virtual.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.intervals import Chunk, VirtualOffset

Offsets = NDArray[np.uint64]

_PACKED = struct.Struct("<4sBB2xIIIIqqQQ")
_PACKED_MAGIC = b"BIN\1"
_WITH_UNIONS = b"BIN\2"
_UNIONS = struct.Struct("<B3xI")
_STORED = {size: np.dtype(f"<u{size}") for size in (4, 8)}
_ABSENT = -1
_MAX_WINDOW = 2**32 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Unions:
    """The united chunks of pages: `begins` and `ends` are those of all records in bins within the page `pages`.

    A page has `1 << shift` positions. Numbers of pages are sorted and may repeat.
    """

    shift: int
    pages: NDArray[np.uint32]
    begins: Offsets
    ends: Offsets

    def within(self, start: int, end: int) -> slice:
        """Return where the pages are that lie wholly in a region."""
        low, high = -(-start >> self.shift), end >> self.shift
        return slice(*self.pages.searchsorted([low, max(low, high)]).tolist())

    def fullest(self) -> int:
        """Return the number of the page with the most bytes of records."""
        return int(np.bincount(self.pages, weights=(self.ends - self.begins).astype(np.float64)).argmax())


@dataclass(frozen=True, slots=True, eq=False)
class ContigIndex:
    """The part of an index that belongs to one contig with records.

    `bins` are sorted; the chunks of bin i are `chunk_begins[firsts[i]:firsts[i + 1]]` and the same of
    `chunk_ends`, sorted by begin. `loffsets` (CSI) is the first offset of each bin. `linear` (BAI, TBI) is
    the first offset of each index window of `1 << min_shift` positions, kept only at the `windows` where it
    changes. CSI has no windows, the others have no `loffsets`. `begin` and `end` enclose the contig's
    records. `mapped` and `unmapped` count them, None where the index does not tell. `unions` stand for bins that were
    left out (`catalogue.formats.binning_pages`).
    """

    min_shift: int
    depth: int
    bins: NDArray[np.uint32]
    firsts: NDArray[np.uint32]
    chunk_begins: Offsets
    chunk_ends: Offsets
    loffsets: Offsets
    windows: NDArray[np.uint32]
    linear: Offsets
    begin: VirtualOffset
    end: VirtualOffset
    mapped: int | None
    unmapped: int | None
    unions: Unions | None = None

    def query(self, start: int, end: int) -> list[Chunk]:
        """Return chunks that hold every record overlapping positions `start` to `end`, sorted and disjoint.

        They are the chunks of all bins over the region, clipped to the range from the first record that can reach
        `start` to the first record known to begin at or after `end`. Chunks that share a block are joined; a region
        between two records may have none.
        """
        end = min(end, 1 << self._reach)
        if start >= end:
            return []
        first, limit = self.first_offset(start), self.limit_offset(end)
        # No record lies between the two offsets: the region is between two records.
        if first >= limit:
            return []
        spans = [
            slice(int(self.firsts[low]), int(self.firsts[high])) for low, high in self.bins_over(start, end)
        ]
        found = [(self.chunk_begins[span], self.chunk_ends[span]) for span in spans]
        if self.unions is not None:
            span = self.unions.within(start, end)
            found.append((self.unions.begins[span], self.unions.ends[span]))
        if not found:
            return []
        begins, ends = map(np.concatenate, zip(*found, strict=True))
        useful = (ends > np.uint64(first)) & (begins < np.uint64(limit))
        return unite_offsets(
            np.maximum(begins[useful], np.uint64(first)), np.minimum(ends[useful], np.uint64(limit))
        )

    def bins_over(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield, for each level with bins over positions `start` to `end`, the first of them and the one after the
        last, as indices into `bins`.
        """
        first_bins, shifts = _levels(self.min_shift, self.depth)
        numbers = np.concatenate((first_bins + (start >> shifts), first_bins + ((end - 1) >> shifts) + 1))
        places = self.bins.searchsorted(numbers.astype(np.uint32)).tolist()
        for low, high in zip(places[: self.depth + 1], places[self.depth + 1 :], strict=True):
            if low < high:
                yield low, high

    def first_offset(self, position: int) -> int:
        """Return an offset before which no record overlaps `position` or the rest of its index window.

        A linear index covers only mapped records. Where there may be unmapped ones, the offset is that of an earlier
        window: an unmapped record may lie before the first mapped record of this window.
        """
        window = position >> self.min_shift
        if len(self.loffsets):
            offset, earlier = self._bin_offset(window), self.loffsets
        else:
            at = int(self.windows.searchsorted(np.uint32(min(window, _MAX_WINDOW)), side="right")) - 1
            offset, earlier = (int(self.linear[at]), self.linear[:at]) if at >= 0 else (0, self.linear[:0])
        if self.unmapped != 0:
            earlier = earlier[earlier < np.uint64(offset)]
            offset = int(earlier.max()) if len(earlier) else 0
        return max(offset, int(self.begin))

    def limit_offset(self, position: int) -> int:
        """Return an offset such that every record from it on begins at or after `position`.

        It is the begin of the first bin to the right of `position`, or the end of the contig's records.
        """
        bin_number = first_bin(self.depth) + ((position - 1) >> self.min_shift) + 1
        if bin_number >= first_bin(self.depth + 1):
            return int(self.end)
        while True:
            while bin_number % 8 == 1:
                bin_number >>= 3
            if bin_number == 0:
                return int(self.end)
            last_sibling = (bin_number + 7) // 8 * 8
            at = self._find(bin_number)
            if at < len(self.bins) and self.bins[at] <= last_sibling:
                return int(self.chunk_begins[self.firsts[at]])
            bin_number = last_sibling + 1

    def tail_offset(self, position: int) -> int:
        """Return a record's offset from which a forward scan finds the last record that begins before `position`.

        It is the nearest such offset in the index.
        """
        position = max(1, min(position, 1 << self._reach))
        offset = self.first_offset(position - 1)
        leaf = first_bin(self.depth) + ((position - 1) >> self.min_shift)
        at = self._find(leaf)
        if at < len(self.bins) and self.bins[at] == leaf:
            offset = max(offset, int(self.chunk_begins[self.firsts[at]]))
        return offset

    def fullest_page(self) -> int:
        """Return the number of the page with the most bytes of records; 0 if the index has none to choose from."""
        return self.unions.fullest() if self.unions is not None else 0

    def fullest_window(self) -> tuple[int, int]:
        """Return the positions of the smallest bin that holds the most bytes of records, 0-based and half-open.

        Bins of the lowest level that has any are compared: indexes put sparse records into larger ones.
        """
        bounds = [first_bin(level) for level in range(self.depth + 2)]
        for level in range(self.depth, -1, -1):
            low, high = self._find(bounds[level]), self._find(bounds[level + 1])
            if low < high:
                firsts = self.firsts[low : high + 1].astype(np.int64)
                stored = np.concatenate(
                    ([0], np.cumsum((self.chunk_ends - self.chunk_begins).astype(np.float64)))
                )
                fullest = low + int((stored[firsts[1:]] - stored[firsts[:-1]]).argmax())
                shift = self.min_shift + 3 * (self.depth - level)
                start = (int(self.bins[fullest]) - bounds[level]) << shift
                return start, start + (1 << shift)
        return 0, 1 << self._reach

    def pack(self) -> bytes:
        """Return the bytes that `unpack` reads: a fixed head and the arrays, little-endian."""
        unions = self.unions
        head = _PACKED.pack(
            _PACKED_MAGIC if unions is None else _WITH_UNIONS,
            self.min_shift,
            self.depth,
            len(self.bins),
            len(self.chunk_begins),
            len(self.loffsets),
            len(self.linear),
            _ABSENT if self.mapped is None else self.mapped,
            _ABSENT if self.unmapped is None else self.unmapped,
            self.begin,
            self.end,
        )
        arrays: list[NDArray[np.uint64] | NDArray[np.uint32]] = [
            *(self.chunk_begins, self.chunk_ends, self.loffsets, self.linear),
            *(self.windows, self.bins, self.firsts),
        ]
        if unions is not None:
            head += _UNIONS.pack(unions.shift, len(unions.pages))
            arrays += [unions.begins, unions.ends, unions.pages]
        return b"".join(
            (head, *(each.astype(_STORED[each.itemsize], copy=False).tobytes() for each in arrays))
        )

    @classmethod
    def unpack(cls, packed: bytes | memoryview) -> Self:
        """Read what `pack` wrote, without copying it. Raises `FormatError` for any other bytes."""
        magic = bytes(packed[:4])
        fixed = {_PACKED_MAGIC: _PACKED.size, _WITH_UNIONS: _PACKED.size + _UNIONS.size}.get(magic)
        if fixed is None or len(packed) < fixed:
            raise FormatError("not a packed binning index of this version")
        (_, min_shift, depth, bins, chunks, loffsets, linear, mapped, unmapped, begin, end) = (
            _PACKED.unpack_from(packed)
        )
        shift, united = _UNIONS.unpack_from(packed, _PACKED.size) if magic == _WITH_UNIONS else (0, 0)
        counts = (
            *((chunks, 8), (chunks, 8), (loffsets, 8), (linear, 8)),
            *((linear, 4), (bins, 4), (bins + 1, 4)),
            *((united, 8), (united, 8), (united, 4)),
        )
        if len(packed) != fixed + sum(count * size for count, size in counts):
            raise FormatError("packed binning index is cut short")
        arrays, at = [], fixed
        for count, size in counts:
            arrays.append(np.frombuffer(packed, dtype=f"<u{size}", count=count, offset=at))
            at += count * size
        return cls(
            min_shift=min_shift,
            depth=depth,
            chunk_begins=arrays[0],
            chunk_ends=arrays[1],
            loffsets=arrays[2],
            linear=arrays[3],
            windows=arrays[4],
            bins=arrays[5],
            firsts=arrays[6],
            begin=VirtualOffset(begin),
            end=VirtualOffset(end),
            mapped=None if mapped == _ABSENT else mapped,
            unmapped=None if unmapped == _ABSENT else unmapped,
            unions=Unions(shift, arrays[9], arrays[7], arrays[8]) if magic == _WITH_UNIONS else None,
        )

    @property
    def _reach(self) -> int:
        return self.min_shift + 3 * self.depth

    def _find(self, bin_number: int) -> int:
        """Return the number of bins before this one."""
        return int(self.bins.searchsorted(np.uint32(bin_number)))

    def _bin_offset(self, window: int) -> int:
        """Return the first offset of the nearest bin that contains the window, or is left of it below one parent."""
        bin_number = first_bin(self.depth) + window
        while True:
            first_sibling = (bin_number - 1) // 8 * 8 + 1 if bin_number else 0
            at = self._find(bin_number + 1) - 1
            if at >= 0 and self.bins[at] >= first_sibling:
                return int(self.loffsets[at])
            if bin_number == 0:
                return 0
            bin_number = (bin_number - 1) >> 3


def unite_offsets(begins: Offsets, ends: Offsets) -> list[Chunk]:
    """Return the same chunks as `unite_chunks` does, of which there are hundreds for a region of a megabase."""
    if not len(begins):
        return []
    order = begins.argsort(kind="stable")
    begins, reached = begins[order], np.maximum.accumulate(ends[order])
    block = np.uint64(16)
    apart = begins[1:] >> block > reached[:-1] >> block
    firsts, lasts = np.append(True, apart), np.append(apart, True)
    return [
        Chunk(VirtualOffset(begin), VirtualOffset(end))
        for begin, end in zip(begins[firsts].tolist(), reached[lasts].tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class TabixColumns:
    """The columns that tabix indexed, counted from 1; 0 means none (tabix, "Format")."""

    format: int
    sequence: int
    begin: int
    end: int
    meta: str
    skip: int


@dataclass(frozen=True, slots=True)
class BinningIndex:
    """A whole index file. `contigs` holds None for a contig without records.

    For an index that tabix wrote, `columns` are its columns, and `names` the contigs' names in the same order.
    `unplaced` is the number of records on no contig, None where the index has no count.
    """

    kind: str
    contigs: tuple[ContigIndex | None, ...]
    names: tuple[str, ...]
    columns: TabixColumns | None
    unplaced: int | None

    def placed_end(self) -> VirtualOffset | None:
        """Return the end of the last record on a contig; None when there is none."""
        return max((contig.end for contig in self.contigs if contig is not None), default=None)

    def verify_extent(self, size: int) -> None:
        """Raise `FormatError` unless every offset of the index lies in a file of `size` bytes."""
        # A contig's `begin` and `end` enclose its chunks.
        for number, contig in enumerate(self.contigs):
            if contig is not None and (
                int(contig.chunk_begins.max()) >> 16 >= size
                or contig.begin.coffset >= size
                or contig.end > VirtualOffset.at(size)
            ):
                raise FormatError(f"index points beyond the file's end for contig {number}")


def first_bin(level: int) -> int:
    """Return the number of the first bin of a level, which is the number of bins in all levels above."""
    return ((1 << 3 * level) - 1) // 7


@cache
def _levels(min_shift: int, depth: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each level, the number of its first bin and the shift from positions to its bins."""
    levels = range(depth + 1)
    shifts = [min_shift + 3 * (depth - level) for level in levels]
    return np.array([first_bin(level) for level in levels]), np.array(shifts)
