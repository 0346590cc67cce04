"""Reads on through a stretch of a BGZF file, record by record, to find which of them overlap what is
wanted.
"""

from bisect import bisect_right
from dataclasses import replace
from operator import itemgetter

import numpy as np

from catalogue.formats import FormatError
from catalogue.formats.bgzf import MAX_STORED, Block, BlockReader
from catalogue.formats.intervals import ByteRange, Chunk, VirtualOffset
from catalogue.formats.records import Records, RecordWalker, RegionSet

# Several blocks are walked at once, since numpy costs the same for one as for four.
_BATCH = 4
# Stored bytes may swell a thousandfold; a scan gives up when they do.
_MAX_SWELL = 16


def first_read(chunk: Chunk, *, max_stored: int) -> ByteRange:
    """What the first `run` of a scan of the chunk reads, if none of it is there yet."""
    begin = chunk.begin.coffset
    return ByteRange(begin, min(begin + max_stored + MAX_STORED, _stored_end(chunk)))


def _stored_end(chunk: Chunk) -> int:
    """Up to where blocks may reach that hold anything of the chunk."""
    return chunk.end.coffset + (MAX_STORED if chunk.end.uoffset else 0)


class Scan:
    """The search of one chunk, both of whose ends are ends of records, from its begin forward.

    `beyond` is a contig and position: the first record there or after it on that contig is known to be
    followed by nothing that is wanted. None when there is no such place.

    `spans` are runs of records that overlap what is wanted, as begin and end in the plain bytes of the
    blocks read; `wanted_length` is their sum. All before `reached` is known. `complete` says that nothing
    wanted comes after it.
    """

    def __init__(
        self,
        reader: BlockReader,
        chunk: Chunk,
        *,
        walk: RecordWalker,
        wanted: RegionSet,
        beyond: tuple[int, int] | None,
    ) -> None:
        self._reader = reader
        self._chunk = chunk
        self._walk = walk
        self._wanted = wanted
        self._beyond = beyond
        self._blocks: list[Block] = []
        self._plain_begins: list[int] = []
        self._plain_ends: list[int] = []
        self._plain_end = 0
        self._settled = 0
        self._next_block = chunk.begin.coffset
        self._rest = b""
        self._rest_at = chunk.begin.uoffset
        self.spans: list[tuple[int, int]] = []
        self.wanted_length = 0
        self.complete = chunk.begin >= chunk.end

    @property
    def chunk(self) -> Chunk:
        return self._chunk

    @property
    def reached(self) -> VirtualOffset:
        return self.virtual(self._rest_at) if self._blocks else self._chunk.begin

    @property
    def wanted_stored(self) -> float:
        """About how many stored bytes the wanted records make, judged by the blocks read so far."""
        stored = self._next_block - self._chunk.begin.coffset
        # Empty blocks, such as further end-of-file markers, hold no byte at all.
        return self.wanted_length * stored / self._plain_end if self._plain_end else 0.0

    @property
    def spent(self) -> int:
        """How much has been read, in stored bytes; those that swell out of all proportion count for more."""
        return max(self._next_block - self._chunk.begin.coffset, self._plain_end // _MAX_SWELL)

    def run(self, *, max_stored: int, enough: int | None = None) -> None:
        """Reads on until all is known, or `max_stored` stored bytes are read, or what is wanted would make
        more than `enough` of them.

        Raises `FormatError` when blocks or records are corrupt or the chunk does not end where one of them
        does.
        """
        if self.complete:
            return
        stop = self._next_block + max_stored
        self._reader.fetch(self._next_block, min(stop + MAX_STORED, _stored_end(self._chunk)))
        most_plain = self._plain_end + _MAX_SWELL * max_stored
        while not self.complete and self._next_block < stop and self._plain_end < most_plain:
            if enough is not None and self.wanted_stored > enough:
                return
            self._advance(stop)

    def virtual(self, place: int) -> VirtualOffset:
        """The virtual offset of a place in the plain bytes of the blocks read."""
        at = bisect_right(self._plain_begins, place) - 1
        block, within = self._blocks[at], place - self._plain_begins[at]
        if place == self._plain_ends[at]:
            return VirtualOffset.at(block.end)
        return VirtualOffset.at(block.begin, within)

    def chunks(self) -> list[Chunk]:
        """The spans as chunks of the stored file."""
        return [Chunk(self.virtual(begin), self.virtual(end)) for begin, end in self.spans]

    def plain(self) -> bytes:
        """The bytes of all spans."""
        return b"".join(self._cut(begin, end) for begin, end in self.spans)

    def blocks(self) -> dict[int, Block]:
        """The blocks read that hold anything wanted, by where they begin."""
        return {block.begin: block for block in self._blocks if block.plain}

    def _cut(self, begin: int, end: int) -> bytes:
        first = bisect_right(self._plain_begins, begin) - 1
        last = bisect_right(self._plain_begins, end - 1)
        plain = b"".join(block.plain for block in self._blocks[first:last])
        offset = self._plain_begins[first]
        return plain[begin - offset : end - offset]

    def _advance(self, stop: int) -> None:
        pieces = [self._rest]
        while len(pieces) <= _BATCH and self._next_block < stop and not self._at_end():
            pieces.append(self._read_block())
        at_end, data = self._at_end(), b"".join(pieces)
        try:
            records = self._walk(data, at_end)
        except FormatError as error:
            raise FormatError(error.reason, offset=self.virtual(self._rest_at).coffset) from None
        known = self._before_beyond(records)
        self._note(records, known)
        self.complete = at_end or known < len(records)
        walked = int(records.begins[known]) if known < len(records) else records.walked
        self._rest = data[walked:]
        self._rest_at += walked
        self._forget()

    def _at_end(self) -> bool:
        end = self._chunk.end
        return self._next_block >= end.coffset + (1 if end.uoffset else 0)

    def _read_block(self) -> bytes:
        """The plain bytes of the next block, as far as they belong to the chunk."""
        block = self._reader.block(self._next_block)
        if block is None:
            raise FormatError("file ends before its index says", offset=self._next_block)
        begin = 0 if self._blocks else self._chunk.begin.uoffset
        end = self._chunk.end.uoffset if block.begin == self._chunk.end.coffset else len(block.plain)
        if begin > len(block.plain) or end > len(block.plain):
            raise FormatError("index points beyond the end of a block", offset=block.begin)
        self._blocks.append(block)
        self._plain_begins.append(self._plain_end)
        self._plain_end += len(block.plain)
        self._plain_ends.append(self._plain_end)
        self._next_block = block.end
        return block.plain[begin:end]

    def _before_beyond(self, records: Records) -> int:
        """How many of the records come before the first that nothing wanted can follow."""
        if self._beyond is None:
            return len(records)
        contig, position = self._beyond
        over = (records.contigs == contig) & (records.starts >= position)
        return int(over.argmax()) if over.any() else len(records)

    def _note(self, records: Records, known: int) -> None:
        hits = self._wanted.overlapped_by(records)[:known]
        turns = np.flatnonzero(np.diff(hits, prepend=False, append=False))
        for first, after in turns.reshape(-1, 2).tolist():
            begin = self._rest_at + int(records.begins[first])
            end = self._rest_at + int(records.ends[after - 1])
            self.wanted_length += end - begin
            if self.spans and self.spans[-1][1] == begin:
                begin, _ = self.spans.pop()
            self.spans.append((begin, end))

    def _forget(self) -> None:
        """Lets go of the plain bytes of blocks that turned out to hold nothing wanted."""
        while self._settled < len(self._blocks) and self._plain_ends[self._settled] <= self._rest_at:
            at = self._settled
            span = bisect_right(self.spans, self._plain_begins[at], key=itemgetter(1))
            if span == len(self.spans) or self.spans[span][0] >= self._plain_ends[at]:
                self._blocks[at] = replace(self._blocks[at], plain=b"")
            self._settled += 1
