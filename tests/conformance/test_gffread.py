"""Derived sequences compared with those of gffread, on annotation of every provider.

gffread knows the standard genetic code only, no other start than ATG and no selenocysteine, leaves out the residues
before the first whole codon, and reads codons of IUPAC codes as X. Everything else has to be equal.
"""

import subprocess
from pathlib import Path

import pytest
from Bio.Data import CodonTable

from catalogue.models import Transcript
from tests.catalogue.made_annotation import FLAVOURS, Flavour, make_genome
from tests.catalogue.made_releases import annotate, register, residues_of
from tests.programs import need

pytestmark = pytest.mark.django_db


def read_fasta(path: Path) -> dict[str, str]:
    records: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if line.startswith(">"):
            name = line[1:].split()[0]
            records[name] = ""
        else:
            records[name] += line.upper()
    return records


def by_gffread(genome: Path, annotation: Path, folder: Path) -> tuple[dict[str, str], ...]:
    """cDNA, coding sequences and proteins by the ID of the transcript."""
    outputs = [folder / name for name in ("cdna", "cds", "protein")]
    subprocess.run(
        [need("gffread"), "-g", genome, "-w", outputs[0], "-x", outputs[1], "-y", outputs[2], annotation],
        check=True,
        capture_output=True,
    )
    return tuple(read_fasta(path) for path in outputs)


def id_of(transcript: Transcript, flavour: Flavour, ids: set[str]) -> str:
    """The ID that gffread gives a transcript: that of its line, or of the gene or coding sequence below it."""
    name = transcript.stable_id
    bare = transcript.unversioned_stable_id
    candidates = (name, bare, f"transcript:{bare}", f"rna-{name}", f"gene-{name}", f"{name}_gene")
    return next(candidate for candidate in candidates if candidate in ids)


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
@pytest.mark.parametrize(
    "seed", [21, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(22, 42))]
)
def test_sequences_are_those_of_gffread(tmp_path: Path, flavour: Flavour, seed: int) -> None:
    genome = make_genome(seed, genes=20, bacterial=flavour.bacterial, tables=flavour.tables)
    register(tmp_path, genome.chromosomes, *(f"--circular={name}" for name in genome.circular))
    path = tmp_path / f"made{flavour.suffix}"
    # gffread does not stop at residues.
    text = "".join(f"{line}\n" for line in flavour.write(genome)).partition("##FASTA")[0]
    path.write_text(text)
    assert annotate(path).status == 0
    cdnas, coding, proteins = by_gffread(tmp_path / "made.fa", path, tmp_path)
    compared = 0
    for transcript in Transcript.objects.select_related("cdna").prefetch_related(
        "contexts__cds", "contexts__product"
    ):
        own = id_of(transcript, flavour, set(cdnas))
        assert transcript.cdna is not None
        assert residues_of(bytes(transcript.cdna.md5).hex()) == cdnas[own]
        for context in transcript.contexts.all():
            assert context.cds is not None and context.product is not None
            cds = residues_of(bytes(context.cds.md5).hex())
            phase = len(cds) - len(coding[own])
            assert phase in {0, 1, 2}
            assert cds[phase:] == coding[own]
            ours = residues_of(bytes(context.product.sequence.md5).hex())
            compared += same_protein(ours, proteins[own], cds[phase:], context.genetic_code)
    assert compared > 50


def same_protein(ours: str, theirs: str, coding: str, table: int) -> int:
    """Assert that residues are equal where gffread knows them; return how many are compared."""
    code = CodonTable.unambiguous_dna_by_id[table]
    standard = CodonTable.unambiguous_dna_by_id[1]
    # Ensembl puts X for an incomplete first codon.
    ours = ours[len(ours) - len(theirs) :] if len(ours) == len(theirs) + 1 and ours[0] == "X" else ours
    theirs = theirs.replace(".", "X")
    compared = 0
    for at in range(min(len(coding) // 3, len(ours))):
        codon = coding[3 * at : 3 * at + 3]
        is_start = at == 0 and codon in code.start_codons
        differs = code.forward_table.get(codon) != standard.forward_table.get(codon) or set(codon) - set(
            "ACGT"
        )
        if is_start or differs or ours[at] == "U":
            continue
        assert ours[at] == theirs[at]
        compared += 1
    assert len(ours) in {len(theirs), len(theirs.rstrip("X")), len(theirs) - 1, len(theirs) + 1}
    return compared
