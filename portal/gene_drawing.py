"""Draws the transcripts of a gene as shapes: where each begins and ends, its exons, and which of them code.

Pure functions of positions; the template writes the shapes as SVG. Exons that code are tall, others low; introns are
lines. Genes on the reverse strand are drawn as they lie on the region, with the first exon at the right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Units of the drawing: its width, the height of a transcript's row, and the tops and heights of boxes in it.
WIDTH: Final = 1000.0
ROW: Final = 34
_CODING, _LOW = (14.0, 14.0), (17.5, 7.0)
#: Boxes are at least so wide, to be seen at all.
_NARROWEST: Final = 1.5


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: part of an exon."""

    x: float
    y: float
    width: float
    height: float
    codes: bool


@dataclass(frozen=True, slots=True)
class DrawnTranscript:
    """One row of the drawing; `line` is where its intron line begins and ends, `y` the top of the row."""

    label: str
    y: int
    line: tuple[float, float]
    boxes: tuple[Box, ...]

    @property
    def label_y(self) -> int:
        """The base line of the label."""
        return self.y + 10

    @property
    def line_y(self) -> int:
        """The height of the line."""
        return self.y + 21


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is drawn of a transcript; ranges are positions, 0-based and half-open, in any order."""

    label: str
    exons: Sequence[tuple[int, int]]
    coding: Sequence[tuple[int, int]]


def draw(transcripts: Sequence[Transcript], start: int, end: int) -> list[DrawnTranscript]:
    """Return the rows of a drawing whose width is positions `start` to `end`.

    >>> draw([Transcript("a", [(0, 10)], [])], 0, 100)[0].boxes
    (Box(x=0.0, y=17.5, width=100.0, height=7.0, codes=False),)
    """
    scale = WIDTH / max(1, end - start)

    def box(row: int, begin: int, stop: int, *, codes: bool) -> Box:
        top, height = _CODING if codes else _LOW
        return Box(
            x=round((begin - start) * scale, 2),
            y=row * ROW + top,
            width=round(max(_NARROWEST, (stop - begin) * scale), 2),
            height=height,
            codes=codes,
        )

    rows = []
    for number, transcript in enumerate(transcripts):
        boxes = [box(number, *exon, codes=False) for exon in sorted(transcript.exons)]
        boxes += [box(number, *part, codes=True) for part in sorted(transcript.coding)]
        first = min(begin for begin, _ in transcript.exons)
        last = max(stop for _, stop in transcript.exons)
        line = (round((first - start) * scale, 2), round((last - start) * scale, 2))
        rows.append(DrawnTranscript(transcript.label, number * ROW, line, tuple(boxes)))
    return rows
