"""The header of a file in any format, and a reader of the uncompressed start of a BGZF file.

Each format has a module that reads its header; `registry` selects it by the file's content.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import Block, BlockReader
from catalogue.formats.intervals import VirtualOffset

#: Upper bounds of a header: uncompressed bytes, and contigs; enough for draft assemblies in a million pieces.
MAX_HEADER: Final = 128 * 1024 * 1024
MAX_CONTIGS: Final = 2_000_000

_MAX_DIGITS = 18


class FileFormat(StrEnum):
    """The formats that are served, with htsget's spelling."""

    BAM = "BAM"
    CRAM = "CRAM"
    VCF = "VCF"
    BCF = "BCF"


@dataclass(frozen=True, slots=True)
class HeaderContig:
    """A contig as a header declares it.

    `index` is the number that the file's records and index use for the contig: its place in the reference
    dictionary (BAM, CRAM), its `IDX` (BCF), or its place in order of declaration (VCF). `length` counts
    bases. `md5` is 32 lower-case hexadecimal digits.
    """

    index: int
    name: str
    length: int | None = None
    md5: str | None = None
    aliases: tuple[str, ...] = ()
    assembly: str | None = None


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The header of a file.

    `end` is where the first record begins; for CRAM, `VirtualOffset.at(byte)` of the first data container.
    `packed` is the header ready to send: BGZF blocks that hold exactly the header or, for CRAM, the file definition and
    header container as stored.
    """

    format: FileFormat
    version: str
    text: str
    contigs: tuple[HeaderContig, ...]
    samples: tuple[str, ...]
    sort_order: str | None
    end: VirtualOffset
    packed: bytes = field(repr=False)


def with_indexed_contigs(header: FileHeader, names: Iterable[str]) -> FileHeader:
    """Return the header with the contigs that only the index of a VCF names appended to the declared ones."""
    contigs = list(header.contigs)
    known = {contig.name for contig in contigs}
    for name in names:
        if name not in known:
            known.add(name)
            contigs.append(HeaderContig(index=len(contigs), name=name))
    return replace(header, contigs=tuple(contigs))


class HeaderReader:
    """Reads the uncompressed bytes at the start of a BGZF file in order, and keeps them."""

    def __init__(self, read_range: ReadRange) -> None:
        self._blocks = BlockReader(read_range).blocks(0)
        self._held: list[Block] = []
        self._block_ends: list[int] = []
        self.data = bytearray()
        self.at = 0

    def more(self) -> bool:
        """Read the next non-empty block; return False at the end of the file."""
        for block in self._blocks:
            if block.data:
                self.data += block.data
                self._held.append(replace(block, data=b""))
                self._block_ends.append(len(self.data))
                if len(self.data) > MAX_HEADER:
                    raise FormatError(f"header is longer than {MAX_HEADER} bytes", offset=block.begin)
                return True
        return False

    def peek(self, length: int) -> bytes:
        """Return the next `length` bytes without taking them; fewer at the end of the file."""
        while len(self.data) < self.at + length and self.more():
            pass
        return bytes(self.data[self.at : self.at + length])

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes. Raises `FormatError` beyond the end of the file or `MAX_HEADER`."""
        if length < 0 or self.at + length > MAX_HEADER:
            raise FormatError(f"header claims a part of {length} bytes", offset=self._compressed_end())
        taken = self.peek(length)
        if len(taken) < length:
            raise FormatError("header is cut short", offset=self._compressed_end())
        self.at += length
        return taken

    def take_int32(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def virtual_offset(self) -> VirtualOffset:
        """Return the virtual offset of the next byte; at the end of a block, the begin of the next block."""
        if self.at == 0:
            return VirtualOffset(0)
        last = bisect_left(self._block_ends, self.at)
        if self._block_ends[last] == self.at:
            return VirtualOffset.at(self._held[last].end)
        return VirtualOffset.at(self._held[last].begin, self.at - (self._block_ends[last - 1] if last else 0))

    def taken(self) -> bytes:
        return bytes(self.data[: self.at])

    def _compressed_end(self) -> int:
        return self._held[-1].end if self._held else 0


def decode_text(data: bytes) -> str:
    """Return header text up to the first NUL, which terminates or pads it; replace bytes that are not UTF-8."""
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def parse_number(text: str) -> int | None:
    """Return a non-negative decimal number of at most 18 digits; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def parse_md5(text: str) -> str | None:
    """Return an md5 in lower case; None for any other text."""
    digits = text.lower()
    return digits if len(digits) == 32 and set(digits) <= set("0123456789abcdef") else None
