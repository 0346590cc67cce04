"""Recognition of molecules by letters, and ambiguous sequences."""

import pytest

from catalogue.formats.molecule import SAMPLE, molecule_of


@pytest.mark.parametrize(
    ("residues", "molecule"),
    [
        (b"ACGTACGTACGTACGTACGT", "dna"),
        (b"NNNNNNNNNNNNNNNNNNNNNNNNN", "dna"),
        (b"ACGTACGTACGTACGTACGTACGTACGTACGTRY", "dna"),
        (b"ACGTACGTACGTACGTACGTRYRYRYRYRYRYRY", ""),
        (b"ACGUACGUACGUACGUACGU", "rna"),
        (b"ACGTUCGUACGUACGUACGU", ""),
        (b"ACGT", ""),
        (b"MKVL", "protein"),
        (b"ACDEF", "protein"),
        (b"E", "protein"),
        (b"GGGGAAAASSSSTTTTHHHHRRRR", ""),
        (b"", ""),
        (b"A" * SAMPLE + b"E", "dna"),
    ],
)
def test_molecule(residues: bytes, molecule: str) -> None:
    assert molecule_of(residues) == molecule
