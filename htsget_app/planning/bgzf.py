"""Plans the blocks of a BAM, VCF or BCF answer: exact to the record at both ends, and throughout when it is
small.

The index says which chunks may hold wanted records. Their ends are read, records are held against the
regions, and what is left over of a block that is cut is compressed anew; the whole blocks between stay
ranges of the stored file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from catalogue.formats import ReadRange, bgzf
from catalogue.formats.bgzf import EOF_MARKER, MAX_STORED, deflate
from catalogue.formats.binning import ContigIndex
from catalogue.formats.intervals import ByteRange, Chunk, Region, VirtualOffset, unite_chunks
from catalogue.formats.records import UNPLACED, RegionSet, record_walker
from htsget_app.planning.cutter import Cutter
from htsget_app.planning.exact import exact_blocks
from htsget_app.planning.parts import (
    Block,
    FileLayout,
    Inline,
    Limits,
    PartClass,
    Selection,
    StoredRange,
    merge_parts,
)
from htsget_app.planning.scan import Scan, first_read

# A guess at the size of an answer may be off by this much before compressing it to know is given up.
_GUESS = 1.25


def plan_bgzf(
    file: FileLayout, selection: Selection, *, read_range: ReadRange, limits: Limits
) -> list[Block]:
    """The blocks whose bytes, one after the other, are a file with the selection's records.

    Reads at most two stretches of `limits.scan` bytes, and now and then a block, for each stretch of the
    file that holds wanted records. Raises `FormatError` where the stored file is not what the catalogue
    knows of it, or is damaged.
    """
    cutter = Cutter(read_range)
    header = _header(file, cutter, limits)
    if selection.within is not None:
        body = [*exact_blocks(file, selection.regions, cutter=cutter, limits=limits), _EOF]
    elif selection.whole:
        body = _whole(file, cutter, limits)
    else:
        wanted = RegionSet((*selection.regions, *((UNPLACED,) if selection.unplaced else ())))
        body = [*_Answer(file, wanted, cutter=cutter, limits=limits).blocks(), _EOF]
    return merge_parts([*header, *body], max_part_bytes=limits.max_part_bytes)


_EOF = Inline(EOF_MARKER, PartClass.BODY)


def _header(file: FileLayout, cutter: Cutter, limits: Limits) -> list[Block]:
    """The header: as it was kept, or where it lies in the file when it is too long for a ticket."""
    if len(file.header) <= limits.inline:
        return [Inline(file.header, PartClass.HEADER)]
    return cutter.cut(Chunk(VirtualOffset(0), file.header_end), kind=PartClass.HEADER)


def _whole(file: FileLayout, cutter: Cutter, limits: Limits) -> list[Block]:
    """All that follows the header, with the file's own end-of-file marker if it has one."""
    blocks = cutter.cut(Chunk(file.header_end, VirtualOffset.at(file.size)))
    if file.size - file.header_end.coffset <= limits.inline:
        blocks = [cutter.fetched(block) for block in blocks]
    return blocks if file.has_eof else [*blocks, _EOF]


@dataclass(frozen=True, slots=True)
class _Find:
    """A chunk that an index names for a region; `tail` is where to look for the region's last record."""

    chunk: Chunk
    region: Region
    tail: VirtualOffset


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the file to be searched.

    `beyond` is the contig and position which nothing wanted follows; `tail` is a record from which reading
    on finds the last that is wanted. `dense` says that one region has it all to itself, so that nearly all
    between the first wanted record and the last is wanted too.
    """

    chunk: Chunk
    beyond: tuple[int, int] | None
    tail: VirtualOffset
    dense: bool


class _Answer:
    """The search for wanted records, stretch by stretch."""

    def __init__(self, file: FileLayout, wanted: RegionSet, *, cutter: Cutter, limits: Limits) -> None:
        self._file = file
        self._wanted = wanted
        self._cutter = cutter
        self._limits = limits
        self._walk = record_walker(
            file.format, names={number: contig.name for number, contig in file.contigs.items()}
        )
        self._pieces = self._all_pieces([find for region in wanted.regions for find in self._finds(region)])
        self._left = limits.max_scan
        # Each piece may be one range; how many more there may be is for the first that can use them.
        self._more_ranges = max(0, limits.max_ranges - len(self._pieces))

    def blocks(self) -> list[Block]:
        """The wanted records, each once and in file order, without end-of-file marker."""
        self._read_at_once()
        blocks: list[Block] = []
        waiting: list[tuple[_Piece, Scan]] = []
        guess, enough = 0.0, int(self._limits.inline * _GUESS)
        for piece in self._pieces:
            scan = self._scan(piece.chunk, beyond=piece.beyond)
            self._run(scan, once=piece.dense, enough=enough if piece.dense else None)
            waiting.append((piece, scan))
            guess += scan.wanted_stored if scan.complete else inf
            if guess > enough:
                # Too much for one inline block: from here on nothing is held back, lest it fill the memory.
                blocks += [block for found in waiting for block in self._ranges(*found)]
                waiting.clear()
        if not blocks:
            small = self._only_wanted([scan for _, scan in waiting])
            if len(small.data) <= self._limits.inline:
                return [small]
        return blocks + [block for found in waiting for block in self._ranges(*found)]

    def _finds(self, region: Region) -> Iterable[_Find]:
        # Some indexes count the end-of-file marker in with the last record.
        end = VirtualOffset.at(self._file.size - (len(EOF_MARKER) if self._file.has_eof else 0))
        if region == UNPLACED:
            begin = self._file.unplaced_begin
            if begin is not None and begin < end:
                yield _Find(Chunk(begin, end), region, begin)
        elif share := self._file.contigs[region.contig].index:
            index = ContigIndex.unpack(share)
            tail = VirtualOffset(index.tail_offset(region.end))
            for chunk in index.query(region.start, region.end):
                # Between two records the first offset of the one window may lie beyond the limit of the other.
                if chunk.begin < (until := min(chunk.end, end)):
                    yield _Find(Chunk(chunk.begin, until), region, tail)

    def _all_pieces(self, finds: list[_Find]) -> list[_Piece]:
        """The finds in file order, near ones made one."""
        waiting = sorted(finds, key=lambda find: find.chunk, reverse=True)
        pieces = []
        for chunk in self._few([find.chunk for find in finds], self._limits.max_ranges):
            within = []
            while waiting and waiting[-1].chunk.begin < chunk.end:
                within.append(waiting.pop())
            pieces.append(_piece(chunk, within))
        return pieces

    def _few(self, chunks: list[Chunk], most: int) -> list[Chunk]:
        """The chunks with those nearest to each other made one, until they are few enough."""
        united = unite_chunks(chunks, gap=self._limits.join_gap)
        surplus = len(united) - most
        if surplus <= 0:
            return united
        gaps = sorted(after.begin.coffset - before.end.coffset for before, after in pairwise(united))
        return unite_chunks(united, gap=gaps[surplus - 1])

    def _read_at_once(self) -> None:
        """Reads all pieces in one go when they lie close together, else says which parts of them will be read."""
        if self._pieces:
            begin, end = self._pieces[0].chunk.begin.coffset, self._pieces[-1].chunk.end.coffset
            if end - begin <= self._limits.scan:
                self._cutter.reader.fetch(begin, end + MAX_STORED)
            else:
                self._cutter.expect(self._edges())

    def _edges(self) -> Iterator[ByteRange]:
        """The begins of all pieces, and their ends where those are read for sure, as far as all may be read."""
        left = self._limits.max_scan
        for piece in self._pieces:
            head, end = first_read(piece.chunk, max_stored=self._at_once), piece.chunk.end
            edges = [head]
            if piece.dense and head.end <= piece.tail.coffset and head.end + MAX_STORED < end.coffset:
                edges.append(first_read(Chunk(piece.tail, end), max_stored=self._at_once))
            left -= sum(edge.length for edge in edges)
            if left < 0:
                return
            yield from edges

    @property
    def _at_once(self) -> int:
        """Stored bytes to be read next, where so many are there."""
        return max(min(self._limits.scan, self._left), 2 * MAX_STORED)

    def _scan(self, chunk: Chunk, *, beyond: tuple[int, int] | None) -> Scan:
        return Scan(self._cutter.reader, chunk, walk=self._walk, wanted=self._wanted, beyond=beyond)

    def _run(self, scan: Scan, *, once: bool, enough: int | None = None) -> None:
        """Reads on, once or as long as the answer may still read."""
        while not scan.complete:
            before = scan.spent
            scan.run(max_stored=self._at_once, enough=enough)
            self._left -= scan.spent - before
            if once or self._left <= 0:
                return

    def _only_wanted(self, scans: list[Scan]) -> Inline:
        return Inline(deflate(b"".join(scan.plain() for scan in scans)), PartClass.BODY)

    def _ranges(self, piece: _Piece, scan: Scan) -> list[Block]:
        """The wanted records of a piece as ranges of the file, exact at their ends.

        Where no whole block lies between the ends, all travels inline, and then it has to be exact
        throughout.
        """
        chunks, known = self._narrowed(piece, scan)
        few = self._few(chunks, 1 + self._more_ranges)
        self._more_ranges -= max(0, len(few) - 1)
        blocks = [block for chunk in few for block in self._cutter.cut(chunk, known=known)]
        if any(isinstance(block, StoredRange) and block.where.length for block in blocks):
            return blocks
        if scan.complete:
            return [self._only_wanted([scan])]
        scans = [self._scan(chunk, beyond=None) for chunk in unite_chunks(chunks)]
        for exact in scans:
            exact.run(max_stored=exact.chunk.end.coffset - exact.chunk.begin.coffset + MAX_STORED)
        return [self._only_wanted(scans)]

    def _narrowed(self, piece: _Piece, scan: Scan) -> tuple[list[Chunk], dict[int, bgzf.Block]]:
        """The piece without what its ends hold beside wanted records, as far as reading on tells; and
        blocks read.
        """
        end, blocks = piece.chunk.end, {}
        if not scan.complete and piece.beyond is not None:
            near = end.coffset - scan.reached.coffset <= 2 * MAX_STORED
            if near or piece.tail <= scan.reached:
                self._run(scan, once=True)
            elif piece.tail < end:
                last = self._scan(Chunk(piece.tail, end), beyond=piece.beyond)
                self._run(last, once=True)
                blocks = last.blocks()
                if last.complete:
                    end = last.chunks()[-1].end if last.spans else piece.tail
        blocks |= scan.blocks()
        rest = [] if scan.complete else [Chunk(scan.reached, end)]
        return [*scan.chunks(), *rest], blocks


def _piece(chunk: Chunk, finds: list[_Find]) -> _Piece:
    """The chunk of all these finds. Only of the contig that comes last in it can the end be seen coming."""
    contig = max(finds, key=lambda find: find.chunk.end).region.contig
    last = max((find for find in finds if find.region.contig == contig), key=lambda find: find.region.end)
    beyond = None if last.region == UNPLACED else (contig, last.region.end)
    return _Piece(chunk, beyond, last.tail, dense=len({find.region for find in finds}) == 1)
