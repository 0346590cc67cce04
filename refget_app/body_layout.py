"""Body layouts of residues: plain, FASTA or JSON, each of a size that is known before a residue is read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from refget_app.media_types import Form

#: Residues per line of FASTA.
LINE_LENGTH = 60


@dataclass(frozen=True, slots=True)
class BodyLayout:
    """The bytes before and after the residues, and whether the residues are wrapped into lines."""

    before: bytes
    after: bytes
    wrapped: bool

    def size(self, residues: int) -> int:
        """Return the size of the body in bytes."""
        breaks = (residues - 1) // LINE_LENGTH if self.wrapped and residues else 0
        return len(self.before) + residues + breaks + len(self.after)

    def write(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the body, in pieces about as large as the given ones."""
        yield self.before
        column = 0
        for piece in pieces:
            if not self.wrapped:
                yield piece
                continue
            if column == LINE_LENGTH and piece:
                yield b"\n"
                column = 0
            room = LINE_LENGTH - column
            lines = [
                piece[:room],
                *(piece[at : at + LINE_LENGTH] for at in range(room, len(piece), LINE_LENGTH)),
            ]
            column = column + len(piece) if len(lines) == 1 else len(lines[-1])
            yield b"\n".join(lines)
        yield self.after


PLAIN = BodyLayout(b"", b"", wrapped=False)


def body_layout(form: Form, *, identifier: str, start: int, end: int, last: int) -> BodyLayout:
    """Return the layout of residues `[start, end)` of `identifier`.

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
