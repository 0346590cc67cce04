"""Headers of BAM, VCF and BCF, and what every format's header has in common.

The format is told from the content, never from a name. `read_header` reads a BGZF file's header;
`FileHeader`, `HeaderContig` and `parse_sam_header` serve CRAM as well.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from catalogue.formats.intervals import VirtualOffset


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
    length = tags.get("LN", "")
    return HeaderContig(
        index=index,
        name=tags["SN"],
        length=int(length) if length.isascii() and length.isdigit() else None,
        md5=_md5(tags.get("M5", "")),
        aliases=tuple(name for name in tags.get("AN", "").split(",") if name),
        assembly=tags.get("AS") or None,
        uri=tags.get("UR") or None,
    )


def _md5(text: str) -> str | None:
    digits = text.lower()
    return digits if len(digits) == 32 and set(digits) <= set("0123456789abcdef") else None
