"""Cuts stretches of plain bytes out of a stored BGZF file, as blocks of a ticket."""

from collections.abc import Iterable, Mapping

from catalogue.formats import FormatError, ReadRange, bgzf, prefetch
from catalogue.formats.bgzf import MAX_STORED, BlockReader, deflate
from catalogue.formats.intervals import ByteRange, Chunk, VirtualOffset
from htsget_app.planning.parts import Block, Inline, PartClass, StoredRange


class Cutter:
    """Cuts chunks out of the stored file."""

    def __init__(self, read_range: ReadRange) -> None:
        self._read_range = read_range
        self.reader = BlockReader(read_range, ahead=MAX_STORED)

    def expect(self, stretches: Iterable[ByteRange]) -> None:
        """Says what is going to be read, so that a store that is far away is asked for all of it at once."""
        prefetch(self._read_range, ((stretch.begin, stretch.length) for stretch in stretches))

    def cut(
        self, chunk: Chunk, *, known: Mapping[int, bgzf.Block] | None = None, kind: PartClass = PartClass.BODY
    ) -> list[Block]:
        """The plain bytes of a chunk: whole blocks as they are stored, those that it cuts compressed anew.

        `known` are blocks that need not be read again, by where they begin.
        """
        begin, end = chunk.begin, chunk.end
        if begin >= end:
            return []
        if begin.coffset == end.coffset:
            return [Inline(deflate(self._before(end, known)[begin.uoffset :]), kind)]
        blocks: list[Block] = []
        stored = begin.coffset
        if begin.uoffset:
            block = self._block(begin, known)
            stored = block.end
            blocks.append(Inline(deflate(block.plain[begin.uoffset :]), kind))
        if stored > end.coffset:
            raise FormatError("no block ends where the index says", offset=begin.coffset)
        blocks.append(StoredRange(ByteRange(stored, end.coffset), kind))
        if end.uoffset:
            blocks.append(Inline(deflate(self._before(end, known)), kind))
        return blocks

    def fetched(self, block: Block) -> Block:
        """The block with its bytes inline."""
        if isinstance(block, Inline):
            return block
        data = self._read_range(block.where.begin, block.where.length)
        if len(data) < block.where.length:
            raise FormatError("file is shorter than it was", offset=block.where.begin + len(data))
        return Inline(data, block.kind)

    def _before(self, end: VirtualOffset, known: Mapping[int, bgzf.Block] | None) -> bytes:
        return self._block(end, known).plain[: end.uoffset]

    def _block(self, place: VirtualOffset, known: Mapping[int, bgzf.Block] | None) -> bgzf.Block:
        block = (known or {}).get(place.coffset) or self.reader.block(place.coffset)
        if block is None:
            raise FormatError("file ends before its index says", offset=place.coffset)
        if place.uoffset > len(block.plain):
            raise FormatError("index points beyond the end of a block", offset=place.coffset)
        return block
