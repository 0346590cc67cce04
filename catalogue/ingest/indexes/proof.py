"""Proof that a binning index is of the file it is said to be of.

A foreign or stale index would make the server hand out wrong bytes, so none is believed: the places it points at are
read, where the file's first and last records should be and at chunks spread over the contigs, and must hold records of
the contig and the bin that the index speaks of.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import MAX_STORED, Block, BlockReader
from catalogue.formats.binning import BinningIndex, ContigIndex, first_bin
from catalogue.formats.headers import FileFormat, FileHeader
from catalogue.formats.intervals import VirtualOffset

#: So many contigs, or CRAM containers, are looked at.
SAMPLES = 8

# Enough of a record to tell its contig and position: a VCF line begins with a name of at most 255 letters.
_START = 300
_UNPLACED = -1
_NO_CONTIG = -2


class _Place(NamedTuple):
    """Where a record lies: the contig's number, and the position, 0-based."""

    contig: int
    position: int


def prove_binning_index(
    index: BinningIndex, *, numbers: Sequence[int], header: FileHeader, read_range: ReadRange
) -> None:
    """Raises `FormatError` unless the index is of the file behind `read_range`.

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
        self._blocks = BlockReader(read_range, ahead=MAX_STORED)
        self._place = _PLACE[header.format](header)

    def same_place(self, first: VirtualOffset, header_end: VirtualOffset) -> None:
        """The index's first offset must be that of the file's first record."""
        if self._canonical(first) != self._canonical(header_end):
            raise FormatError("it does not begin with the file's first record", offset=first.coffset)

    def contig(self, number: int, contig: ContigIndex) -> None:
        """Records of the contig must begin where it begins, and where a chunk in its middle does."""
        self._record(contig.begin, number, 0, 1 << 62)
        chunk = len(contig.chunk_begins) // 2
        bin_number = int(contig.bins[contig.firsts.searchsorted(np.uint32(chunk), side="right") - 1])
        level = next(level for level in range(contig.depth, -1, -1) if bin_number >= first_bin(level))
        width = contig.min_shift + 3 * (contig.depth - level)
        start = (bin_number - first_bin(level)) << width
        self._record(VirtualOffset(int(contig.chunk_begins[chunk])), number, start, start + (1 << width))

    def nothing_placed_from(self, at: VirtualOffset) -> None:
        """After the last record of the index there may be reads on no contig, and nothing else."""
        rest = self._bytes_at(at)
        if rest.strip(b"\n") and self._place(rest).contig != _UNPLACED:
            raise FormatError("the file has records that it does not know", offset=at.coffset)

    def _record(self, at: VirtualOffset, number: int, start: int, end: int) -> None:
        place = self._place(self._bytes_at(at))
        # Reads without a position are filed under the first bin.
        if place.contig != number or not (start <= max(place.position, 0) < end):
            raise FormatError("it points at what is no record of its contig", offset=at.coffset)

    def _bytes_at(self, at: VirtualOffset) -> bytes:
        plain = b""
        for block in self._from(at):
            plain += block.plain[at.uoffset :] if block.begin == at.coffset else block.plain
            if len(plain) >= _START:
                break
        return plain[:_START]

    def _canonical(self, at: VirtualOffset) -> VirtualOffset:
        """The one spelling of a place: a block's end is the beginning of the next block that holds anything."""
        end = at.coffset
        for block in self._from(at):
            uoffset = at.uoffset if block.begin == at.coffset else 0
            if uoffset < len(block.plain):
                return VirtualOffset.at(block.begin, uoffset)
            end = block.end
        return VirtualOffset.at(end)

    def _from(self, at: VirtualOffset) -> Iterator[Block]:
        for block in self._blocks.blocks(at.coffset):
            if block.begin == at.coffset and at.uoffset > len(block.plain):
                raise FormatError("it points beyond the end of a block", offset=block.begin)
            yield block


def _bam_place(start: bytes) -> _Place:
    return _Place(*struct.unpack_from("<ii", start, 4)) if len(start) >= 12 else _Place(_NO_CONTIG, 0)


def _bcf_place(start: bytes) -> _Place:
    return _Place(*struct.unpack_from("<ii", start, 8)) if len(start) >= 16 else _Place(_NO_CONTIG, 0)


def _vcf_place(numbers: Mapping[bytes, int]) -> Callable[[bytes], _Place]:
    def place(start: bytes) -> _Place:
        name, position, *_ = [*start.split(b"\t", 2), b"", b""]
        if name not in numbers or not position.isdigit():
            return _Place(_NO_CONTIG, 0)
        return _Place(numbers[name], int(position) - 1)

    return place


_PLACE: Mapping[FileFormat, Callable[[FileHeader], Callable[[bytes], _Place]]] = {
    FileFormat.BAM: lambda header: _bam_place,
    FileFormat.BCF: lambda header: _bcf_place,
    FileFormat.VCF: lambda header: _vcf_place({one.name.encode(): one.index for one in header.contigs}),
}
