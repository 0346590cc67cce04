"""The registry of served file formats, and their recognition by content, never by file name."""

import zlib
from collections.abc import Mapping
from typing import Final

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bam import BAM
from catalogue.formats.bcf import BCF
from catalogue.formats.bgzf import MAX_COMPRESSED, is_bgzf
from catalogue.formats.cram import CRAM
from catalogue.formats.headers import FileFormat, FileHeader, HeaderReader
from catalogue.formats.records import RecordWalker
from catalogue.formats.spec import FileKind, FormatSpec, Structure
from catalogue.formats.vcf import VCF

#: Formats in the order of htsget; the first of each kind is the default.
SPECS: Final[Mapping[FileFormat, FormatSpec]] = {spec.format: spec for spec in (BAM, CRAM, VCF, BCF)}

_MAX_MAGIC = 32
_GZIP = b"\x1f\x8b"
_TEXT_NAMES = {
    **dict.fromkeys((b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t"), "SAM text"),
    b"##fileformat=VCF": "VCF text",
    b"##gff": "GFF text",
    b">": "FASTA text",
}
_BINARY_NAMES = {b"BAM\1": "a BAM stream", b"BCF\2": "a BCF stream"}
_INDEX_NAMES = {b"BAI\1": "a BAI index", b"CSI\1": "a CSI index", b"TBI\1": "a TBI index"}
_UNCOMPRESSED_NAMES = {
    **{magic: f"{name}, not compressed; compress it with bgzip" for magic, name in _TEXT_NAMES.items()},
    **{magic: f"{name}, not compressed" for magic, name in _BINARY_NAMES.items()},
    **_INDEX_NAMES,
    b"crypt4gh": "a Crypt4GH file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"PK\3\4": "a zip file",
}
_GZIPPED_NAMES = {**_TEXT_NAMES, **_BINARY_NAMES}
_BGZF_NAMES = {
    **{magic: name for magic, name in _TEXT_NAMES.items() if name != "VCF text"},
    **_INDEX_NAMES,
    b"BCF\2": "BCF 2 of an unknown minor version",
    b"BCF\4": "BCF 1, which is not served",
}


def formats_of(kind: FileKind | str) -> tuple[FileFormat, ...]:
    """Return the formats of one kind, the default first."""
    return tuple(spec.format for spec in SPECS.values() if spec.kind == kind)


def strip_suffix(name: str) -> tuple[str, FormatSpec | None]:
    """Return a file name without the suffix of a format, and the format of that suffix.

    >>> strip_suffix("run/a.VCF.gz")[0]
    'run/a'
    """
    lower = name.lower()
    suffixes = ((suffix, spec) for spec in SPECS.values() for suffix in spec.suffixes)
    suffix, promised = next(
        ((suffix, spec) for suffix, spec in suffixes if lower.endswith(suffix)), ("", None)
    )
    return name[: len(name) - len(suffix)], promised


def sniff(read_range: ReadRange) -> FileFormat:
    """Return a file's format, recognised by its first bytes.

    Raises `FormatError` for a format that is not served, and names it if possible.
    """
    start = read_range(0, MAX_COMPRESSED)
    if found := _match(start, Structure.CRAM):
        return found
    if not start.startswith(_GZIP):
        raise FormatError(
            _name_of(start, _UNCOMPRESSED_NAMES) or "not a BAM, CRAM, VCF or BCF file", offset=0
        )
    try:
        data = HeaderReader(read_range).peek(_MAX_MAGIC)
    except FormatError:
        inner = None if is_bgzf(start) else _name_of(_gunzip_start(start), _GZIPPED_NAMES)
        if inner is None:
            raise
        raise FormatError(f"{inner} compressed with gzip; compress it with bgzip", offset=0) from None
    if found := _match(data, Structure.BGZF):
        return found
    raise FormatError(_name_of(data, _BGZF_NAMES) or "BGZF, but neither BAM, VCF nor BCF", offset=0)


def read_header(read_range: ReadRange) -> FileHeader:
    """Read the header of a file of any served format. Raises `FormatError` for any other or corrupt file."""
    return SPECS[sniff(read_range)].read_header(read_range)


def record_walker(format: FileFormat, names: Mapping[int, str]) -> RecordWalker:
    """Return the function that finds the records of a format; `names` maps numbers to names of the requested contigs.

    Where records name their contig, other contigs become `OTHER_CONTIG`. Raises ValueError for a format whose records
    are not read here.
    """
    make = SPECS[format].record_walker
    if make is None:
        raise ValueError(f"records of {format} are not read here")
    return make(names)


def _match(start: bytes, structure: Structure) -> FileFormat | None:
    specs = (spec for spec in SPECS.values() if spec.structure is structure)
    return next((spec.format for spec in specs if start.startswith(spec.magics)), None)


def _name_of(start: bytes, names: Mapping[bytes, str]) -> str | None:
    return next((name for magic, name in names.items() if start.startswith(magic)), None)


def _gunzip_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, _MAX_MAGIC)
    except zlib.error:
        return b""
