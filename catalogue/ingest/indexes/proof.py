"""Verifies that a binning index belongs to its file.

The index of another file, or of an older state of this one, would make the server send wrong bytes. So every index is
checked: the file is read at the offsets of the first record, the last record, and chunks spread over the contigs, which
must hold records of the contig and bin that the index names.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import MAX_COMPRESSED, Block, BlockReader
from catalogue.formats.binning import BinningIndex, ContigIndex, first_bin
from catalogue.formats.headers import FileHeader
from catalogue.formats.intervals import VirtualOffset
from catalogue.formats.registry import SPECS

#: Number of contigs, or CRAM containers, that are checked.
SAMPLES = 8

# Enough bytes of a record for its contig and position, besides the contig name that begins a VCF line.
_RECORD_START = 300
_UNPLACED = -1


def prove_binning_index(
    index: BinningIndex, *, numbers: Sequence[int], header: FileHeader, read_range: ReadRange
) -> None:
    """Raise `FormatError` unless the index belongs to the file behind `read_range`.

    `numbers` gives, for each contig of the index, its number among the header's contigs.
    """
    proof = _Proof(header, read_range)
    held = [
        (number, contig) for number, contig in zip(numbers, index.contigs, strict=True) if contig is not None
    ]
    end = index.placed_end()
    if end is None:
        proof.nothing_placed_from(header.end)
        return
    proof.same_place(min(contig.begin for _, contig in held), header.end)
    for at in np.unique(np.linspace(0, len(held) - 1, SAMPLES, dtype=np.int64)).tolist():
        proof.contig(*held[at])
    proof.nothing_placed_from(end)


class _Proof:
    def __init__(self, header: FileHeader, read_range: ReadRange) -> None:
        self._blocks = BlockReader(read_range, ahead=MAX_COMPRESSED)
        # The block that was read last: in small files many of the records to prove lie in one block.
        self._last: Block | None = None
        locus_reader = SPECS[header.format].locus_reader
        assert locus_reader is not None, "a format with a binning index can locate its records"
        self._read_locus = locus_reader(header)
        self._length = _RECORD_START + max(
            (len(contig.name.encode()) for contig in header.contigs), default=0
        )

    def same_place(self, first: VirtualOffset, header_end: VirtualOffset) -> None:
        """Verify that the index's first offset is the offset of the file's first record."""
        if self._canonical(first) != self._canonical(header_end):
            raise FormatError("it does not begin with the file's first record", offset=first.coffset)

    def contig(self, number: int, contig: ContigIndex) -> None:
        """Verify that records of the contig begin at its first offset, and at the begin of a chunk in its middle."""
        self._record(contig.begin, number, 0, 1 << 62)
        chunk = len(contig.chunk_begins) // 2
        bin_number = int(contig.bins[contig.firsts.searchsorted(np.uint32(chunk), side="right") - 1])
        level = next(level for level in range(contig.depth, -1, -1) if bin_number >= first_bin(level))
        width = contig.min_shift + 3 * (contig.depth - level)
        start = (bin_number - first_bin(level)) << width
        self._record(VirtualOffset(int(contig.chunk_begins[chunk])), number, start, start + (1 << width))

    def nothing_placed_from(self, at: VirtualOffset) -> None:
        """Verify that only records on no contig follow the last record of the index."""
        rest = self._bytes_at(at)
        locus = self._read_locus(rest)
        if rest.strip(b"\n") and (locus is None or locus.contig != _UNPLACED):
            raise FormatError("the file has records that it does not know", offset=at.coffset)

    def _record(self, at: VirtualOffset, number: int, start: int, end: int) -> None:
        locus = self._read_locus(self._bytes_at(at))
        # Reads without a position are filed under the first bin.
        if locus is None or locus.contig != number or not (start <= max(locus.position, 0) < end):
            raise FormatError("it points at what is no record of its contig", offset=at.coffset)

    def _bytes_at(self, at: VirtualOffset) -> bytes:
        data = b""
        for block in self._from(at):
            data += block.data[at.uoffset :] if block.begin == at.coffset else block.data
            if len(data) >= self._length:
                break
        return data[: self._length]

    def _canonical(self, at: VirtualOffset) -> VirtualOffset:
        """Return the canonical form of an offset: the end of a block becomes the begin of the next non-empty block."""
        end = at.coffset
        for block in self._from(at):
            uoffset = at.uoffset if block.begin == at.coffset else 0
            if uoffset < len(block.data):
                return VirtualOffset.at(block.begin, uoffset)
            end = block.end
        return VirtualOffset.at(end)

    def _from(self, at: VirtualOffset) -> Iterator[Block]:
        """Yield the block at an offset and those after it."""
        begin = at.coffset
        if self._last is not None and self._last.begin == begin:
            last = self._last
            yield _verified(last, at)
            begin = last.end
        for block in self._blocks.blocks(begin):
            self._last = block
            yield _verified(block, at)


def _verified(block: Block, at: VirtualOffset) -> Block:
    if block.begin == at.coffset and at.uoffset > len(block.data):
        raise FormatError("it points beyond the end of a block", offset=block.begin)
    return block
