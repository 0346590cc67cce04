"""The text of a SAM header, which BAM and CRAM files carry (SAMv1 §1.3)."""

from dataclasses import dataclass

from catalogue.formats.headers import HeaderContig, parse_md5, parse_number


@dataclass(frozen=True, slots=True)
class SamHeader:
    """The parts of a SAM header that the catalogue keeps.

    `unnamed` counts `@SQ` lines without a name: they make the numbers of the contigs after them uncertain.
    """

    version: str
    contigs: tuple[HeaderContig, ...]
    samples: tuple[str, ...]
    sort_order: str | None
    unnamed: int = 0


def parse_sam_header(text: str) -> SamHeader:
    """Read `@HD`, `@SQ` and `@RG` lines; skip unknown and malformed lines and tags.

    Samples are the distinct `SM` of the read groups, in order.
    """
    version, sort_order = "", None
    contigs: list[HeaderContig] = []
    samples: dict[str, None] = {}
    unnamed = 0
    for line in text.split("\n"):
        kind, *fields = line.rstrip("\r").split("\t")
        if kind not in {"@HD", "@SQ", "@RG"}:
            continue
        tags = {field[:2]: field[3:] for field in fields if field[2:3] == ":"}
        if kind == "@HD":
            version, sort_order = tags.get("VN", ""), tags.get("SO")
        elif kind == "@SQ" and tags.get("SN"):
            contigs.append(_contig(len(contigs), tags))
        elif kind == "@SQ":
            unnamed += 1
        elif tags.get("SM"):
            samples[tags["SM"]] = None
    return SamHeader(version, tuple(contigs), tuple(samples), sort_order, unnamed)


def _contig(index: int, tags: dict[str, str]) -> HeaderContig:
    return HeaderContig(
        index=index,
        name=tags["SN"],
        length=parse_number(tags.get("LN", "")),
        md5=parse_md5(tags.get("M5", "")),
        aliases=tuple(name for name in tags.get("AN", "").split(",") if name),
        assembly=tags.get("AS") or None,
    )
