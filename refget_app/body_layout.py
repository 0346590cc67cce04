"""Residues as the body of an answer: plain, FASTA or JSON, of a length that is known before a residue is read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from refget_app.media_types import Form

#: Residues on a line of FASTA.
LINE = 60


@dataclass(frozen=True, slots=True)
class BodyLayout:
    """What stands before and after the residues, and whether they are broken into lines."""

    before: bytes
    after: bytes
    wrapped: bool

    def size(self, residues: int) -> int:
        """Bytes of the whole body."""
        breaks = (residues - 1) // LINE if self.wrapped and residues else 0
        return len(self.before) + residues + breaks + len(self.after)

    def write(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The body in pieces about as large as those that come in."""
        yield self.before
        column = 0
        for piece in pieces:
            if not self.wrapped:
                yield piece
                continue
            if column == LINE and piece:
                yield b"\n"
                column = 0
            rest = LINE - column
            lines = [piece[:rest], *(piece[at : at + LINE] for at in range(rest, len(piece), LINE))]
            column = column + len(piece) if len(lines) == 1 else len(lines[-1])
            yield b"\n".join(lines)
        yield self.after


PLAIN = BodyLayout(b"", b"", wrapped=False)


def writing(form: Form, *, identifier: str, start: int, end: int, last: int) -> BodyLayout:
    """How residues `[start, end)` of `identifier` are written.

    The header of FASTA is `>identifier start-last`: `last` is `end` for a query and the last residue for a Range
    header, as the client wrote it (refget 2.0.0, "Range headers").
    """
    if form is Form.PLAIN:
        return PLAIN
    if form is Form.FASTA:
        return BodyLayout(
            f">{identifier} {start}-{last}\n".encode("ascii"), b"\n" if start != end else b"", wrapped=True
        )
    before = json.dumps({"id": identifier, "start": start, "end": end})[:-1] + ', "sequence": "'
    return BodyLayout(before.encode("ascii"), b'"}', wrapped=False)
