"""Plans the body of a BAM, VCF or BCF answer that may hold nothing beside wanted records, however large it is.

Records lie in the order of their starts. So all that begin inside a region lie together, from the first that begins
after the region's start to the first that begins at its end, and only those before, which may reach into it from the
left, have to be held against it one by one.
"""

from collections.abc import Iterable

from catalogue.formats.bgzf import EOF_MARKER, MAX_STORED, deflate
from catalogue.formats.binning import ContigIndex
from catalogue.formats.intervals import Chunk, Region, VirtualOffset, unite_regions
from catalogue.formats.records import RegionSet, record_walker
from htsget_app.planning.cutter import Cutter
from htsget_app.planning.parts import Block, FileLayout, Inline, Limits, PartClass, StoredRange
from htsget_app.planning.scan import Scan, first_read


def exact_blocks(
    file: FileLayout, regions: Iterable[Region], *, cutter: Cutter, limits: Limits
) -> list[Block]:
    """The records that overlap the regions, each once and in file order, and no others, without end-of-file marker.

    Reads the stored file from where the index says that a region may begin up to its first record, and once more about
    its end. Raises `FormatError` where the file is not what the catalogue knows of it, or is damaged.
    """
    search = _Search(file, cutter=cutter, limits=limits)
    blocks = [block for region in search.in_file_order(regions) for block in search.blocks(region)]
    stored = sum(block.where.length for block in blocks if isinstance(block, StoredRange))
    if stored <= limits.inline:
        blocks = [cutter.fetched(block) for block in blocks]
    return blocks


class _Search:
    """The search for the records of regions, one region after the other as the file has them."""

    def __init__(self, file: FileLayout, *, cutter: Cutter, limits: Limits) -> None:
        self._file = file
        self._cutter = cutter
        self._at_once = max(limits.scan, 2 * MAX_STORED)
        self._walk = record_walker(
            file.format, names={number: contig.name for number, contig in file.contigs.items()}
        )
        self._indexes = {
            number: ContigIndex.unpack(contig.index)
            for number, contig in file.contigs.items()
            if contig.index
        }
        # Some indexes count the end-of-file marker in with the last record.
        self._end = VirtualOffset.at(file.size - (len(EOF_MARKER) if file.has_eof else 0))
        # Of a contig, the records before this one were looked at for a region further left.
        self._done = VirtualOffset(0)

    def in_file_order(self, regions: Iterable[Region]) -> list[Region]:
        """The regions of contigs with records: in a VCF the order of contigs need not be that of its header."""
        return sorted(
            (region for region in unite_regions(regions) if region.contig in self._indexes),
            key=lambda region: (self._indexes[region.contig].begin, region),
        )

    def blocks(self, region: Region) -> list[Block]:
        """The records of the next region. One that reaches into it from a region before is there already."""
        index = self._indexes[region.contig]
        chunks = index.query(region.start, region.end)
        begin = max(chunks[0].begin, self._done) if chunks else self._end
        end = min(index.end, self._end)
        if begin >= end:
            return []
        turn = VirtualOffset(index.tail_offset(region.end))
        near = first_read(Chunk(begin, end), max_stored=self._at_once)
        if near.end <= turn.coffset < end.coffset:
            self._cutter.expect([near, first_read(Chunk(turn, end), max_stored=self._at_once)])
        # A record that begins at the region's start may be one that covers nothing, and so not overlap it.
        head = self._read(Chunk(begin, end), region, until=region.start + 1)
        first = max(head.reached, begin)
        tail = self._read(Chunk(max(first, turn), end), region, until=region.end)
        last = tail.reached if first < end else first
        self._done = last
        blocks: list[Block] = [Inline(deflate(head.plain()), PartClass.BODY)] if head.spans else []
        return [*blocks, *self._cutter.cut(Chunk(first, last), known={**head.blocks(), **tail.blocks()})]

    def _read(self, chunk: Chunk, region: Region, *, until: int) -> Scan:
        """Reads from the begin of a chunk to the first record that begins at `until` or after it."""
        scan = Scan(
            self._cutter.reader,
            chunk,
            walk=self._walk,
            wanted=RegionSet((region,)),
            beyond=(region.contig, until),
        )
        while not scan.complete:
            scan.run(max_stored=self._at_once)
        return scan
