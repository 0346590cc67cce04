"""CRAM 2.1, 3.0 and 3.1: the skeleton of a file, read without decoding a record.

A CRAM file is a file definition, one container with the SAM header, data containers and an end-of-file
container (CRAMv3 §5). Each container says how long it is, so a file is walked by its container headers
alone, and whole data containers put after another file's definition and header are again a valid file.
Version 3 guards every container header and every block with a CRC32; all that is read here is checked
against it.

The SAM header may be raw or compressed with gzip (all the specification allows, and all that htslib and
htsjdk write), bzip2 or LZMA (which their readers take). The codecs made for records (rANS and later) are
refused there.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.headers import FileFormat, FileHeader, parse_sam_header
from catalogue.formats.intervals import ByteRange, VirtualOffset

MAGIC = b"CRAM"
FILE_DEFINITION_LENGTH = 26

#: Values of a reference sequence id that name no reference.
UNPLACED = -1
SEVERAL_REFERENCES = -2

#: Larger declared sizes of a header container, or of the text in it, are taken for corruption (256 MiB).
MAX_HEADER_LENGTH = 1 << 28

#: The start that marks an end-of-file container: the letters "EOF", less one as positions here are 0-based.
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

    `extent` is the whole container, header structure included; `blocks` is where its blocks begin, the byte
    that `landmarks` (where its slices begin) count from. `start` and `end` are 0-based and half-open; they
    mean something only where `reference` is not negative.
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
        return (
            self.reference == UNPLACED
            and self.start == _EOF_START
            and not self.records
            and not self.landmarks
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """Where a slice's reads lie, by its header (CRAMv3 §8.5): as `Container`, for one slice."""

    reference: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CramFile:
    """The parts of a CRAM file.

    `header.packed` holds the file definition and the header container: sent as they are they begin a valid
    file. `data` holds the data containers, from the first one's first byte to the end-of-file container or,
    where that is missing (`has_eof` false), to the end of the file.
    """

    version: CramVersion
    header: FileHeader
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
    begin = first.extent.end
    if begin > MAX_HEADER_LENGTH:
        raise FormatError(f"CRAM header of {begin} bytes", offset=first.extent.begin)
    packed = read_range(0, begin)
    if len(packed) < begin:
        raise FormatError("file ends inside a CRAM container", offset=len(packed))
    text = _header_text(packed, version, first).decode(errors="replace")
    sam = parse_sam_header(text)
    end = _data_end(read_range, version, begin=begin, size=size)
    return CramFile(
        version=version,
        header=FileHeader(
            format=FileFormat.CRAM,
            version=str(version),
            text=text,
            contigs=sam.contigs,
            samples=sam.samples,
            sort_order=sam.sort_order,
            end=VirtualOffset.at(begin),
            packed=packed,
        ),
        data=ByteRange(begin, end),
        has_eof=end < size,
    )


def read_version(definition: bytes) -> CramVersion:
    """The version that a file's first 26 bytes, its file definition, name (CRAMv3 §6). Raises `FormatError`."""
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
    """Every data container of `file` in order, for each one read of a few bytes.

    Raises `FormatError` on coming to a place where none begins, and at an end-of-file container before the
    file's end.
    """
    offset = file.data.begin
    while offset < file.data.end:
        container = read_container(read_range, file.version, offset=offset, size=file.data.end)
        if container.is_eof:
            raise FormatError("CRAM end-of-file container before the end of the file", offset=offset)
        yield container
        offset = container.extent.end


def read_slices(read_range: ReadRange, version: CramVersion, container: Container) -> Iterator[Slice]:
    """The slices of a data container, from their headers. Raises `FormatError`."""
    for landmark in container.landmarks:
        place = ByteRange(container.blocks + landmark, container.extent.end)
        header = _read_block(read_range, version, place, content=_SLICE_HEADER, most=_WINDOWS[-1])
        yield Slice(*_placed(_Window(header, place.begin)))


_FILE_HEADER = 0
_SLICE_HEADER = 2

_RAW = 0

T = TypeVar("T")


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
        """A signed 32-bit integer (CRAMv3 §2.3): the first byte's leading ones, up to four, count those after."""
        first = self.byte()
        more = min(_leading_ones(first), 4)
        rest = int.from_bytes(self.take(more), "big")
        if more < 4:
            return (first & 0x7F >> more) << 8 * more | rest
        # 32 bits in five bytes: both the first and the last byte give four.
        return _signed((first & 0x0F) << 28 | rest >> 8 << 4 | rest & 0x0F, bits=32)

    def ltf8(self) -> int:
        """A signed 64-bit integer (CRAMv3 §2.3): the first byte's leading ones count those after."""
        first = self.byte()
        more = _leading_ones(first)
        rest = int.from_bytes(self.take(more), "big")
        return _signed((first & 0x7F >> more) << 8 * more | rest, bits=64)

    def checksum(self) -> None:
        """Takes a CRC32 and compares it with that of everything before it."""
        computed = zlib.crc32(self.data[: self.at])
        if computed != int.from_bytes(self.take(4), "little"):
            raise FormatError("CRAM checksum differs", offset=self.offset)


def _leading_ones(byte: int) -> int:
    return 8 - (byte ^ 0xFF).bit_length()


def _signed(value: int, *, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _parse_growing(read_range: ReadRange, offset: int, parse: Callable[[_Window], T]) -> T:
    """What `parse` makes of the bytes at `offset`, of as few as it is content with."""
    for length in _WINDOWS:
        data = read_range(offset, length)
        try:
            return parse(_Window(data, offset))
        except _CutShortError:
            if len(data) < length:
                raise
    raise FormatError(f"CRAM container header is longer than {length} bytes", offset=offset)


def _placed(window: _Window) -> tuple[int, int, int]:
    """Reference, start and end, as containers and slices tell them: reference, 1-based start, length."""
    at = window.offset + window.at
    reference, start, span = window.itf8(), window.itf8(), window.itf8()
    if reference < SEVERAL_REFERENCES or (reference >= 0 and (start < 0 or span < 0)):
        raise FormatError(f"no place for reads: reference {reference}, start {start}, span {span}", offset=at)
    return reference, start - 1, start - 1 + span


def _parse_container(window: _Window, version: CramVersion) -> Container:
    length = window.int32()
    reference, start, end = _placed(window)
    records = window.itf8()
    if version.major < 3:
        window.itf8()  # records before this container
    else:
        window.ltf8()
    window.ltf8()  # bases
    blocks = window.itf8()
    # Rules out, too, that a stretch of zero bytes is walked in tiny steps.
    if length <= 0 or blocks <= 0 or records < 0:
        raise FormatError("CRAM container without a block", offset=window.offset)
    landmarks = tuple(window.itf8() for _ in range(window.itf8()))
    if version.checksums:
        window.checksum()
    if not all(0 <= landmark < length for landmark in landmarks):
        raise FormatError("CRAM landmark points outside its container", offset=window.offset)
    begin = window.offset + window.at
    return Container(
        extent=ByteRange(window.offset, begin + length),
        blocks=begin,
        reference=reference,
        start=start,
        end=end,
        records=records,
        landmarks=landmarks,
    )


def _data_end(read_range: ReadRange, version: CramVersion, *, begin: int, size: int) -> int:
    """Where the end-of-file container begins, or `size` where there is none after `begin`."""
    offset = size - len(version.eof)
    if offset < begin:
        return size
    try:
        # Parsed rather than compared: the specification and htslib differ in four bits that mean nothing.
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


def _read_block(
    read_range: ReadRange, version: CramVersion, place: ByteRange, *, content: int, most: int
) -> bytes:
    """The plain data of the block (CRAMv3 §8) that begins where `place` does and ends inside it.

    Raises `FormatError` where the block is not of the content type asked for, or larger than `most` bytes.
    """
    window = _Window(read_range(place.begin, min(place.length, _WINDOWS[0])), place.begin)
    method, found = window.byte(), window.byte()
    _, size, plain_size = window.itf8(), window.itf8(), window.itf8()
    if found != content:
        raise FormatError(f"CRAM block holds content of type {found}, not {content}", offset=place.begin)
    if not (0 <= size <= most and 0 <= plain_size <= most):
        raise FormatError(f"CRAM block of {size} bytes, {plain_size} when plain", offset=place.begin)
    head = window.at
    length = head + size + (4 if version.checksums else 0)
    if length > place.length:
        raise FormatError("CRAM block is longer than its container", offset=place.begin)
    if length > len(window.data):
        window = _Window(read_range(place.begin, length), place.begin)
    window.at = head
    data = window.take(size)
    if version.checksums:
        window.checksum()
    return _plain(data, method=method, size=plain_size, offset=place.begin)


def _plain(data: bytes, *, method: int, size: int, offset: int) -> bytes:
    """Block data without its compression, `size` bytes. No bytes are none by any method (CRAMv3 §8)."""
    if size == 0:
        return b""
    if method == _RAW:
        plain, complete = data, True
    elif method in _DECOMPRESSORS:
        decompressor = _DECOMPRESSORS[method]()
        try:
            plain = decompressor.decompress(data, max_length=size + 1)
        except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
            raise FormatError(f"CRAM block does not decompress: {error}", offset=offset) from error
        complete = decompressor.eof
    else:
        raise FormatError(f"CRAM block compressed by method {method} where it may not be", offset=offset)
    if not complete or len(plain) != size:
        raise FormatError(f"CRAM block is not of {size} bytes when plain", offset=offset)
    return plain


def _header_text(packed: bytes, version: CramVersion, container: Container) -> bytes:
    """The SAM header's text, from the first block of the header container (CRAMv3 §8.3)."""
    place = ByteRange(container.blocks, container.extent.end)

    def read_range(offset: int, length: int) -> bytes:
        return packed[offset : offset + length]

    block = _read_block(read_range, version, place, content=_FILE_HEADER, most=MAX_HEADER_LENGTH)
    window = _Window(block, place.begin)
    length = window.int32()
    if length < 0:
        raise FormatError("SAM header of negative length", offset=place.begin)
    return window.take(length).rstrip(b"\0")
