"""Proteins, compared with Biopython: every genetic code, every codon of bases and of IUPAC codes."""

import random
from itertools import product
from typing import Any

import pytest
from Bio.Data import CodonTable
from Bio.Data.CodonTable import TranslationError

from catalogue.formats.annotation.codes import genetic_code, is_genetic_code
from catalogue.formats.annotation.translation import reverse_complement, translate
from tests.catalogue.made_genomes import reversed_complement, translated

TABLES = sorted(CodonTable.unambiguous_dna_by_id)
LETTERS = "ACGTRYSWKMBDHVN"
# Their stop codons stand for residues, too; Biopython warns of that.
OF_TWO_MEANINGS = {27, 28, 31}


def protein(coding: str, *, table: int = 1, **options: Any) -> str:
    return translate(coding.encode(), genetic_code(table), **options).residues.decode()


def test_there_are_the_codes_of_ncbi() -> None:
    assert [number for number in range(100) if is_genetic_code(number)] == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_every_codon(table: int) -> None:
    code = CodonTable.unambiguous_dna_by_id[table]
    for codon in map("".join, product("ACGT", repeat=3)):
        # Codons of two meanings are stops where the coding sequence ends.
        residue = code.forward_table.get(codon, "X")
        assert protein("GCC" + codon + "GCC", table=table, complete_start=False) == f"A{residue}A"
        expected = "A" if codon in code.stop_codons else f"A{residue}"
        assert protein("GCC" + codon, table=table, complete_start=False) == expected
        first = "M" if codon in code.start_codons else residue
        assert protein(codon + "GCC", table=table) == f"{first}A"


@pytest.mark.parametrize("table", [1, 2, 6, 11, 12, 25])
def test_every_codon_of_iupac_codes(table: int) -> None:
    for codon in map("".join, product(LETTERS, repeat=3)):
        try:
            expected = translated(codon, table)
        except TranslationError:
            # Biopython refuses codons that may be a stop or a residue.
            expected = "X"
        got = protein(f"GCC{codon}GCC", table=table, complete_start=False)[1]
        assert got == expected.replace("*", "X"), codon


@pytest.mark.parametrize(
    ("coding", "phase", "expected", "with_x"),
    [
        ("ATGGCCTAA", 0, "MA", "MA"),
        ("ATGGCC", 0, "MA", "MA"),
        ("GGCCATG", 1, "AM", "XAM"),
        ("TGGCCATG", 2, "AM", "XAM"),
        ("ATGGCCT", 0, "MA", "MA"),
        ("ATGGCCTA", 0, "MA", "MA"),
        ("ATGGCCGG", 0, "MAG", "MAG"),
        ("ATGTAAGCCTAA", 0, "MXA", "MXA"),
        ("AT", 0, "", ""),
        ("", 0, "", ""),
        ("A", 1, "", ""),
        # An incomplete codon by itself is no protein.
        ("A", 2, "", ""),
        ("TAA", 0, "", ""),
    ],
)
def test_ends(coding: str, phase: int, expected: str, with_x: str) -> None:
    assert protein(coding, phase=phase) == expected
    if expected:
        assert protein(coding, phase=phase, begins_with_x=True) == with_x


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "MLAC"),
        ({"complete_start": False}, "LLAC"),
        ({"methionine": True}, "MLAC"),
        ({"recoded": {3: "U"}}, "MUAC"),
        ({"recoded": {0: "V"}}, "VLAC"),
        ({"recoded": {9: "TERM"}}, "MLA"),
        ({"recoded": {99: "U"}}, "MLAC"),
    ],
)
def test_starts_and_recoded_residues(options: dict[str, Any], expected: str) -> None:
    assert protein("CTGCTGGCCTGT", **options) == expected
    assert protein("ACGCTGGCCTGT", methionine=True) == "MLAC"


def test_selenocysteine_and_stops() -> None:
    made = translate(b"ATGTGATAGGCCTGA", genetic_code(1), selenocysteine=True)
    assert (made.residues, made.inner_stops) == (b"MUXA", 1)
    assert protein("ATGTGAGCCTGA", recoded={3: "U"}) == "MUA"
    # A residue that is said to be at the end is none that ends the protein.
    assert protein("ATGGCCTGA", recoded={6: "U"}) == "MAU"
    # A stop that is completed when the transcript gets its tail.
    assert protein("ATGGCCT", recoded={6: "TERM"}) == "MA"
    assert protein("ATGGCCTA", table=2, recoded={6: "TERM"}) == "MA"


def test_random_coding_sequences_of_every_table() -> None:
    rng = random.Random(7)
    for _ in range(400):
        table, phase = (
            rng.choice([number for number in TABLES if number not in OF_TWO_MEANINGS]),
            rng.randint(0, 2),
        )
        code = CodonTable.unambiguous_dna_by_id[table]
        sense = [codon for codon in code.forward_table if codon not in code.stop_codons]
        body = "".join(rng.choices(sense, k=rng.randint(1, 80)))
        coding = "".join(rng.choices("ACGT", k=phase)) + body + rng.choice(["", rng.choice(code.stop_codons)])
        assert protein(coding, table=table, phase=phase, complete_start=False) == translated(body, table)


def test_reverse_complement() -> None:
    residues = "".join(random.Random(1).choices(LETTERS, k=1000))
    assert reverse_complement(residues.encode()).decode() == reversed_complement(residues)
