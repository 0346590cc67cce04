"""Reads the structures of a CRAM file: containers and blocks (CRAMv3 §7, §8), without their records.

Version 3 has a CRC32 in every container header and every block; everything read here is verified against it.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.intervals import ByteRange

#: Values of a reference sequence id that name no reference.
UNPLACED = -1
SEVERAL_REFERENCES = -2

#: The start that marks an end-of-file container: the letters "EOF".
_EOF_START = 0x454F46
_RAW = 0

# A header structure is a few dozen bytes and five more for each slice; it is read in growing windows.
_WINDOWS = (256, 8192, 1 << 20)


@dataclass(frozen=True, slots=True, order=True)
class CramVersion:
    """Major and minor version of the format, 2.1, 3.0 or 3.1."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def checksums(self) -> bool:
        """Whether container headers and blocks end with a CRC32."""
        return self.major >= 3

    @property
    def eof(self) -> bytes:
        """The end-of-file container (CRAMv2.1 §9, CRAMv3 §9): what a file ends with, once."""
        return _EOF_CONTAINER[self.major]


_EOF_CONTAINER = {
    2: bytes.fromhex("0b000000 ffffffff0f e0454f46 00000000 0100 000100 0606 010001000100"),
    3: bytes.fromhex("0f000000 ffffffff0f e0454f46 00000000 0100 05bdd94f 000100 0606 010001000100 ee63014b"),
}


@dataclass(frozen=True, slots=True)
class Container:
    """The header structure of a container (CRAMv3 §7).

    `extent` is the whole container, header structure included. `first_block` is where its blocks begin: the
    byte that `landmarks`, the offsets of its slices, count from. The container with the SAM header uses
    neither `reference` nor `landmarks`, and writers leave any value there.
    """

    extent: ByteRange
    first_block: int
    reference: int
    records: int
    blocks: int
    landmarks: tuple[int, ...]
    is_eof: bool

    def verify_data(self) -> None:
        """Raise `FormatError` where this cannot be a container of records."""
        if self.reference < SEVERAL_REFERENCES:
            raise FormatError(f"CRAM container of reference {self.reference}", offset=self.extent.begin)
        if not all(0 <= landmark < self.extent.end - self.first_block for landmark in self.landmarks):
            raise FormatError("CRAM landmark points outside its container", offset=self.extent.begin)


T = TypeVar("T")


class _CutShortError(FormatError):
    """The bytes read so far end inside a value; a longer read may hold the rest."""


class _Window:
    """Bytes of a file from byte `offset` on, taken from left to right."""

    __slots__ = ("at", "data", "offset")

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self.offset = offset
        self.at = 0

    def take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) < length:
            raise _CutShortError("CRAM structure is cut short", offset=self.offset + len(self.data))
        self.at += length
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def int32(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def itf8(self) -> int:
        """Take a signed 32-bit integer (CRAMv3 §2.3): the first byte's leading ones, up to 4, count the rest."""
        first = self.byte()
        more = min(_leading_ones(first), 4)
        rest = int.from_bytes(self.take(more), "big")
        if more < 4:
            return (first & 0x7F >> more) << 8 * more | rest
        # 32 bits in five bytes: both the first and the last byte give four.
        return _signed((first & 0x0F) << 28 | rest >> 8 << 4 | rest & 0x0F, bits=32)

    def ltf8(self) -> int:
        """Take a signed 64-bit integer (CRAMv3 §2.3): the first byte's leading ones count the rest."""
        first = self.byte()
        more = _leading_ones(first)
        rest = int.from_bytes(self.take(more), "big")
        return _signed((first & 0x7F >> more) << 8 * more | rest, bits=64)

    def checksum(self) -> None:
        """Take a CRC32 and compare it with that of everything before it."""
        computed = zlib.crc32(self.data[: self.at])
        if computed != int.from_bytes(self.take(4), "little"):
            raise FormatError("CRAM checksum differs", offset=self.offset)


def _leading_ones(byte: int) -> int:
    return 8 - (byte ^ 0xFF).bit_length()


def _signed(value: int, *, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def read_container(read_range: ReadRange, version: CramVersion, *, offset: int, size: int) -> Container:
    """Read the header structure of the container at byte `offset` of a file of `size` bytes.

    Raises `FormatError` where no container begins there, its checksum differs, or the file ends inside it.
    """
    container = _parse_growing(read_range, offset, lambda window: _parse_container(window, version))
    if container.extent.end > size:
        raise FormatError(f"the file is cut off at byte {size:,}, inside a CRAM container", offset=offset)
    return container


def _parse_growing(read_range: ReadRange, offset: int, parse: Callable[[_Window], T]) -> T:
    """Return the result of `parse` on the bytes at `offset`, read in growing windows until it succeeds."""
    for length in _WINDOWS:
        data = read_range(offset, length)
        try:
            return parse(_Window(data, offset))
        except _CutShortError:
            if len(data) < length:
                raise
    raise FormatError(f"CRAM container header is longer than {length} bytes", offset=offset)


def _parse_container(window: _Window, version: CramVersion) -> Container:
    length = window.int32()
    reference, start, _ = window.itf8(), window.itf8(), window.itf8()
    records = window.itf8()
    if version.major < 3:
        window.itf8()  # records before this container
    else:
        window.ltf8()
    window.ltf8()  # bases
    blocks = window.itf8()
    # This also prevents walking a run of zero bytes in tiny steps.
    if length <= 0 or blocks <= 0 or records < 0:
        raise FormatError("CRAM container without a block", offset=window.offset)
    landmarks = tuple(window.itf8() for _ in range(window.itf8()))
    if version.checksums:
        window.checksum()
    begin = window.offset + window.at
    return Container(
        extent=ByteRange(window.offset, begin + length),
        first_block=begin,
        reference=reference,
        records=records,
        blocks=blocks,
        landmarks=landmarks,
        is_eof=reference == UNPLACED and start == _EOF_START and not records and not landmarks,
    )


def find_eof(read_range: ReadRange, version: CramVersion, *, begin: int, size: int) -> int:
    """Return where the end-of-file container begins, or `size` where there is none after `begin`."""
    offset = size - len(version.eof)
    if offset < begin:
        return size
    try:
        # Parsed, not compared byte by byte: the specification and htslib differ in four meaningless bits.
        last = _parse_container(_Window(read_range(offset, len(version.eof)), offset), version)
    except FormatError:
        return size
    return offset if last.is_eof and last.extent.end == size else size


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


_DECOMPRESSORS: dict[int, Callable[[], _Decompressor]] = {
    1: lambda: zlib.decompressobj(wbits=47),
    2: bz2.BZ2Decompressor,
    3: lambda: lzma.LZMADecompressor(memlimit=1 << 27),
}


@dataclass(frozen=True, slots=True)
class CramBlock:
    """A block of a container (CRAMv3 §8), with its data still compressed by `method`."""

    extent: ByteRange
    method: int
    content: int
    size: int
    data: bytes


def read_block(read_range: ReadRange, version: CramVersion, place: ByteRange, *, max_size: int) -> CramBlock:
    """Read the block that begins where `place` does and ends inside it, and verify its checksum.

    Raises `FormatError` when it is damaged, or larger than `max_size` bytes, compressed or uncompressed.
    """
    window = _Window(read_range(place.begin, min(place.length, _WINDOWS[0])), place.begin)
    method, content = window.byte(), window.byte()
    _, compressed, size = window.itf8(), window.itf8(), window.itf8()
    if not (0 <= compressed <= max_size and 0 <= size <= max_size):
        raise FormatError(f"CRAM block of {compressed} bytes, {size} uncompressed", offset=place.begin)
    head = window.at
    length = head + compressed + (4 if version.checksums else 0)
    if length > place.length:
        raise FormatError("CRAM block is longer than its container", offset=place.begin)
    if length > len(window.data):
        window = _Window(read_range(place.begin, length), place.begin)
    window.at = head
    data = window.take(compressed)
    if version.checksums:
        window.checksum()
    return CramBlock(ByteRange(place.begin, place.begin + length), method, content, size, data)


def decompress_block(block: CramBlock) -> bytes:
    """Return the uncompressed data of a block. Raises `FormatError`.

    Accepts raw, gzip, bzip2 and LZMA. The codecs for records (rANS and later) are rejected, because no header uses
    them. An empty block is valid with any method (CRAMv3 §8).
    """
    if block.size == 0:
        return b""
    if block.method == _RAW:
        data, complete = block.data, True
    elif block.method in _DECOMPRESSORS:
        decompressor = _DECOMPRESSORS[block.method]()
        try:
            data = decompressor.decompress(block.data, max_length=block.size + 1)
        except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
            raise FormatError(
                f"CRAM block does not decompress: {error}", offset=block.extent.begin
            ) from error
        complete = decompressor.eof
    else:
        raise FormatError(
            f"CRAM block compressed by method {block.method} where it may not be", offset=block.extent.begin
        )
    if not complete or len(data) != block.size:
        raise FormatError(f"CRAM block is not of {block.size} bytes uncompressed", offset=block.extent.begin)
    return data
