"""Plans the blocks of a BAM, VCF or BCF answer: exact to the record at both ends, and throughout when it is
small.

The index says which chunks may hold wanted records. Their ends are read, records are held against the
regions, and what is left over of a block that is cut is compressed anew; the whole blocks between stay
ranges of the stored file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from catalogue.formats import FormatError, ReadRange, bgzf
from catalogue.formats.bgzf import EOF_MARKER, MOST_STORED, BlockReader, deflate
from catalogue.formats.binning import ContigIndex
from catalogue.formats.intervals import ByteRange, Chunk, Region, VirtualOffset, unite_chunks
from catalogue.formats.records import UNPLACED, RegionSet, record_walker
from htsget_app.blocks import Block, BlockKind, Inline, Limits, Selection, Slice, StoredFile, joined
from htsget_app.scans import Scan

# A guess at the size of an answer may be off by this much before compressing it to know is given up.
_GUESS = 1.25


def plan_bgzf(
    file: StoredFile, selection: Selection, *, read_range: ReadRange, limits: Limits
) -> list[Block]:
    """The blocks whose bytes, one after the other, are a file with the selection's records.

    Reads at most two stretches of `limits.scan` bytes for each stretch of the file that holds wanted
    records. Raises `FormatError` where the stored file is not what the catalogue knows of it, or is
    damaged.
    """
    answer = _Answer(file, read_range=read_range, limits=limits)
    body = answer.whole() if selection.whole else [*answer.selected(selection), _EOF]
    return joined([*answer.header(), *body], most_block=limits.most_block)


_EOF = Inline(EOF_MARKER, BlockKind.BODY)


@dataclass(frozen=True, slots=True)
class _Find:
    """A chunk that an index names for a region; `tail` is where to look for the region's last record."""

    chunk: Chunk
    region: Region
    tail: VirtualOffset


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the file to be searched.

    `beyond` is the contig and position which nothing wanted follows, `tail` a record not after the first
    such.
    """

    chunk: Chunk
    beyond: tuple[int, int] | None
    tail: VirtualOffset


class _Answer:
    """The making of one answer: it remembers the blocks that were read, since ends are looked at again."""

    def __init__(self, file: StoredFile, *, read_range: ReadRange, limits: Limits) -> None:
        self._file = file
        self._read_range = read_range
        self._limits = limits
        self._reader = BlockReader(read_range, ahead=MOST_STORED)
        self._data_end = file.size - (len(EOF_MARKER) if file.has_eof else 0)
        self._walk = record_walker(
            file.format, names={number: contig.name for number, contig in file.contigs.items()}
        )
        self._known: dict[int, bgzf.Block] = {}

    def header(self) -> list[Block]:
        """The header: as it was kept, or where it lies in the file when it is too long for a ticket."""
        if len(self._file.header) <= self._limits.inline:
            return [Inline(self._file.header, BlockKind.HEADER)]
        return self._between(Chunk(VirtualOffset(0), self._file.header_end), kind=BlockKind.HEADER)

    def whole(self) -> list[Block]:
        """All that follows the header, with the file's own end-of-file marker if it has one."""
        begin, size = self._file.header_end, self._file.size
        blocks = self._between(Chunk(begin, VirtualOffset.at(size)))
        if size - begin.coffset <= self._limits.inline:
            blocks = [self._fetched(block) for block in blocks]
        return blocks if self._file.has_eof else [*blocks, _EOF]

    def selected(self, selection: Selection) -> list[Block]:
        """The records of the selection, each once and in file order, without end-of-file marker."""
        wanted = RegionSet((*selection.regions, *((UNPLACED,) if selection.unplaced else ())))
        pieces = self._pieces([find for region in wanted.regions for find in self._finds(region)])
        if not pieces:
            return []
        if pieces[-1].chunk.end.coffset - pieces[0].chunk.begin.coffset <= self._limits.scan:
            self._reader.fetch(pieces[0].chunk.begin.coffset, pieces[-1].chunk.end.coffset + MOST_STORED)
        most_stored = max(self._limits.scan // len(pieces), 2 * MOST_STORED)
        searches = [self._search(piece, wanted=wanted, most_stored=most_stored) for piece in pieces]
        if self._guess(searches) <= self._limits.inline * _GUESS:
            small = self._only_wanted(searches)
            if len(small.data) <= self._limits.inline:
                return [small]
        exact = [
            chunk
            for piece, scan in zip(pieces, searches, strict=True)
            for chunk in self._exact(piece, scan, wanted=wanted, most_stored=most_stored)
        ]
        blocks = [block for chunk in self._few(exact) for block in self._between(chunk)]
        if any(isinstance(block, Slice) for block in joined(blocks, most_block=self._limits.most_block)):
            return blocks
        # What travels inline has to be exact throughout, and not at its ends alone.
        if not all(scan.complete for scan in searches):
            searches = [self._scan(chunk, wanted=wanted, beyond=None) for chunk in self._few(exact)]
            for scan in searches:
                scan.run(most_stored=scan.chunk.end.coffset - scan.chunk.begin.coffset + MOST_STORED)
        return [self._only_wanted(searches)]

    def _finds(self, region: Region) -> Iterable[_Find]:
        # Some indexes count the end-of-file marker in with the last record.
        most = VirtualOffset.at(self._data_end)
        if region == UNPLACED:
            begin = self._file.unplaced_begin
            if begin is not None and begin < most:
                yield _Find(Chunk(begin, most), region, begin)
        elif share := self._file.contigs[region.contig].index:
            index = ContigIndex.unpack(share)
            tail = VirtualOffset(index.tail_offset(region.end))
            for chunk in index.query(region.start, region.end):
                if chunk.begin < most:
                    yield _Find(Chunk(chunk.begin, min(chunk.end, most)), region, tail)

    def _pieces(self, finds: list[_Find]) -> list[_Piece]:
        """The finds in file order, near ones made one."""
        waiting = sorted(finds, key=lambda find: find.chunk, reverse=True)
        pieces = []
        for chunk in self._few([find.chunk for find in finds]):
            within = []
            while waiting and waiting[-1].chunk.begin < chunk.end:
                within.append(waiting.pop())
            pieces.append(_piece(chunk, within))
        return pieces

    def _few(self, chunks: list[Chunk]) -> list[Chunk]:
        """The chunks with those nearest to each other made one, until they are few enough."""
        united = unite_chunks(chunks, gap=self._limits.join_gap)
        surplus = len(united) - self._limits.most_ranges
        if surplus <= 0:
            return united
        gaps = sorted(after.begin.coffset - before.end.coffset for before, after in pairwise(united))
        return unite_chunks(united, gap=gaps[surplus - 1])

    def _search(self, piece: _Piece, *, wanted: RegionSet, most_stored: int) -> Scan:
        scan = self._scan(piece.chunk, wanted=wanted, beyond=piece.beyond)
        scan.run(most_stored=most_stored, enough=int(self._limits.inline * _GUESS))
        return scan

    def _guess(self, scans: list[Scan]) -> float:
        """How many bytes all that is wanted would make when compressed; infinite while not all is known."""
        if not all(scan.complete for scan in scans):
            return inf
        return sum(scan.wanted_length / scan.swell for scan in scans)

    def _only_wanted(self, scans: list[Scan]) -> Inline:
        return Inline(deflate(b"".join(scan.plain() for scan in scans)), BlockKind.BODY)

    def _exact(self, piece: _Piece, scan: Scan, *, wanted: RegionSet, most_stored: int) -> list[Chunk]:
        """The piece without what its ends hold beside wanted records, as far as reading on can tell."""
        end = piece.chunk.end
        if not scan.complete and piece.beyond is not None:
            near = end.coffset - scan.reached.coffset <= 2 * MOST_STORED
            if near or piece.tail <= scan.reached:
                scan.run(most_stored=most_stored)
            elif piece.tail < end:
                last = self._scan(Chunk(piece.tail, end), wanted=wanted, beyond=piece.beyond)
                last.run(most_stored=most_stored)
                self._keep(last)
                if last.complete:
                    end = last.chunks()[-1].end if last.spans else piece.tail
        self._keep(scan)
        if scan.complete:
            return scan.chunks()
        return [Chunk(scan.chunks()[0].begin if scan.spans else scan.reached, end)]

    def _scan(self, chunk: Chunk, *, wanted: RegionSet, beyond: tuple[int, int] | None) -> Scan:
        return Scan(self._reader, chunk, walk=self._walk, wanted=wanted, beyond=beyond)

    def _keep(self, scan: Scan) -> None:
        self._known.update(scan.blocks())

    def _between(self, chunk: Chunk, *, kind: BlockKind = BlockKind.BODY) -> list[Block]:
        """The plain bytes of a chunk: whole blocks as they are stored, cut ones compressed anew."""
        begin, end = chunk.begin, chunk.end
        if begin.coffset >= end.coffset:
            plain = self._plain(end) if begin < end else b""
            return [Inline(deflate(plain[begin.uoffset :]), kind)]
        blocks: list[Block] = []
        stored = begin.coffset
        if begin.uoffset:
            self._plain(begin)
            block = self._block(begin.coffset)
            stored = block.end
            blocks.append(Inline(deflate(block.plain[begin.uoffset :]), kind))
        if stored > end.coffset:
            raise FormatError("no block ends where the index says", offset=begin.coffset)
        blocks.append(Slice(ByteRange(stored, end.coffset), kind))
        if end.uoffset:
            blocks.append(Inline(deflate(self._plain(end)), kind))
        return blocks

    def _plain(self, end: VirtualOffset) -> bytes:
        """The plain bytes before `end` of the block it lies in."""
        block = self._block(end.coffset)
        if end.uoffset > len(block.plain):
            raise FormatError("index points beyond the end of a block", offset=end.coffset)
        return block.plain[: end.uoffset]

    def _block(self, begin: int) -> bgzf.Block:
        block = self._known.get(begin) or self._reader.block(begin)
        if block is None:
            raise FormatError("file ends before its index says", offset=begin)
        return block

    def _fetched(self, block: Block) -> Block:
        if isinstance(block, Inline):
            return block
        data = self._read_range(block.where.begin, block.where.length)
        if len(data) < block.where.length:
            raise FormatError("file is shorter than it was", offset=block.where.begin + len(data))
        return Inline(data, block.kind)


def _piece(chunk: Chunk, finds: list[_Find]) -> _Piece:
    """The chunk of all these finds. Only of the contig that comes last in it can the end be seen coming."""
    contig = max(finds, key=lambda find: find.chunk.end).region.contig
    last = max((find for find in finds if find.region.contig == contig), key=lambda find: find.region.end)
    beyond = None if last.region == UNPLACED else (contig, last.region.end)
    return _Piece(chunk, beyond, last.tail)
