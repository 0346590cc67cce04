"""Headers of BAM, VCF and BCF, and what every format's header has in common.

The format is told from the content, never from a name. `read_header` reads a BGZF file's header;
`FileHeader`, `HeaderContig` and `parse_sam_header` serve CRAM as well.
"""

import re
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import MAX_STORED, Block, BlockReader, deflate
from catalogue.formats.intervals import VirtualOffset

#: The most plain bytes, and contigs, that a header may have: room for draft assemblies in a million pieces.
MAX_HEADER: Final = 128 * 1024 * 1024
MAX_CONTIGS: Final = 2_000_000

_MAX_DIGITS = 19
_LONGEST_MAGIC = 32
_GZIP = b"\x1f\x8b"
_NOT_HEADER = re.compile(rb"\n[^#\r\n]")
_VCF_TAG = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,>"]*)')


class FileFormat(StrEnum):
    """The formats that are served, as htsget spells them."""

    BAM = "BAM"
    CRAM = "CRAM"
    VCF = "VCF"
    BCF = "BCF"


@dataclass(frozen=True, slots=True)
class HeaderContig:
    """A contig as a header declares it.

    `index` is the number that the file's records and index know it by: the place in the reference
    dictionary (BAM, CRAM), the `IDX` (BCF), the place in order of declaration (VCF). `md5` is 32 lower-case
    hexadecimal digits.
    """

    index: int
    name: str
    length: int | None = None
    md5: str | None = None
    aliases: tuple[str, ...] = ()
    assembly: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What a file says of itself before its first record.

    `end` is where the first record begins; for CRAM, `VirtualOffset.at(byte)` of the container after the
    header's. `packed` is the header ready to send: BGZF blocks that hold exactly the header's plain bytes
    or, for CRAM, the file definition and header container as stored.
    """

    format: FileFormat
    version: str
    text: str
    contigs: tuple[HeaderContig, ...]
    samples: tuple[str, ...]
    sort_order: str | None
    end: VirtualOffset
    packed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SamHeader:
    """The parts of a SAM header's text that matter here (SAMv1 §1.3)."""

    version: str
    contigs: tuple[HeaderContig, ...]
    samples: tuple[str, ...]
    sort_order: str | None


def parse_sam_header(text: str) -> SamHeader:
    """Reads `@HD`, `@SQ` and `@RG` lines; lines and tags it does not know, or cannot read, are passed over.

    Samples are the distinct `SM` of the read groups, in order.
    """
    version, sort_order = "", None
    contigs: list[HeaderContig] = []
    samples: dict[str, None] = {}
    for line in text.split("\n"):
        kind, *fields = line.rstrip("\r").split("\t")
        if kind not in {"@HD", "@SQ", "@RG"}:
            continue
        tags = {field[:2]: field[3:] for field in fields if field[2:3] == ":"}
        if kind == "@HD":
            version, sort_order = tags.get("VN", ""), tags.get("SO")
        elif kind == "@RG" and tags.get("SM"):
            samples[tags["SM"]] = None
        elif kind == "@SQ" and tags.get("SN"):
            contigs.append(_sam_contig(len(contigs), tags))
    return SamHeader(version, tuple(contigs), tuple(samples), sort_order)


def _sam_contig(index: int, tags: dict[str, str]) -> HeaderContig:
    return HeaderContig(
        index=index,
        name=tags["SN"],
        length=_number(tags.get("LN", "")),
        md5=_md5(tags.get("M5", "")),
        aliases=tuple(name for name in tags.get("AN", "").split(",") if name),
        assembly=tags.get("AS") or None,
        uri=tags.get("UR") or None,
    )


def _md5(text: str) -> str | None:
    digits = text.lower()
    return digits if len(digits) == 32 and set(digits) <= set("0123456789abcdef") else None


_MAGICS: dict[bytes, FileFormat] = {
    b"BAM\1": FileFormat.BAM,
    b"BCF\2\1": FileFormat.BCF,
    b"BCF\2\2": FileFormat.BCF,
    b"##fileformat=VCF": FileFormat.VCF,
}
_TEXT_NAMES = {
    **dict.fromkeys((b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t"), "SAM text"),
    b"##fileformat=VCF": "VCF text",
    b"##gff": "GFF text",
    b">": "FASTA text",
}
_BINARY_NAMES = {b"BAM\1": "a BAM stream", b"BCF\2": "a BCF stream"}
_INDEX_NAMES = {b"BAI\1": "a BAI index", b"CSI\1": "a CSI index", b"TBI\1": "a TBI index"}
_PLAIN_NAMES = {
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


def sniff(read_range: ReadRange) -> FileFormat:
    """The format of a file, from its first bytes.

    Raises `FormatError` for anything that is not served, saying what it is where that can be told.
    """
    start = read_range(0, MAX_STORED)
    if start.startswith(b"CRAM"):
        return FileFormat.CRAM
    if not start.startswith(_GZIP):
        raise FormatError(_name_of(start, _PLAIN_NAMES) or "not a BAM, CRAM, VCF or BCF file", offset=0)
    try:
        plain = _PlainReader(read_range).peek(_LONGEST_MAGIC)
    except FormatError:
        inner = _name_of(_gunzip_start(start), _GZIPPED_NAMES)
        if inner is None:
            raise
        raise FormatError(f"{inner} compressed with gzip; compress it with bgzip", offset=0) from None
    for magic, format in _MAGICS.items():
        if plain.startswith(magic):
            return format
    raise FormatError(_name_of(plain, _BGZF_NAMES) or "BGZF, but neither BAM, VCF nor BCF", offset=0)


def read_header(read_range: ReadRange) -> FileHeader:
    """The header of a BAM, VCF or BCF file.

    Raises `FormatError` when the file is of another format or its header is corrupt, cut short, or over
    `MAX_HEADER` bytes.
    """
    format = sniff(read_range)
    if format not in _READERS:
        raise FormatError(f"{format} is not compressed with BGZF", offset=0)
    return _READERS[format](_PlainReader(read_range))


def with_indexed_contigs(header: FileHeader, names: Iterable[str]) -> FileHeader:
    """The header with the contigs that only the index of a VCF names added after those that are declared."""
    contigs = list(header.contigs)
    known = {contig.name for contig in contigs}
    for name in names:
        if name not in known:
            known.add(name)
            contigs.append(HeaderContig(index=len(contigs), name=name))
    return replace(header, contigs=tuple(contigs))


class _PlainReader:
    """Takes the plain bytes at the start of a BGZF file one after the other, and keeps them."""

    def __init__(self, read_range: ReadRange) -> None:
        self._blocks = BlockReader(read_range).blocks(0)
        self._held: list[Block] = []
        self._plain_ends: list[int] = []
        self.plain = bytearray()
        self.at = 0

    def more(self) -> bool:
        """Adds the next block that holds anything; False at the end of the file."""
        for block in self._blocks:
            if block.plain:
                self.plain += block.plain
                self._held.append(replace(block, plain=b""))
                self._plain_ends.append(len(self.plain))
                if len(self.plain) > MAX_HEADER:
                    raise FormatError(f"header is longer than {MAX_HEADER} bytes", offset=block.begin)
                return True
        return False

    def peek(self, length: int) -> bytes:
        """The next `length` bytes, which remain to be taken; fewer at the end of the file."""
        while len(self.plain) < self.at + length and self.more():
            pass
        return bytes(self.plain[self.at : self.at + length])

    def take(self, length: int) -> bytes:
        if length < 0 or self.at + length > MAX_HEADER:
            raise FormatError(f"header claims a part of {length} bytes", offset=self._stored_end())
        taken = self.peek(length)
        if len(taken) < length:
            raise FormatError("header is cut short", offset=self._stored_end())
        self.at += length
        return taken

    def take_number(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def virtual_offset(self) -> VirtualOffset:
        """Where the next byte to be taken lies; after the last of a block that is the block that follows."""
        if self.at == 0:
            return VirtualOffset(0)
        last = bisect_left(self._plain_ends, self.at)
        if self._plain_ends[last] == self.at:
            return VirtualOffset.at(self._held[last].end)
        return VirtualOffset.at(self._held[last].begin, self.at - (self._plain_ends[last - 1] if last else 0))

    def taken(self) -> bytes:
        return bytes(self.plain[: self.at])

    def _stored_end(self) -> int:
        return self._held[-1].end if self._held else 0


def _read_bam(reader: _PlainReader) -> FileHeader:
    """BAM (SAMv1 §4.2). Its binary dictionary says which contigs there are; `@SQ` adds what that lacks."""
    reader.take(4)
    text = _text(reader.take(reader.take_number()))
    sam = parse_sam_header(text)
    described = {contig.name: contig for contig in sam.contigs}
    contigs: list[HeaderContig] = []
    count = reader.take_number()
    if not 0 <= count <= MAX_CONTIGS:
        raise FormatError(f"header claims {count} contigs")
    for index in range(count):
        name = _text(reader.take(reader.take_number()))
        length = reader.take_number()
        if not name or length < 0:
            raise FormatError(f"contig {index} of the header has no name or a negative length")
        declared = described.get(name, HeaderContig(index, name))
        contigs.append(replace(declared, index=index, length=length))
    return FileHeader(
        format=FileFormat.BAM,
        version=sam.version,
        text=text,
        contigs=tuple(contigs),
        samples=sam.samples,
        sort_order=sam.sort_order,
        end=reader.virtual_offset(),
        packed=deflate(reader.taken()),
    )


def _read_vcf(reader: _PlainReader) -> FileHeader:
    """VCF (VCFv4.3 §1): everything up to and with the `#CHROM` line."""
    searched = 0
    while True:
        columns = reader.plain.find(b"\n#CHROM\t", searched)
        if stray := _NOT_HEADER.search(
            reader.plain, searched, columns if columns >= 0 else len(reader.plain)
        ):
            raise FormatError("VCF has a line before #CHROM that is no header", offset=stray.start())
        if columns >= 0:
            break
        searched = max(0, len(reader.plain) - len(b"\n#CHROM\t"))
        if not reader.more():
            raise FormatError("VCF has no #CHROM line")
    searched = columns + 1
    while (end := reader.plain.find(b"\n", searched)) < 0:
        searched = len(reader.plain)
        if not reader.more():
            end = len(reader.plain) - 1
            break
    text = _text(reader.take(end + 1))
    return _vcf_header(FileFormat.VCF, text, version=_file_version(text), reader=reader)


def _read_bcf(reader: _PlainReader) -> FileHeader:
    """BCF 2.1 and 2.2 (VCFv4.3 §6.2)."""
    magic = reader.take(5)
    text = _text(reader.take(reader.take_number()))
    if not text.startswith("##fileformat=VCF"):
        raise FormatError("BCF header holds no VCF header")
    return _vcf_header(FileFormat.BCF, text, version=f"2.{magic[4]}", reader=reader)


def _vcf_header(format: FileFormat, text: str, *, version: str, reader: _PlainReader) -> FileHeader:
    contigs: dict[str, HeaderContig] = {}
    columns: list[str] = []
    for line in text.split("\n"):
        if line.startswith("##contig=<"):
            tags = _vcf_tags(line)
            if tags.get("id") and tags["id"] not in contigs:
                # Only BCF records know contigs by number, and IDX may leave gaps (VCFv4.3 §6.2.1).
                given = _number(tags.get("idx", "")) if format is FileFormat.BCF else None
                index = len(contigs) if given is None else given
                contigs[tags["id"]] = _vcf_contig(index, tags)
                if len(contigs) > MAX_CONTIGS:
                    raise FormatError(f"header has more than {MAX_CONTIGS} contigs")
        elif line.startswith("#CHROM\t"):
            columns = line.rstrip("\r").split("\t")
    return FileHeader(
        format=format,
        version=version,
        text=text,
        contigs=tuple(contigs.values()),
        samples=tuple(columns[9:]),
        sort_order=None,
        end=reader.virtual_offset(),
        packed=deflate(reader.taken()),
    )


def _vcf_tags(line: str) -> dict[str, str]:
    return {match[1].lower(): match[2].strip('"') for match in _VCF_TAG.finditer(line, len("##contig=<"))}


def _vcf_contig(index: int, tags: dict[str, str]) -> HeaderContig:
    return HeaderContig(
        index=index,
        name=tags["id"],
        length=_number(tags.get("length", "")),
        md5=_md5(tags.get("md5", "")),
        assembly=tags.get("assembly") or None,
        uri=tags.get("url") or None,
    )


_READERS: dict[FileFormat, Callable[[_PlainReader], FileHeader]] = {
    FileFormat.BAM: _read_bam,
    FileFormat.VCF: _read_vcf,
    FileFormat.BCF: _read_bcf,
}


def _text(data: bytes) -> str:
    """Header text, without the NULs that end or pad it."""
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS else None


def _file_version(text: str) -> str:
    return text.partition("\n")[0].strip().removeprefix("##fileformat=VCFv")


def _name_of(start: bytes, names: dict[bytes, str]) -> str | None:
    return next((name for magic, name in names.items() if start.startswith(magic)), None)


def _gunzip_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, _LONGEST_MAGIC)
    except zlib.error:
        return b""
