"""Recognises DNA, RNA and protein by the letters of a sequence."""

from typing import Final, Literal

Molecule = Literal["dna", "rna", "protein", ""]

#: Residues at the start that are examined.
SAMPLE: Final = 4096

# Fewer letters cannot tell DNA from a peptide.
_ENOUGH = 20
# Codes for several bases are rare in DNA (IUPAC-IUB 1984); in peptides every one of these letters is common.
_MAX_AMBIGUOUS = 0.1
_BASES = b"ACGTUN"
_NUCLEOTIDES = b"ACGTUNRYSWKMBDHVX"


def molecule_of(residues: bytes) -> Molecule:
    """Return the molecule that the first letters of a sequence prove, "" if they are ambiguous.

    >>> molecule_of(b"MKVLAAGICLSE")
    'protein'
    """
    sample = residues[:SAMPLE]
    if sample.translate(None, _NUCLEOTIDES):
        return "protein"
    if len(sample) < _ENOUGH or len(sample.translate(None, _BASES)) > _MAX_AMBIGUOUS * len(sample):
        return ""
    if b"U" in sample:
        return "" if b"T" in sample else "rna"
    return "dna"
