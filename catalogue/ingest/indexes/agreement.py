"""Reads every record of a file in BGZF, and verifies that its index finds each of them.

Holds a few MiB of records at a time. Every block is inflated, so that a damaged one is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import Block, BlockReader
from catalogue.formats.binning import ContigIndex, first_bin
from catalogue.formats.headers import FileHeader
from catalogue.formats.intervals import VirtualOffset
from catalogue.formats.records import OTHER_CONTIG, Numbers, Records
from catalogue.formats.registry import record_walker
from catalogue.ingest.indexes.stored import StoredIndex

Offsets = NDArray[np.uint64]
Found = NDArray[np.bool_]

#: Uncompressed bytes that are looked at together.
_BATCH: Final = 4 << 20
#: Compressed bytes of one read.
_AHEAD: Final = 2 << 20
# Records of a batch that are looked up one by one when their bins do not have them.
_MAX_LOOKUPS: Final = 200


@dataclass(slots=True)
class RecordTally:
    """The records read. `short` are those that the index finds by their start, but not by their end."""

    records: int = 0
    unplaced: int = 0
    short: int = 0
    contigs: dict[int, int] = field(default_factory=dict)


def verify_records(header: FileHeader, *, index: StoredIndex | None, read_range: ReadRange) -> RecordTally:
    """Read all records; with an index, verify their order, their number, and that the index finds each.

    `header` has the contigs that only the index names, too. Raises `FormatError` at the first fault.
    """
    names = {contig.index: contig.name for contig in header.contigs}
    walk = record_walker(header.format, names)
    check = _Check(header, index)
    batch = _Batch()
    for block in BlockReader(read_range, ahead=_AHEAD).blocks(header.end.coffset):
        batch.add(block, skip=header.end.uoffset if block.begin == header.end.coffset else 0)
        if batch.is_full:
            check.records(*batch.take(walk(bytes(batch.data), False)))
    check.records(*batch.take(walk(bytes(batch.data), True)))
    check.end()
    return check.tally


class _Batch:
    """Uncompressed bytes that begin with a record, and where in the file each of their blocks lies."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._limit = _BATCH
        self._starts: list[int] = []
        self._offsets: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.data) >= self._limit

    def add(self, block: Block, *, skip: int) -> None:
        """Add the bytes of the next block, without the first `skip`."""
        if len(block.data) > skip:
            self._starts.append(len(self.data))
            self._offsets.append(VirtualOffset.at(block.begin, skip))
            self.data += block.data[skip:]

    def take(self, records: Records) -> tuple[Records, Offsets]:
        """Return the records of the bytes with their virtual offsets, and keep the bytes after the last of them."""
        starts = np.array(self._starts or [0], dtype=np.int64)
        offsets = np.array(self._offsets or [0], dtype=np.uint64)
        blocks = starts.searchsorted(records.begins, side="right") - 1
        found = offsets[blocks] + (records.begins - starts[blocks]).astype(np.uint64)
        self._forget(records.walked)
        return records, found

    def _forget(self, walked: int) -> None:
        last = int(np.searchsorted(self._starts, walked, side="right")) - 1 if self._starts else 0
        if len(self.data) == walked:
            self._starts, self._offsets = [], []
        else:
            within = walked - self._starts[last]
            self._offsets = [self._offsets[last] + within, *self._offsets[last + 1 :]]
            self._starts = [0, *(start - walked for start in self._starts[last + 1 :])]
        del self.data[:walked]
        # A long record is not walked again with every block.
        self._limit = max(_BATCH, 2 * len(self.data))


class _Check:
    def __init__(self, header: FileHeader, index: StoredIndex | None) -> None:
        self.tally = RecordTally()
        self._names = {contig.index: contig.name for contig in header.contigs}
        self._index = index
        self._contigs: Mapping[int, ContigIndex] = index.contigs() if index is not None else {}
        self._contig: int | None = None
        self._start = -1

    def records(self, records: Records, offsets: Offsets) -> None:
        """Verify records that follow those before. Raises `FormatError`."""
        self.tally.records += len(records)
        if not len(records):
            return
        if (records.contigs == OTHER_CONTIG).any():
            at = int(offsets[(records.contigs == OTHER_CONTIG).argmax()]) >> 16
            raise FormatError("a record on a contig that the header does not declare", offset=at)
        edges = np.flatnonzero(np.diff(records.contigs)) + 1
        for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(records)], strict=True):
            self._run(int(records.contigs[begin]), records.starts[begin:end], records.stops[begin:end],
                      offsets[begin:end])  # fmt: skip

    def end(self) -> None:
        """Verify the numbers of records. Raises `FormatError`."""
        if self._index is None:
            return
        for number in self._contigs:
            if number not in self.tally.contigs:
                raise FormatError(f"the index has records on {self._names[number]}, the file has none")
        for number, count in self._index.counts.items():
            if count != (seen := self.tally.contigs.get(number, 0)):
                raise FormatError(
                    f"the index counts {count:,} records on {self._names.get(number, number)}, the file has {seen:,}"
                )
        if self._index.unplaced not in (None, self.tally.unplaced):
            raise FormatError(
                f"the index counts {self._index.unplaced:,} records on no contig, the file has {self.tally.unplaced:,}"
            )

    def _run(self, contig: int, starts: Numbers, stops: Numbers, offsets: Offsets) -> None:
        """Verify adjacent records on one contig (-1: on none)."""
        if contig < 0:
            self.tally.unplaced += len(starts)
        else:
            seen = self.tally.contigs.get(contig, 0)
            if self._index is not None and seen and contig != self._contig:
                raise FormatError(
                    f"the records on {self._names.get(contig, contig)} do not follow one another",
                    offset=int(offsets[0]) >> 16,
                )
            self.tally.contigs[contig] = seen + len(starts)
        if self._index is not None:
            self._verify_order(contig, starts, offsets)
            self._verify_found(contig, starts, stops, offsets)
        self._contig, self._start = contig, int(starts[-1])

    def _verify_order(self, contig: int, starts: Numbers, offsets: Offsets) -> None:
        if contig < 0:
            return
        if self._contig == -1:
            raise FormatError("a record on a contig follows records on none", offset=int(offsets[0]) >> 16)
        before = self._start if contig == self._contig else -1
        falls = np.diff(starts, prepend=before) < 0
        if falls.any():
            at = int(offsets[falls.argmax()]) >> 16
            raise FormatError("the records are not in coordinate order", offset=at)

    def _verify_found(self, contig: int, starts: Numbers, stops: Numbers, offsets: Offsets) -> None:
        if contig < 0:
            begin = self._index.unplaced_begin if self._index else None
            if begin is None or int(offsets[0]) < begin:
                raise FormatError(
                    "the index does not find the records on no contig", offset=int(offsets[0]) >> 16
                )
            return
        if (index := self._contigs.get(contig)) is None:
            raise FormatError(f"the index has no records on {self._names.get(contig, contig)}",
                              offset=int(offsets[0]) >> 16)  # fmt: skip
        firsts = np.maximum(starts, 0)
        lasts = np.maximum(stops - 1, firsts)
        missed = ~_in_bins(index, firsts, lasts, offsets)
        self.tally.short += _looked_up(index, firsts[missed], offsets[missed])
        _verify_windows(index, firsts[~missed], lasts[~missed], offsets[~missed])


def _in_bins(index: ContigIndex, firsts: Numbers, lasts: Numbers, offsets: Offsets) -> Found:
    """Return for each record, which covers positions first to last, whether a bin that holds both has its offset."""
    found = np.zeros(len(firsts), dtype=np.bool_)
    for level in range(index.depth, -1, -1):
        shift = index.min_shift + 3 * (index.depth - level)
        open_ = np.flatnonzero(~found & (firsts >> shift == lasts >> shift))
        bins = first_bin(level) + (firsts[open_] >> shift)
        for number in np.unique(bins).tolist():
            at = int(index.bins.searchsorted(np.uint32(number)))
            if at < len(index.bins) and int(index.bins[at]) == number:
                here = open_[bins == number]
                span = slice(int(index.firsts[at]), int(index.firsts[at + 1]))
                found[here] = _in_chunks(index.chunk_begins[span], index.chunk_ends[span], offsets[here])
    return found


def _in_chunks(begins: Offsets, ends: Offsets, offsets: Offsets) -> Found:
    at = begins.searchsorted(offsets, side="right").astype(np.int64) - 1
    result: Found = (at >= 0) & (offsets < ends[np.maximum(at, 0)])
    return result


def _looked_up(index: ContigIndex, firsts: Numbers, offsets: Offsets) -> int:
    """Return the number of records, having verified that the index finds them by their first position."""
    for at in np.unique(np.linspace(0, len(firsts) - 1, _MAX_LOOKUPS, dtype=np.int64)) if len(firsts) else ():
        first, offset = int(firsts[at]), int(offsets[at])
        if not any(chunk.begin <= offset < chunk.end for chunk in index.query(first, first + 1)):
            raise FormatError("the index does not find a record", offset=offset >> 16)
    return len(firsts)


def _verify_windows(index: ContigIndex, firsts: Numbers, lasts: Numbers, offsets: Offsets) -> None:
    """Verify that neither the linear index nor the limit to the right hides a record from queries of its windows."""
    windows = lasts >> index.min_shift
    for window in np.unique(windows).tolist():
        lowest = int(offsets[windows == window].min())
        if index.first_offset(window << index.min_shift) > lowest:
            raise FormatError("the linear index hides a record", offset=lowest >> 16)
    windows = firsts >> index.min_shift
    for window in np.unique(windows).tolist():
        highest = int(offsets[windows == window].max())
        if index.limit_offset((window + 1) << index.min_shift) <= highest:
            raise FormatError("the index ends before a record", offset=highest >> 16)
