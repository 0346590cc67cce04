"""Plans the body of a BAM, VCF or BCF answer that may hold nothing but wanted records, however large it is.

Records lie in the order of their starts. So all that begin inside a region lie together, from the first that begins
after the region's start to the first that begins at its end, and only those before, which may reach into it from the
left, have to be held against it one by one. Small regions near each other are searched in one go instead.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from catalogue.formats.bgzf import MAX_COMPRESSED, deflate
from catalogue.formats.intervals import Chunk, Region, VirtualOffset, unite_regions
from catalogue.formats.records import RegionSet
from htsget_app.planning.cutter import Cutter
from htsget_app.planning.parts import Inline, Limits, Part, PartClass, PlannedFile, StoredRange
from htsget_app.planning.scan import Scan, first_read


def exact_parts(
    file: PlannedFile, regions: Iterable[Region], *, cutter: Cutter, limits: Limits
) -> list[Part]:
    """Return the records that overlap the regions, each once and in file order, and no others, without EOF marker.

    Reads chunks of at most `limits.scan` bytes as they are; of longer ones the edges only. Raises `FormatError` where
    the file is damaged or not what the catalogue knows of it.
    """
    search = _Search(file, regions, cutter=cutter, limits=limits)
    parts = [part for group in search.groups() for part in search.parts(group)]
    stored = sum(part.byte_range.length for part in parts if isinstance(part, StoredRange))
    if stored <= limits.inline:
        return [cutter.inlined(part) for part in parts]
    return parts


@dataclass(slots=True)
class _Group:
    """Regions of one contig, disjoint and in order, and a chunk that holds all their records."""

    regions: list[Region]
    chunk: Chunk

    def extend(self, region: Region, chunk: Chunk, *, max_length: int) -> bool:
        """Take in the next region, unless it is on another contig or the chunk would exceed `max_length` bytes."""
        joined = Chunk(min(self.chunk.begin, chunk.begin), max(self.chunk.end, chunk.end))
        if region.contig != self.regions[0].contig or _stored_length(joined) > max_length:
            return False
        self.regions.append(region)
        self.chunk = joined
        return True


class _Search:
    """The search for the records of groups, one after the other in file order."""

    def __init__(
        self, file: PlannedFile, regions: Iterable[Region], *, cutter: Cutter, limits: Limits
    ) -> None:
        self._cutter = cutter
        self._read_size = max(limits.scan, 2 * MAX_COMPRESSED)
        self._walk = file.record_walker()
        self._regions = unite_regions(regions)
        self._indexes = file.binning_indexes(self._regions)
        self._end = file.records_end
        # The records before this one were held against regions further left.
        self._done = VirtualOffset(0)

    def groups(self) -> Iterator[_Group]:
        """Yield the regions that may hold records, in file order; those that one read covers are one group."""
        group: _Group | None = None
        for region, chunk in self._found():
            if group is None or not group.extend(region, chunk, max_length=self._read_size):
                if group is not None:
                    yield group
                group = _Group([region], chunk)
        if group is not None:
            yield group

    def _found(self) -> Iterator[tuple[Region, Chunk]]:
        """Yield each region with the chunk of its records, if any; a VCF need not have its contigs in header order."""
        indexed = (region for region in self._regions if region.contig in self._indexes)
        for region in sorted(indexed, key=lambda region: (self._indexes[region.contig].begin, region)):
            if chunks := self._indexes[region.contig].query(region.start, region.end):
                yield region, Chunk(chunks[0].begin, min(chunks[-1].end, self._end))

    def parts(self, group: _Group) -> list[Part]:
        """Return the records of the next group, without those that are in a group before it as well."""
        begin = max(group.chunk.begin, self._done)
        if begin >= group.chunk.end:
            return []
        if _stored_length(group.chunk) <= self._read_size:
            return self._searched(Chunk(begin, group.chunk.end), group.regions)
        (region,) = group.regions
        return self._between_edges(begin, region)

    def _searched(self, chunk: Chunk, regions: list[Region]) -> list[Part]:
        """Hold every record of a chunk against the regions."""
        scan = self._scan(chunk, regions, until=regions[-1].end)
        self._done = scan.reached
        known = scan.blocks()
        parts = [part for span in scan.chunks() for part in self._cutter.cut(span, known=known)]
        if any(isinstance(part, StoredRange) and part.byte_range.length for part in parts):
            return parts
        return [Inline(deflate(scan.wanted_bytes()), PartClass.BODY)]

    def _between_edges(self, begin: VirtualOffset, region: Region) -> list[Part]:
        """Hold the records about the region's start against it; take those up to its end as they lie."""
        index = self._indexes[region.contig]
        end, tail = min(index.end, self._end), VirtualOffset(index.tail_offset(region.end))
        near = first_read(Chunk(begin, end), max_stored=self._read_size)
        if near.end <= tail.coffset < end.coffset:
            self._cutter.prefetch([near, first_read(Chunk(tail, end), max_stored=self._read_size)])
        # A record that begins at the region's start may cover no position, and so not overlap it.
        first_scan = self._scan(Chunk(begin, end), [region], until=region.start + 1)
        first = max(first_scan.reached, begin)
        last_scan = self._scan(Chunk(max(first, tail), end), [region], until=region.end)
        last = last_scan.reached if first < end else first
        self._done = last
        parts: list[Part] = []
        if first_scan.spans:
            parts.append(Inline(deflate(first_scan.wanted_bytes()), PartClass.BODY))
        known = {**first_scan.blocks(), **last_scan.blocks()}
        return [*parts, *self._cutter.cut(Chunk(first, last), known=known)]

    def _scan(self, chunk: Chunk, regions: list[Region], *, until: int) -> Scan:
        """Return a scan of a chunk up to the first record that begins at `until` or after it."""
        scan = Scan(
            self._cutter.reader,
            chunk,
            walk=self._walk,
            wanted=RegionSet(regions),
            beyond=(regions[0].contig, until),
        )
        scan.run_to_end(max_stored=self._read_size)
        return scan


def _stored_length(chunk: Chunk) -> int:
    return chunk.end.coffset - chunk.begin.coffset
