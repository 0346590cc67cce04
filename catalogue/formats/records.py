"""Locations of records in uncompressed bytes, and the positions that they cover; `bam`, `bcf` and `vcf` find them.

A record covers the same positions as in htslib, so that both select the same records for a region.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.intervals import NO_END, Region, unite_regions

#: Upper bound of the length of a record, in bytes.
MAX_RECORD: Final = 256 * 1024 * 1024
#: Stands for every contig that was not requested, in `Records.contigs` of a VCF.
OTHER_CONTIG: Final = -2
#: The region that every record on no contig overlaps.
UNPLACED: Final = Region(-1, -1, NO_END)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records in the order of their bytes: record i is bytes `begins[i]` to `ends[i]` of the uncompressed bytes.

    It covers positions `starts[i]` to `stops[i]` (0-based, half-open; a BCF record may cover none) of contig
    `contigs[i]`. The bytes from `walked` on are the beginning of an incomplete record.
    """

    begins: Numbers
    ends: Numbers
    contigs: Numbers
    starts: Numbers
    stops: Numbers
    walked: int

    def __len__(self) -> int:
        return len(self.begins)


class RegionSet:
    """Regions that many records at once can be compared with."""

    def __init__(self, regions: Iterable[Region]) -> None:
        self.regions = tuple(unite_regions(regions))
        by_contig: dict[int, list[Region]] = {}
        for region in self.regions:
            by_contig.setdefault(region.contig, []).append(region)
        self._edges = {
            contig: (
                np.array([region.start for region in regions_of_contig], dtype=np.int64),
                np.array([region.end for region in regions_of_contig], dtype=np.int64),
            )
            for contig, regions_of_contig in by_contig.items()
        }

    def overlapped_by(self, records: Records) -> NDArray[np.bool_]:
        """Return for each record whether it overlaps any of the regions."""
        hits = np.zeros(len(records), dtype=np.bool_)
        for contig, (starts, ends) in self._edges.items():
            here = records.contigs == contig
            # The regions of a contig are disjoint and sorted: the first that ends after a record's start is
            # the only one that can be the first it overlaps.
            first = ends.searchsorted(records.starts, side="right")
            inside = first < len(ends)
            hits |= here & inside & (starts[np.where(inside, first, 0)] < records.stops)
        return hits


#: Takes uncompressed bytes that begin with a record, and whether they are the last ones: then an incomplete record
#: is a line without newline, or an error. Raises `FormatError` for bytes that cannot be records, with an offset
#: from the beginning of the given bytes.
RecordWalker = Callable[[bytes, bool], Records]


def chain_records(data: bytes, last: bool, *, numbers: int, min_size: int) -> tuple[Numbers, int]:
    """Find records that begin with one or two `numbers` of 4 bytes, whose sum is the size of the rest of the record.

    Return the begin of each, and the end of the last complete one. Raises `FormatError` for a size below
    `min_size` or above `MAX_RECORD`.
    """
    # Numbers at any offset are items of one of these four, much faster to read than by `struct`.
    words = [memoryview(data)[at : at + (len(data) - at) // 4 * 4].cast("I") for at in range(4)]
    begins: list[int] = []
    add, fixed, max_rest = begins.append, 4 * numbers, MAX_RECORD
    at, furthest = 0, len(data) - fixed
    while at <= furthest:
        here = words[at & 3]
        size = here[at >> 2] if numbers == 1 else here[at >> 2] + here[(at >> 2) + 1]
        if not min_size <= size <= max_rest:
            raise FormatError(f"record claims a size of {size} bytes", offset=at)
        add(at)
        at += fixed + size
    if at > len(data):
        at = begins.pop()
    if last and at < len(data):
        raise FormatError("record is cut short", offset=at)
    return np.array(begins, dtype=np.int64), at


def gather(data: bytes, dtype: np.dtype[Any], places: Numbers) -> NDArray[Any]:
    """Return one item of `dtype` from each byte offset; offsets need no alignment."""
    count = len(data) - dtype.itemsize + 1
    if count < 1 or not len(places):
        return np.empty(0, dtype=dtype)
    return np.ndarray(count, dtype=dtype, buffer=data, strides=(1,))[places]


def refuse(wrong: NDArray[np.bool_], begins: Numbers, reason: str) -> None:
    """Raise `FormatError` at the first record where `wrong` is true."""
    if wrong.any():
        raise FormatError(reason, offset=int(begins[wrong.argmax()]))
