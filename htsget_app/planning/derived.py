"""Plans an answer whose records are rewritten: other fields or tags, another format, or regions exact in CRAM.

The answer is cut where records (of CRAM: containers) of the stored file begin, as its index tells, so that clients can
fetch the parts at once and each is small. Nothing is read of the stored file.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from catalogue.formats.binning import ContigIndex
from catalogue.formats.crai import container_ranges, containers_overlapping
from catalogue.formats.cram import read_version
from catalogue.formats.intervals import Chunk, Region, VirtualOffset, unite_chunks, unite_regions
from catalogue.formats.registry import SPECS
from catalogue.formats.spec import Structure
from htsget_app.params import Rewriting
from htsget_app.planning.parts import Limits, PlannedFile, Selection
from htsget_app.planning.recipes import Derived

#: A part names at most so many regions, because they are in its URL; near ones are joined above that.
MAX_REGIONS = 200

Offsets = NDArray[np.int64]


class TooManyRegions(Exception):
    """A part would have to hold records between the regions that may be handed out."""


def plan_derived(
    file: PlannedFile, selection: Selection, rewriting: Rewriting, limits: Limits
) -> list[Derived]:
    """Return the parts that together hold every wanted record once, in file order; no header and no EOF marker.

    `file.contigs` has to hold those with records where all of the file is wanted. Raises `FormatError` for a damaged
    index, and TooManyRegions where `selection.within` forbids to join regions.
    """
    is_cram = SPECS[file.stored.format].structure is Structure.CRAM
    cut = _Cram(file) if is_cram else _Bgzf(file, limits.join_gap)
    if selection.whole:
        return [Derived(chunk, rewriting) for chunk in cut.split(cut.everything, limits.max_derived)]
    regions = unite_regions(selection.regions)
    found = [(chunk, region) for region in regions for chunk in cut.chunks(region)]
    parts = []
    for united in unite_chunks([chunk for chunk, _ in found], gap=cut.join_gap):
        for chunk in cut.split(united, limits.max_derived):
            here = {region for part, region in found if part.begin < chunk.end and chunk.begin < part.end}
            few = _few(sorted(here), may_join=selection.within is None)
            parts.append(Derived(chunk, rewriting, few))
    if selection.unplaced and (unplaced := cut.unplaced) is not None:
        parts += [
            Derived(chunk, rewriting, unplaced=True) for chunk in cut.split(unplaced, limits.max_derived)
        ]
    return parts


def _few(regions: list[Region], *, may_join: bool) -> tuple[Region, ...]:
    """Return the regions, the nearest joined until there are few enough for a URL."""
    if len(regions) <= MAX_REGIONS:
        return tuple(regions)
    if not may_join:
        raise TooManyRegions
    gaps = [
        after.start - before.end if after.contig == before.contig else np.inf
        for before, after in pairwise(regions)
    ]
    bound = sorted(gaps)[len(regions) - MAX_REGIONS - 1]
    joined = [regions[0]]
    for gap, region in zip(gaps, regions[1:], strict=True):
        if gap <= bound and gap < np.inf:
            joined[-1] = Region(region.contig, joined[-1].start, region.end)
        else:
            joined.append(region)
    return tuple(joined)


class _Bgzf:
    """Where records of a BAM, VCF or BCF file lie, by its binning index."""

    def __init__(self, file: PlannedFile, join_gap: int) -> None:
        self.join_gap = join_gap
        self._end = file.records_end
        self._indexes = file.binning_indexes(Region(number) for number in file.contigs)
        self.everything = Chunk(file.stored.header_end, max(self._end, file.stored.header_end))
        begin = file.stored.unplaced_begin
        self.unplaced = None if begin is None else Chunk(begin, max(self._end, begin))

    def chunks(self, region: Region) -> Iterator[Chunk]:
        index = self._indexes.get(region.contig)
        for chunk in index.query(region.start, region.end) if index else ():
            if chunk.begin < (end := min(chunk.end, self._end)):
                yield Chunk(chunk.begin, end)

    def split(self, chunk: Chunk, max_bytes: int) -> Iterator[Chunk]:
        return _split(chunk, _starts(self._indexes.values()), max_bytes)


def _starts(indexes: Iterable[ContigIndex]) -> Offsets:
    """Return offsets at which records begin, sorted."""
    begins = [
        np.asarray(offsets, dtype=np.int64)
        for index in indexes
        for offsets in (index.chunk_begins, index.loffsets, index.linear)
    ]
    return np.unique(np.concatenate(begins)) if begins else np.zeros(0, np.int64)


class _Cram:
    """Where the containers of a CRAM file lie, by its CRAI index."""

    def __init__(self, file: PlannedFile) -> None:
        # Containers between wanted ones are not read: their references may not be held.
        self.join_gap = 0
        self._contigs = file.contigs
        stored = file.stored
        eof = len(read_version(file.header).eof) if stored.has_eof else 0
        end = VirtualOffset.at(stored.size - eof)
        self.everything = Chunk(stored.header_end, end)
        self.unplaced = None if stored.unplaced_begin is None else Chunk(stored.unplaced_begin, end)

    def chunks(self, region: Region) -> Iterator[Chunk]:
        packed = self._contigs[region.contig].index
        for containers in containers_overlapping(packed, start=region.start, end=region.end):
            yield Chunk(VirtualOffset.at(containers.begin), VirtualOffset.at(containers.end))

    def split(self, chunk: Chunk, max_bytes: int) -> Iterator[Chunk]:
        begins = [container_ranges(contig.index)[0] for contig in self._contigs.values()]
        starts = np.unique(np.concatenate(begins)) << 16 if begins else np.zeros(0, np.int64)
        return _split(chunk, starts, max_bytes)


def _split(chunk: Chunk, starts: Offsets, max_bytes: int) -> Iterator[Chunk]:
    """Cut a chunk at some of `starts` so that no piece has more compressed bytes than `max_bytes`, if it can be."""
    begin = chunk.begin
    starts = starts[(starts > chunk.begin) & (starts < chunk.end)]
    while chunk.end.coffset - begin.coffset > max_bytes:
        last = int(starts.searchsorted(VirtualOffset.at(begin.coffset + max_bytes), side="right")) - 1
        later = int(starts.searchsorted(begin, side="right"))
        if later == len(starts):
            break
        cut = VirtualOffset(int(starts[max(last, later)]))
        yield Chunk(begin, cut)
        begin = cut
    if begin < chunk.end:
        yield Chunk(begin, chunk.end)
