"""Places coding sequences in transcripts: joined residues, positions in the cDNA, and phases of exons."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from catalogue.formats.annotation.models import Block, Coding
from catalogue.formats.annotation.translation import reverse_complement

#: Returns the residues of a region from start to end (which may lie beyond the end of a circular region).
ReadResidues = Callable[[int, int, int], bytes]
#: The phase of the edge of an exon that is not coding.
NOT_CODING: Final = -1


@dataclass(frozen=True, slots=True)
class Placed:
    """A coding sequence in its transcript: where it lies in the cDNA, and the phases of each exon's edges.

    Phases are as Ensembl counts them: the number of residues of a codon that lie before the edge.
    """

    start: int
    end: int
    start_phases: list[int]
    end_phases: list[int]


def spliced(blocks: Iterable[Block], read: ReadResidues) -> bytes:
    """Return the joined residues of blocks, each on its strand."""
    return b"".join(
        reverse_complement(residues) if block.strand < 0 else residues
        for block in blocks
        if (residues := read(block.region, block.start, block.end))
    )


def place(exons: Sequence[Block], coding: Coding) -> Placed | None:
    """Return where a coding sequence lies in the transcript of these exons; None if a part of it is in no exon."""
    offsets = [0, *accumulate(block.end - block.start for block in exons)]
    spans = [_in_cdna(segment, exons, offsets) for segment in coding.segments]
    if None in spans:
        return None
    known = [span for span in spans if span is not None]
    start, end = known[0][0], known[-1][1]
    if end <= start:
        return None
    lead = -coding.phase % 3

    def phase(position: int, *, inside: bool) -> int:
        if not inside:
            return NOT_CODING
        return (lead + sum(max(min(position, last) - first, 0) for first, last in known)) % 3

    return Placed(
        start,
        end,
        [phase(at, inside=start <= at < end) for at in offsets[:-1]],
        [phase(at, inside=start < at <= end) for at in offsets[1:]],
    )


def _in_cdna(segment: Block, exons: Sequence[Block], offsets: Sequence[int]) -> tuple[int, int] | None:
    """Return start and end of a segment in the cDNA; None unless it lies within one exon."""
    for exon, offset in zip(exons, offsets, strict=False):
        same = exon.region == segment.region and exon.strand == segment.strand
        if same and exon.start <= segment.start and segment.end <= exon.end:
            first = exon.end - segment.end if exon.strand < 0 else segment.start - exon.start
            return offset + first, offset + first + segment.end - segment.start
    return None


def recoded_positions(coding: Coding) -> dict[int, str]:
    """Return the residues of recoded codons by where the codons begin in the coding sequence.

    A codon that is no part of the coding sequence is left out.
    """
    found = {}
    for recoded in coding.recoded:
        places = [
            at
            for start, end in recoded.blocks
            for position in (start, end - 1)
            if (at := _in_coding(coding.segments, position)) is not None
        ]
        if places:
            found[min(places)] = recoded.residue
    return found


def _in_coding(segments: Sequence[Block], position: int) -> int | None:
    """Return where a position of the region lies in the joined segments; None if in none of them."""
    offset = 0
    for segment in segments:
        if segment.start <= position < segment.end:
            along = segment.end - 1 - position if segment.strand < 0 else position - segment.start
            return offset + along
        offset += segment.end - segment.start
    return None
