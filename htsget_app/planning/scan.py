"""Scans a chunk of a BGZF file record by record for records that overlap the wanted regions."""

from bisect import bisect_right
from dataclasses import replace
from operator import itemgetter

import numpy as np

from catalogue.formats import FormatError
from catalogue.formats.bgzf import MAX_COMPRESSED, Block, BlockReader
from catalogue.formats.intervals import ByteRange, Chunk, VirtualOffset
from catalogue.formats.records import Records, RecordWalker, RegionSet

# Several blocks are walked at once, since numpy costs the same for one as for four.
_BATCH = 4
# Compressed bytes may inflate a thousandfold; a run stops at this multiple of its limit.
_MAX_INFLATION = 16


def first_read(chunk: Chunk, *, max_stored: int) -> ByteRange:
    """Return what the first `run` of a scan of the chunk reads, when nothing of it is buffered."""
    begin = chunk.begin.coffset
    return ByteRange(begin, min(begin + max_stored + MAX_COMPRESSED, _stored_end(chunk)))


def _stored_end(chunk: Chunk) -> int:
    """Return the file offset up to which blocks may reach that hold anything of the chunk."""
    return chunk.end.coffset + (MAX_COMPRESSED if chunk.end.uoffset else 0)


class _Blocks:
    """Consecutive blocks, addressed by offset in their joined uncompressed bytes."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._begins: list[int] = []
        self._settled = 0
        self.length = 0

    def __len__(self) -> int:
        return len(self._blocks)

    def append(self, block: Block) -> None:
        self._blocks.append(block)
        self._begins.append(self.length)
        self.length += len(block.data)

    def virtual_offset(self, offset: int) -> VirtualOffset:
        if offset == self.length:
            return VirtualOffset.at(self._blocks[-1].end)
        at = bisect_right(self._begins, offset) - 1
        return VirtualOffset.at(self._blocks[at].begin, offset - self._begins[at])

    def read(self, begin: int, end: int) -> bytes:
        first = bisect_right(self._begins, begin) - 1
        last = bisect_right(self._begins, end - 1)
        data = b"".join(block.data for block in self._blocks[first:last])
        return data[begin - self._begins[first] : end - self._begins[first]]

    def by_file_offset(self) -> dict[int, Block]:
        """Return the blocks whose bytes are still held."""
        return {block.begin: block for block in self._blocks if block.data}

    def release(self, until: int, spans: list[tuple[int, int]]) -> None:
        """Drop the bytes of blocks before `until` that no span touches; `spans` are sorted and disjoint."""
        while self._settled < len(self._blocks):
            at = self._settled
            begin = self._begins[at]
            end = self._begins[at + 1] if at + 1 < len(self._blocks) else self.length
            if end > until:
                return
            span = bisect_right(spans, begin, key=itemgetter(1))
            if span == len(spans) or spans[span][0] >= end:
                self._blocks[at] = replace(self._blocks[at], data=b"")
            self._settled += 1


class Scan:
    """The search of one chunk, both of whose ends are ends of records, from its begin forward.

    `beyond` is a contig and position: nothing wanted follows the first record there or after it on that contig. None
    when no such place is known. `sure` is a position and an offset: what begins at that position or after it, and
    before that offset, is wanted without being looked at.

    `spans` are runs of wanted records, as offsets in the uncompressed bytes of the blocks read; `wanted_length` is
    their sum. Everything before `reached` is known. `complete` says that nothing wanted comes after it.
    """

    def __init__(
        self,
        reader: BlockReader,
        chunk: Chunk,
        *,
        walk: RecordWalker,
        wanted: RegionSet,
        beyond: tuple[int, int] | None,
        sure: tuple[int, VirtualOffset] | None = None,
    ) -> None:
        self.chunk = chunk
        self._reader = reader
        self._walk = walk
        self._wanted = wanted
        self._beyond = beyond
        self._sure = sure
        self._is_sure = False
        self._blocks = _Blocks()
        self._next_block = chunk.begin.coffset
        # The bytes after the last whole record of the blocks read so far, and their offset.
        self._rest = b""
        self._rest_at = chunk.begin.uoffset
        self.spans: list[tuple[int, int]] = []
        self.wanted_length = 0
        self.complete = chunk.begin >= chunk.end

    @property
    def reached(self) -> VirtualOffset:
        return self._blocks.virtual_offset(self._rest_at) if self._blocks else self.chunk.begin

    @property
    def wanted_stored(self) -> float:
        """About how many compressed bytes the wanted records make, judged by the blocks read so far."""
        # Empty blocks, such as further EOF markers, hold no byte at all.
        return self.wanted_length * self._stored / self._blocks.length if self._blocks.length else 0.0

    @property
    def sure_stored(self) -> int:
        """About how many compressed bytes of wanted records follow for sure."""
        if self._sure is None or not self._is_sure:
            return 0
        return max(0, self._sure[1].coffset - self._next_block)

    @property
    def spent(self) -> int:
        """Compressed bytes read so far; those that inflate out of all proportion count for more."""
        return max(self._stored, self._blocks.length // _MAX_INFLATION)

    @property
    def _stored(self) -> int:
        return self._next_block - self.chunk.begin.coffset

    def run(self, *, max_stored: int, enough: int | None = None) -> None:
        """Read on until all is known, `max_stored` compressed bytes are read, or more than `enough` are surely wanted.

        Raises `FormatError` when blocks or records are damaged, or the chunk does not end where a record does.
        """
        if self.complete:
            return
        stop = self._next_block + max_stored
        self._reader.fetch(self._next_block, min(stop + MAX_COMPRESSED, _stored_end(self.chunk)))
        max_length = self._blocks.length + _MAX_INFLATION * max_stored
        while not self.complete and self._next_block < stop and self._blocks.length < max_length:
            if enough is not None and self.wanted_stored + self.sure_stored > enough:
                return
            self._advance(stop)

    def run_to_end(self, *, max_stored: int) -> None:
        """Read on until all is known, `max_stored` compressed bytes at a time. Raises as `run` does."""
        while not self.complete:
            self.run(max_stored=max_stored)

    def chunks(self) -> list[Chunk]:
        """Return the spans as chunks of the stored file."""
        return [
            Chunk(self._blocks.virtual_offset(begin), self._blocks.virtual_offset(end))
            for begin, end in self.spans
        ]

    def wanted_bytes(self) -> bytes:
        """Return the uncompressed bytes of all spans."""
        return b"".join(self._blocks.read(begin, end) for begin, end in self.spans)

    def blocks(self) -> dict[int, Block]:
        """Return the blocks read that hold anything wanted, by file offset."""
        return self._blocks.by_file_offset()

    def _advance(self, stop: int) -> None:
        """Walk the records of the next few blocks."""
        pieces = [self._rest]
        while len(pieces) <= _BATCH and self._next_block < stop and not self._at_end():
            pieces.append(self._read_block())
        at_end, data = self._at_end(), b"".join(pieces)
        try:
            records = self._walk(data, at_end)
        except FormatError as error:
            offset = self._blocks.virtual_offset(self._rest_at).coffset
            raise FormatError(error.reason, offset=offset) from None
        known = self._before_beyond(records)
        self._note(records, known)
        if self._sure is not None and known:
            self._is_sure = bool(records.starts[known - 1] >= self._sure[0])
        self.complete = at_end or known < len(records)
        walked = int(records.begins[known]) if known < len(records) else records.walked
        self._rest = data[walked:]
        self._rest_at += walked
        self._blocks.release(self._rest_at, self.spans)

    def _at_end(self) -> bool:
        end = self.chunk.end
        return self._next_block >= end.coffset + (1 if end.uoffset else 0)

    def _read_block(self) -> bytes:
        """Return the uncompressed bytes of the next block, as far as they belong to the chunk."""
        block = self._reader.block(self._next_block)
        if block is None:
            raise FormatError("file ends before its index says", offset=self._next_block)
        begin = 0 if self._blocks else self.chunk.begin.uoffset
        end = self.chunk.end.uoffset if block.begin == self.chunk.end.coffset else len(block.data)
        if begin > len(block.data) or end > len(block.data):
            raise FormatError("index points beyond the end of a block", offset=block.begin)
        self._blocks.append(block)
        self._next_block = block.end
        return block.data[begin:end]

    def _before_beyond(self, records: Records) -> int:
        """Return how many of the records come before the first that nothing wanted follows."""
        if self._beyond is None:
            return len(records)
        contig, position = self._beyond
        over = (records.contigs == contig) & (records.starts >= position)
        return int(over.argmax()) if over.any() else len(records)

    def _note(self, records: Records, known: int) -> None:
        """Add the byte ranges of the wanted records among the first `known` to `spans`, adjacent ones joined."""
        hits = self._wanted.overlapped_by(records)[:known]
        edges = np.flatnonzero(np.diff(hits, prepend=False, append=False))
        for first, after in edges.reshape(-1, 2).tolist():
            begin = self._rest_at + int(records.begins[first])
            end = self._rest_at + int(records.ends[after - 1])
            self.wanted_length += end - begin
            if self.spans and self.spans[-1][1] == begin:
                begin, _ = self.spans.pop()
            self.spans.append((begin, end))
