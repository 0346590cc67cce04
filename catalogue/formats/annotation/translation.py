"""Translates coding sequences into proteins, as Ensembl and NCBI publish them.

The stop codon at the end is left out; a stop before it becomes X, because a protein has no `*`. An incomplete codon at
the end counts where its bases determine the residue. How the protein of a coding sequence without its beginning starts
depends on the provider: Ensembl puts X for the incomplete codon, NCBI leaves it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from catalogue.formats.annotation.codes import MASK_OF, GeneticCode

_STOP: Final = ord("*")
_UNKNOWN: Final = ord("X")
_ANY_BASE: Final = 15
_COMPLEMENT: Final = bytes.maketrans(b"ACGTUNRYSWKMBDHV", b"TGCAANYRSWMKVHDB")

#: The residues that `transl_except` may name (INSDC feature table, "Modified and unusual amino acids").
RESIDUES: Final = {
    **dict(
        zip(("Ala", "Arg", "Asn", "Asp", "Cys", "Gln", "Glu", "Gly", "His", "Ile"), "ARNDCQEGHI", strict=True)
    ),
    **dict(
        zip(("Leu", "Lys", "Met", "Phe", "Pro", "Ser", "Thr", "Trp", "Tyr", "Val"), "LKMFPSTWYV", strict=True)
    ),
    "Sec": "U",
    "Pyl": "O",
    "Asx": "B",
    "Glx": "Z",
    "Xle": "J",
    "Xaa": "X",
    "OTHER": "X",
    "fMet": "M",
}
#: What `transl_except` says of a stop that is completed when the transcript gets its poly(A) tail.
TERMINATION: Final = "TERM"


@dataclass(frozen=True, slots=True)
class Protein:
    """A protein, and how many stop codons inside it became X."""

    residues: bytes
    inner_stops: int


def reverse_complement(residues: bytes) -> bytes:
    """Return the reverse complement; IUPAC codes of several bases are complemented, too."""
    return residues.translate(_COMPLEMENT)[::-1]


def translate(
    coding: bytes,
    code: GeneticCode,
    *,
    phase: int = 0,
    complete_start: bool = True,
    complete_end: bool = True,
    begins_with_x: bool = False,
    recoded: Mapping[int, str] | None = None,
    selenocysteine: bool = False,
    methionine: bool = False,
) -> Protein:
    """Translate a coding sequence, of upper-case bases, that has `phase` residues before its first codon.

    `recoded` gives residues for codons that begin at these positions of `coding`. With `methionine` the first codon is
    methionine whatever it is; otherwise it is if the genetic code says so. With `selenocysteine`, every TGA before the
    end is one.
    """
    codons = _codons(coding[phase:])
    if not len(codons):
        return Protein(b"", 0)
    residues = code.residues[codons]
    whole = (len(coding) - phase) % 3 == 0
    if not whole and residues[-1] in (_UNKNOWN, _STOP):
        codons, residues = codons[:-1], residues[:-1]
    if complete_start and phase == 0 and len(residues) and (methionine or code.starts[codons[0]]):
        residues[0] = ord("M")
    ends = bool(len(codons)) and complete_end and bool(code.ends[codons[-1]])
    for at, residue in (recoded or {}).items():
        number = (at - phase) // 3
        if residue == TERMINATION:
            residues = residues[:number]
            ends = False
        elif 0 <= number < len(residues):
            residues[number] = ord(residue)
            ends &= number != len(residues) - 1
    if ends or (len(residues) and residues[-1] == _STOP):
        residues = residues[:-1]
    stops = residues == _STOP
    if selenocysteine:
        residues[stops & (codons[: len(residues)] == _TGA)] = ord("U")
        stops = residues == _STOP
    residues[stops] = _UNKNOWN
    first = b"X" if begins_with_x and phase else b""
    return Protein(first + residues.tobytes(), int(stops.sum()))


def _codons(bases: bytes) -> npt.NDArray[np.int64]:
    """Return each codon as three sets of bases, of four bits each; the last may be filled up with N."""
    masks = MASK_OF[np.frombuffer(bases, dtype=np.uint8)].astype(np.int64)
    if missing := -len(masks) % 3:
        masks = np.concatenate([masks, np.full(missing, _ANY_BASE, dtype=np.int64)])
    return masks[0::3] << 8 | masks[1::3] << 4 | masks[2::3]


_TGA: Final = int(_codons(b"TGA")[0])
