"""CRAM 2.1, 3.0 and 3.1: reads the parts of a file without decoding records.

A CRAM file is a file definition, one container with the SAM header, data containers and an end-of-file
container (CRAMv3 §5). Each container header gives its length, so a file can be walked by container headers
alone, and a file definition, a header and any whole data containers concatenate to a valid file.

The header container holds the SAM header in its first block. The bytes from there to the container's end
are reserved for a longer header (CRAMv3 §7.1) and are ignored.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.cram_structure import (
    Container,
    CramVersion,
    decompress_block,
    find_eof,
    read_block,
    read_container,
)
from catalogue.formats.headers import FileFormat, FileHeader, decode_text
from catalogue.formats.intervals import ByteRange, VirtualOffset
from catalogue.formats.sam import parse_sam_header
from catalogue.formats.spec import FileKind, FormatSpec, Structure

MAGIC = b"CRAM"
FILE_DEFINITION_LENGTH = 26
SUPPORTED = (CramVersion(2, 1), CramVersion(3, 0), CramVersion(3, 1))

#: Upper bound of the declared size of a header container, and of its text (256 MiB); larger is treated as corrupt.
MAX_HEADER_LENGTH = 1 << 28

_FILE_HEADER = 0
_MAX_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CramFile:
    """The parts of a CRAM file.

    `header.packed` holds the file definition and the header container as stored, ready to begin a valid file. `data`
    holds the data containers, from the first one's first byte to the end-of-file container or, where that is missing
    (`has_eof` false), to the end of the file.
    """

    version: CramVersion
    header: FileHeader
    data: ByteRange
    has_eof: bool


def read_cram(read_range: ReadRange, *, size: int) -> CramFile:
    """Read the parts of the file of `size` bytes behind `read_range`, but no data container.

    Raises `FormatError` as `read_cram_header` does.
    """
    header = read_cram_header(read_range)
    version = read_version(header.packed)
    begin = header.end.coffset
    end = find_eof(read_range, version, begin=begin, size=size)
    return CramFile(version=version, header=header, data=ByteRange(begin, end), has_eof=end < size)


def read_cram_header(read_range: ReadRange) -> FileHeader:
    """Read the file definition and the header container.

    Raises `FormatError` for a file that is not CRAM 2.1, 3.0 or 3.1, or with a wrong header or checksum.
    """
    version = read_version(read_range(0, FILE_DEFINITION_LENGTH))
    container = read_container(
        read_range, version, offset=FILE_DEFINITION_LENGTH, size=FILE_DEFINITION_LENGTH + MAX_HEADER_LENGTH
    )
    if container.is_eof:
        raise FormatError("CRAM file ends before its SAM header", offset=container.extent.begin)
    packed = read_range(0, container.extent.end)
    if len(packed) < container.extent.end:
        raise FormatError(f"the file is cut off at byte {len(packed):,}, inside the CRAM header container")
    text = _header_text(packed, version, container)
    sam = parse_sam_header(text)
    if sam.unnamed:
        raise FormatError(
            f"{sam.unnamed} @SQ lines of the CRAM header have no SN", offset=container.first_block
        )
    return FileHeader(
        format=FileFormat.CRAM,
        version=str(version),
        text=text,
        contigs=sam.contigs,
        samples=sam.samples,
        sort_order=sam.sort_order,
        end=VirtualOffset.at(container.extent.end),
        packed=packed,
    )


def read_version(definition: bytes) -> CramVersion:
    """Return the version in a file definition, a file's first 26 bytes (CRAMv3 §6). Raises `FormatError`."""
    if definition[: len(MAGIC)] != MAGIC:
        raise FormatError("not a CRAM file", offset=0)
    if len(definition) < FILE_DEFINITION_LENGTH:
        raise FormatError("CRAM file definition is cut short", offset=len(definition))
    version = CramVersion(definition[4], definition[5])
    if version not in SUPPORTED:
        raise FormatError(f"CRAM version {version} is not supported", offset=4)
    return version


def _header_text(packed: bytes, version: CramVersion, container: Container) -> str:
    """Return the SAM header from the first block of the header container (CRAMv3 §8.3)."""
    place = ByteRange(container.first_block, container.extent.end)

    def read_range(offset: int, length: int) -> bytes:
        return packed[offset : offset + length]

    block = read_block(read_range, version, place, max_size=MAX_HEADER_LENGTH)
    if block.content != _FILE_HEADER:
        raise FormatError(
            f"CRAM block holds content of type {block.content}, not {_FILE_HEADER}", offset=place.begin
        )
    data = decompress_block(block)
    length = int.from_bytes(data[:4], "little", signed=True)
    if len(data) < 4 or not 0 <= length <= len(data) - 4:
        raise FormatError(
            f"SAM header of {length} bytes in a CRAM block of {len(data)}: cut short", offset=place.begin
        )
    return decode_text(data[4 : 4 + length])


def read_data_container(read_range: ReadRange, file: CramFile, *, offset: int) -> Container:
    """Read the header structure of the data container at byte `offset`.

    Raises `FormatError` where none begins there.
    """
    container = read_container(read_range, file.version, offset=offset, size=file.data.end)
    if not container.is_eof:
        container.verify_data()
    return container


def walk_containers(read_range: ReadRange, file: CramFile) -> Iterator[Container]:
    """Yield every data container of `file` in order, with one read of a few bytes per container.

    Raises `FormatError` at an offset where no container begins, and at an end-of-file container before the file's end.
    """
    offset = file.data.begin
    while offset < file.data.end:
        container = read_data_container(read_range, file, offset=offset)
        if container.is_eof:
            raise FormatError("CRAM end-of-file container before the end of the file", offset=offset)
        yield container
        offset = container.extent.end


def verify_container(read_range: ReadRange, file: CramFile, container: Container) -> None:
    """Verify that the blocks of a data container fill it and that their checksums match. Raises `FormatError`."""
    at, end = container.first_block, container.extent.end
    for _ in range(container.blocks):
        at = read_block(read_range, file.version, ByteRange(at, end), max_size=_MAX_INT32).extent.end
    if at != end:
        raise FormatError("the blocks of a CRAM container do not fill it", offset=container.extent.begin)


CRAM = FormatSpec(
    format=FileFormat.CRAM,
    kind=FileKind.READS,
    structure=Structure.CRAM,
    magics=(MAGIC,),
    suffixes=(".cram",),
    index_suffixes=(".crai",),
    built_index_suffix=".crai",
    built_index_options=(),
    converts_to=(FileFormat.BAM,),
    read_header=read_cram_header,
)
