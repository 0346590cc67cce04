"""Makes coding sequences from the lines of one transcript: segments, completeness, and what recodes residues."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from catalogue.formats.annotation import naming
from catalogue.formats.annotation.lines import Line, value, values
from catalogue.formats.annotation.models import Block, Coding, Recoded, StableId
from catalogue.formats.annotation.ordering import RegionInfo, Regions, blocks_in_order
from catalogue.formats.annotation.translation import RESIDUES, TERMINATION

# Exceptions that the genome's residues and the rules here reproduce; with any other the product is not what they give.
_REPRODUCED: Final = re.compile(
    r"ribosomal slippage|trans-splicing|alternative start codon|nonconsensus splice site|dicistronic gene"
    r"|selenocysteine.*",
    re.IGNORECASE,
)
_OTHER_START: Final = "alternative start codon"
_SLIPPAGE: Final = "ribosomal slippage"
_RECODED = re.compile(r"\(\s*pos:\s*(.*?),\s*aa:\s*(\w+)\s*\)")
_POSITIONS = re.compile(r"(\d+)(?:\.\.(\d+))?")
_NO_START: Final = {"cds_start_NF", "mRNA_start_NF"}
_NO_END: Final = {"cds_end_NF", "mRNA_end_NF"}
_INSDC_TABLE = re.compile(r"[1-9]\d?")


def make_codings(
    lines: Sequence[Line],
    stops: Sequence[Line],
    recoding: Sequence[Line],
    regions: Regions,
    *,
    tags: Sequence[str],
    fallback: StableId,
    origin: int | None,
) -> list[Coding]:
    """Return the coding sequences of a transcript, in the order of their first lines.

    `stops` are stop codons that lines of GTF leave out, `recoding` lines where a stop codon codes for selenocysteine,
    `tags` those of the transcript, `fallback` the id of a protein without one. Raises ValueError.
    """
    groups = grouped(lines)
    found = []
    for group in groups:
        own = [line for line in stops if len(groups) == 1 or _key(line) == _key(group[0])]
        coding = _coding(group, regions, tags=tags, fallback=fallback, origin=origin)
        if own:
            coding.segments = tuple(
                _with_stops(coding.segments, blocks_in_order(own, regions, origin=origin))
            )
        coding.recoded += tuple(Recoded(((line.start, line.end),), "U") for line in recoding)
        coding.selenoprotein = "seleno" in tags and not any(one.residue == "U" for one in coding.recoded)
        found.append(coding)
    return found


def grouped(lines: Sequence[Line]) -> list[list[Line]]:
    """Return the lines of each coding sequence: those of one protein, or of one ID if IDs are used so."""
    ids = Counter(value(line.attributes, "ID") for line in lines)
    use_ids = len(lines) == 1 or any(count > 1 for identifier, count in ids.items() if identifier)
    groups: dict[str, list[Line]] = {}
    for line in lines:
        key = _key(line) or (value(line.attributes, "ID") if use_ids else "")
        groups.setdefault(key, []).append(line)
    return list(groups.values())


def exceptions(line: Line) -> list[str]:
    """Return what is exceptional about a feature (`exception`)."""
    return values(line.attributes, "exception")


def slips(lines: Sequence[Line]) -> bool:
    """Return whether the ribosome changes its frame in this coding sequence."""
    return any(_SLIPPAGE in exceptions(line) for line in lines)


def difference(lines: Sequence[Line]) -> str:
    """Return why the published sequence is not what the genome says; "" if it should be."""
    told = (said for line in lines for said in exceptions(line))
    return ", ".join(dict.fromkeys(said for said in told if not _REPRODUCED.fullmatch(said)))


def _key(line: Line) -> str:
    return value(line.attributes, "protein_id")


def _coding(
    lines: list[Line], regions: Regions, *, tags: Sequence[str], fallback: StableId, origin: int | None
) -> Coding:
    first = lines[0]
    segments = blocks_in_order(lines, regions, origin=origin)
    leading = _line_of(segments[0], lines, regions)
    phase = leading.phase or 0
    lacks_start, lacks_end = _lacking(lines)
    is_pseudo = any(value(line.attributes, "pseudo").lower() == "true" for line in lines)
    table = next((found for line in lines if (found := value(line.attributes, "transl_table"))), "")
    if table and not _INSDC_TABLE.fullmatch(table):
        raise ValueError(f"transl_table={table} is not the number of a translation table")
    return Coding(
        stable_id=naming.protein_id(first.attributes) or fallback,
        segments=tuple(segments),
        phase=phase,
        complete_start=not (lacks_start or phase or _NO_START.intersection(tags)),
        complete_end=not (lacks_end or _NO_END.intersection(tags)),
        pseudo=is_pseudo,
        genetic_code=int(table) if table else None,
        recoded=_beyond_origin(_recoded(lines), segments, regions[first.seqid]),
        starts_with_methionine=any(_OTHER_START in exceptions(line) for line in lines),
        differs=difference(lines),
        name=next((found for line in lines if (found := value(line.attributes, "product"))), ""),
        dbxrefs=list(dict.fromkeys(one for line in lines for one in naming.references(line.attributes))),
    )


def _line_of(segment: Block, lines: Sequence[Line], regions: Regions) -> Line:
    """Return the line of a segment, which may count on beyond the origin."""
    length = {info.number: info.length for info in (regions[line.seqid] for line in lines)}[segment.region]
    return next(
        line
        for line in lines
        if regions[line.seqid].number == segment.region
        and line.strand == segment.strand
        and (line.start - segment.start) % length == 0
    )


def _lacking(lines: Sequence[Line]) -> tuple[bool, bool]:
    """Return whether the annotation says that the beginning, and the end, of a coding sequence is not there."""
    left = any(value(line.attributes, "start_range").startswith(".") for line in lines)
    right = any(value(line.attributes, "end_range").endswith(".") for line in lines)
    # Prodigal writes two digits, for the left and the right edge.
    edges = {value(line.attributes, "partial") for line in lines}
    left |= bool(edges & {"10", "11"})
    right |= bool(edges & {"01", "11"})
    return (right, left) if lines[0].strand < 0 else (left, right)


def _recoded(lines: Sequence[Line]) -> tuple[Recoded, ...]:
    """Parse `transl_except=(pos:complement(join(1..2,5)),aa:Sec)`, once or several times."""
    found: dict[Recoded, None] = {}
    for line in lines:
        for match in _RECODED.finditer(value(line.attributes, "transl_except")):
            blocks = tuple((int(start) - 1, int(end or start)) for start, end in _POSITIONS.findall(match[1]))
            residue = TERMINATION if match[2].upper() == TERMINATION else RESIDUES.get(match[2], "X")
            if blocks:
                found[Recoded(blocks, residue)] = None
    return tuple(found)


def _beyond_origin(
    recoded: tuple[Recoded, ...], segments: Sequence[Block], region: RegionInfo
) -> tuple[Recoded, ...]:
    """Return recoded codons where positions behind the origin count on, as those of segments do."""
    first = min(segment.start for segment in segments)
    if not region.circular or max(segment.end for segment in segments) <= region.length:
        return recoded
    return tuple(
        one._replace(
            blocks=tuple(
                (start + region.length, end + region.length) if start < first else (start, end)
                for start, end in one.blocks
            )
        )
        for one in recoded
    )


def _with_stops(segments: Sequence[Block], stops: Sequence[Block]) -> list[Block]:
    """Return the segments with stop codons: joined to the segment that they touch, or after all of them."""
    extended = list(segments)
    for stop in stops:
        last = extended[-1]
        touches = (
            (last.region, last.strand) == (stop.region, stop.strand)
            and last.start <= stop.end
            and stop.start <= last.end
        )
        if touches:
            extended[-1] = last._replace(start=min(last.start, stop.start), end=max(last.end, stop.end))
        else:
            extended.append(stop)
    return extended
