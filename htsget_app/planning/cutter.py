"""Cuts chunks out of a stored BGZF file, as parts of a ticket."""

from collections.abc import Iterable, Mapping

from catalogue.formats import FormatError, ReadRange, prefetch
from catalogue.formats.bgzf import MAX_COMPRESSED, Block, BlockReader, deflate
from catalogue.formats.intervals import ByteRange, Chunk, VirtualOffset
from htsget_app.planning.parts import Inline, Part, PartClass, StoredRange


class Cutter:
    """Cuts chunks out of one stored file; `reader` reads its blocks.

    Every method raises `FormatError` where the file is shorter than it was, damaged, or not what its index says.
    """

    def __init__(self, read_range: ReadRange) -> None:
        self._read_range = read_range
        self.reader = BlockReader(read_range, ahead=MAX_COMPRESSED)

    def prefetch(self, byte_ranges: Iterable[ByteRange]) -> None:
        """Announce ranges to be read, so that a remote store can be read concurrently."""
        prefetch(self._read_range, ((each.begin, each.length) for each in byte_ranges))

    def cut(
        self,
        chunk: Chunk,
        *,
        known: Mapping[int, Block] | None = None,
        part_class: PartClass = PartClass.BODY,
    ) -> list[Part]:
        """Return the bytes of a chunk: whole blocks as a range of the file, cut ones compressed anew.

        `known` maps file offsets to blocks that were already read.
        """
        begin, end = chunk.begin, chunk.end
        known = known or {}
        if begin >= end:
            return []
        if begin.coffset == end.coffset:
            return [Inline(deflate(self._before(end, known)[begin.uoffset :]), part_class)]
        parts: list[Part] = []
        stored = begin.coffset
        if begin.uoffset:
            block = self._block(begin, known)
            stored = block.end
            parts.append(Inline(deflate(block.data[begin.uoffset :]), part_class))
        if stored > end.coffset:
            raise FormatError("no block ends where the index says", offset=begin.coffset)
        parts.append(StoredRange(ByteRange(stored, end.coffset), part_class))
        if end.uoffset:
            parts.append(Inline(deflate(self._before(end, known)), part_class))
        return parts

    def inlined(self, part: Part) -> Inline:
        """Return the part with its bytes in the ticket."""
        if isinstance(part, Inline):
            return part
        return Inline(read_exactly(self._read_range, part.byte_range), part.part_class)

    def _before(self, end: VirtualOffset, known: Mapping[int, Block]) -> bytes:
        return self._block(end, known).data[: end.uoffset]

    def _block(self, place: VirtualOffset, known: Mapping[int, Block]) -> Block:
        block = known.get(place.coffset) or self.reader.block(place.coffset)
        if block is None:
            raise FormatError("file ends before its index says", offset=place.coffset)
        if place.uoffset > len(block.data):
            raise FormatError("index points beyond the end of a block", offset=place.coffset)
        return block


def read_exactly(read_range: ReadRange, byte_range: ByteRange) -> bytes:
    """Return the stored bytes of a range. Raises `FormatError` where the file ends within it."""
    data = read_range(byte_range.begin, byte_range.length)
    if len(data) < byte_range.length:
        raise FormatError("file is shorter than it was", offset=byte_range.begin + len(data))
    return data
