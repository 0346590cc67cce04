"""CRAM 2.1, 3.0 and 3.1: the skeleton of a file, read without decoding a record.

A CRAM file is a file definition, one container with the SAM header, data containers and an end-of-file container
(CRAMv3 §5). Each container says how long it is, so a file is walked by its container headers alone, and whole data
containers put after another file's definition and header are again a valid file. Version 3 guards every container
header and every block with a CRC32; all that is read here is checked against it.

The SAM header may be raw or compressed with gzip (all the specification allows, and all that htslib and htsjdk write),
bzip2 or LZMA (which their readers take). The codecs made for records (rANS and later) are refused there.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.headers import FileHeader, parse_sam_header
from catalogue.formats.intervals import ByteRange

MAGIC = b"CRAM"
FILE_DEFINITION_LENGTH = 26

#: Values of a reference sequence id that name no reference.
UNPLACED = -1
SEVERAL_REFERENCES = -2

#: Larger declared sizes of a header container, or of the text in it, are taken for corruption (256 MiB).
MAX_HEADER_LENGTH = 1 << 28

#: The alignment start that marks an end-of-file container: the letters "EOF", one less as positions here are 0-based.
_EOF_START = 0x454F46 - 1

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


SUPPORTED = (CramVersion(2, 1), CramVersion(3, 0), CramVersion(3, 1))

_EOF_CONTAINER = {
    2: bytes.fromhex("0b000000 ffffffff0f e0454f46 00000000 0100 000100 0606 010001000100"),
    3: bytes.fromhex("0f000000 ffffffff0f e0454f46 00000000 0100 05bdd94f 000100 0606 010001000100 ee63014b"),
}


@dataclass(frozen=True, slots=True)
class Container:
    """What a container's header structure tells (CRAMv3 §7).

    `extent` is the whole container, header structure included; `blocks` is where its blocks begin, the byte that
    `landmarks` (where its slices begin) count from. `start` and `end` are 0-based and half-open; they mean something
    only where `reference` is not negative.
    """

    extent: ByteRange
    blocks: int
    reference: int
    start: int
    end: int
    records: int
    landmarks: tuple[int, ...]

    @property
    def is_eof(self) -> bool:
        return self.reference == UNPLACED and self.start == _EOF_START and not self.records and not self.landmarks


@dataclass(frozen=True, slots=True)
class Slice:
    """Where a slice's reads lie, by its header (CRAMv3 §8.5): as `Container`, for one slice."""

    reference: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CramFile:
    """The parts of a CRAM file.

    `header_bytes` holds the file definition and the header container: sent as they are they begin a valid file.
    `data` holds the data containers, from the first one's first byte to the end-of-file container or, where that is
    missing (`has_eof` false), to the end of the file.
    """

    version: CramVersion
    header: FileHeader
    header_bytes: ByteRange
    data: ByteRange
    has_eof: bool


def read_cram(read_range: ReadRange, *, size: int) -> CramFile:
    """The parts of the file of `size` bytes behind `read_range`, with its SAM header.

    Reads the file definition, the header container and the last bytes: no data container.
    Raises `FormatError` for whatever is not CRAM 2.1, 3.0 or 3.1, and where header or checksums are wrong.
    """
    version = read_version(read_range(0, FILE_DEFINITION_LENGTH))
    first = read_container(read_range, version, offset=FILE_DEFINITION_LENGTH, size=size)
    if first.is_eof:
        raise FormatError("CRAM file ends before its SAM header", offset=first.extent.begin)
    header = parse_sam_header(_header_text(read_range, version, first))
    end = first.extent.end
    data_end = _data_end(read_range, version, begin=end, size=size)
    return CramFile(
        version=version,
        header=header,
        header_bytes=ByteRange(0, end),
        data=ByteRange(end, data_end),
        has_eof=data_end < size,
    )


def read_version(definition: bytes) -> CramVersion:
    """The version that a file definition, a file's first 26 bytes, names (CRAMv3 §6). Raises `FormatError`."""
    if definition[: len(MAGIC)] != MAGIC:
        raise FormatError("not a CRAM file", offset=0)
    if len(definition) < FILE_DEFINITION_LENGTH:
        raise FormatError("CRAM file definition is cut short", offset=len(definition))
    version = CramVersion(definition[4], definition[5])
    if version not in SUPPORTED:
        raise FormatError(f"CRAM version {version} is not supported", offset=4)
    return version


def read_container(read_range: ReadRange, version: CramVersion, *, offset: int, size: int) -> Container:
    """The container whose header structure begins at byte `offset` of a file of `size` bytes.

    Raises `FormatError` where no container begins there, its checksum differs, or the file ends inside it.
    """
    container = _parse_growing(read_range, offset, lambda window: _parse_container(window, version))
    if container.extent.end > size:
        raise FormatError("file ends inside a CRAM container", offset=offset)
    return container


def walk_containers(read_range: ReadRange, file: CramFile) -> Iterator[Container]:
    """Every data container of `file` in order, one read of a few bytes each; an end-of-file container is not given.

    Raises `FormatError` on coming to a place where none begins.
    """
    offset = file.data.begin
    while offset < file.data.end:
        container = read_container(read_range, file.version, offset=offset, size=file.data.end)
        if not container.is_eof:
            yield container
        offset = container.extent.end


def read_slices(read_range: ReadRange, version: CramVersion, container: Container) -> Iterator[Slice]:
    """The slices of a data container, from their headers. Raises `FormatError`."""
    for landmark in container.landmarks:
        block = _read_block(read_range, version, offset=container.blocks + landmark, end=container.extent.end)
        if block.content is not _CONTENT_SLICE_HEADER:
            raise FormatError("no CRAM slice begins where a landmark points", offset=block.offset)
        window = _Window(block.plain(), block.offset)
        reference, start, span = window.itf8(), window.itf8(), window.itf8()
        if reference < SEVERAL_REFERENCES:
            raise FormatError(f"CRAM slice names reference {reference}", offset=block.offset)
        yield Slice(reference, start - 1, start - 1 + span)


# -- bytes to values --------------------------------------------------------------------------------------------


class _CutShortError(FormatError):
    """The bytes at hand end inside a value: more of the file may hold the rest."""


class _Window:
    """Bytes of a file from byte `offset` on, taken from left to right."""

    __slots__ = ("at", "data", "offset")

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self.offset = offset
        self.at = 0

    def take(self, length: int) -> bytes:
        if length < 0:
            raise FormatError("CRAM length is negative", offset=self.offset + self.at)
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
        """A signed 32-bit integer whose first byte's leading ones, at most four, count the bytes that follow (§2.3)."""
        first = self.byte()
        if first < 0xF0:
            more = _leading_ones(first)
            return first & 0x7F >> more if not more else (first & 0x7F >> more) << 8 * more | self._big_endian(more)
        # Five bytes hold 36 bits, of which the last byte's upper four are nobody's.
        rest = self._big_endian(4)
        return _signed((first & 0x0F) << 28 | rest >> 8 << 4 | rest & 0x0F, 32)

    def ltf8(self) -> int:
        """A signed 64-bit integer whose first byte's leading ones, at most eight, count the bytes that follow."""
        first = self.byte()
        more = _leading_ones(first)
        return _signed((first & 0x7F >> more) << 8 * more | self._big_endian(more), 64)

    def check(self) -> None:
        """Takes a CRC32 and compares it with all that was taken before."""
        found = zlib.crc32(memoryview(self.data)[: self.at])
        if found != int.from_bytes(self.take(4), "little"):
            raise FormatError("CRAM checksum differs", offset=self.offset)

    def _big_endian(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")


def _leading_ones(byte: int) -> int:
    return 8 - (byte ^ 0xFF).bit_length()


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _parse_growing[T](read_range: ReadRange, offset: int, parse: Callable[[_Window], T]) -> T:
    """`parse` of the bytes at `offset`, of as few as it is content with. More than a MiB is taken for corruption."""
    for length in _WINDOWS:
        data = read_range(offset, length)
        try:
            return parse(_Window(data, offset))
        except _CutShortError:
            if len(data) < length or length == _WINDOWS[-1]:
                raise
    raise AssertionError("unreachable")
