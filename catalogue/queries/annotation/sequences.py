"""What a feature tells of its sequence; `catalogue.queries.sequences` finds the rest by the checksum."""

from typing import Any, NamedTuple


class SequenceSummary(NamedTuple):
    """A sequence: `md5` in hex, `length` in residues, `molecule` as in `models.Molecule`."""

    md5: str
    length: int
    molecule: str


def summary(md5: Any, length: int | None, molecule: str | None) -> SequenceSummary | None:
    """Return the sequence of joined columns; None where there is none."""
    if md5 is None or length is None:
        return None
    return SequenceSummary(bytes(md5).hex(), length, molecule or "")
