"""Where records lie in uncompressed bytes, and which positions they cover; `bam`, `bcf` and `vcf` find them.

A record covers the positions that htslib takes it to cover, so that what overlaps a region here overlaps it
there.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.intervals import NO_END, Region, unite_regions

#: The longest record that is believed, in bytes.
MAX_RECORD: Final = 256 * 1024 * 1024
#: Stands for any contig that was not asked for, in `Records.contigs` of a VCF.
OTHER_CONTIG: Final = -2
#: Every record that lies on no contig overlaps this.
UNPLACED: Final = Region(-1, -1, NO_END)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records in the order of their bytes: record i is bytes `begins[i]` to `ends[i]` of the uncompressed bytes.

    It covers positions `starts[i]` to `stops[i]` (0-based, half-open; a BCF record may cover none) of contig
    `contigs[i]`. The bytes from `walked` on are the beginning of a record that does not end within them.
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
    """Regions to hold records against, many at a time."""

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


#: Takes uncompressed bytes that begin with a record, and whether no byte of a record follows them: then what
#: is left over is a line without its newline, or an error. Raises `FormatError` on bytes that cannot be
#: records; its offset counts from the bytes given.
RecordWalker = Callable[[bytes, bool], Records]


def chain_records(
    data: bytes, last: bool, layout: struct.Struct, *, fixed: int, min_size: int
) -> tuple[Numbers, int]:
    """Find records that say their size, the sum of `layout`, in their first `fixed` bytes.

    Return where they begin, and where the last complete one ends. Raises `FormatError` for a size below
    `min_size` or above `MAX_RECORD`.
    """
    begins: list[int] = []
    add, unpack = begins.append, layout.unpack_from
    at, furthest = 0, len(data) - fixed
    while at <= furthest:
        size = sum(unpack(data, at))
        if not min_size <= size <= MAX_RECORD:
            raise FormatError(f"record of {size} bytes", offset=at)
        following = at + fixed + size
        if following > len(data):
            break
        add(at)
        at = following
    if last and at < len(data):
        raise FormatError("record is cut short", offset=at)
    return np.array(begins, dtype=np.int64), at


def gather(data: bytes, dtype: np.dtype[Any], places: Numbers) -> NDArray[Any]:
    """Return one item of `dtype` from each place; places need no alignment."""
    count = len(data) - dtype.itemsize + 1
    if count < 1 or not len(places):
        return np.empty(0, dtype=dtype)
    return np.ndarray(count, dtype=dtype, buffer=data, strides=(1,))[places]


def refuse(wrong: NDArray[np.bool_], begins: Numbers, reason: str) -> None:
    """Raise `FormatError` at the first record that is wrong."""
    if wrong.any():
        raise FormatError(reason, offset=int(begins[wrong.argmax()]))
