"""Derived sequences compared with those of gffread, on annotation of every provider.

gffread knows the standard genetic code only, no other start than ATG and no selenocysteine, leaves out the residues
before the first whole codon, and reads codons of IUPAC codes as X. Everything else has to be equal.
"""

import subprocess
from pathlib import Path

import pytest
from Bio.Data import CodonTable

from catalogue.models import Transcript
from tests.catalogue.made_annotation import FLAVOURS, Flavour
from tests.catalogue.made_genomes import make_genome
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
            theirs = proteins[own].replace(".", "X")
            # Ensembl puts X for an incomplete first codon.
            read = [ours, ours[1:]] if phase and ours[0] == "X" else [ours]
            equal = [same_residues(one, theirs, cds[phase:], context.genetic_code) for one in read]
            assert any(equal), (own, ours, theirs)
            compared += max(equal)
    assert compared > 50


def same_residues(ours: str, theirs: str, coding: str, table: int) -> int:
    """How many residues gffread knows, all of which are equal; 0 if one is not, or too many or too few were read."""
    code = CodonTable.unambiguous_dna_by_id[table].forward_table
    standard = CodonTable.unambiguous_dna_by_id[1].forward_table
    starts = CodonTable.unambiguous_dna_by_id[table].start_codons
    codons = [coding[at : at + 3] for at in range(0, len(coding) - 2, 3)]
    last = coding[3 * len(codons) :]
    if len(ours) > len(codons):
        # Two residues of a last codon are read where every third one gives the same; gffread leaves them out.
        if len(ours) > len(codons) + 1 or {code.get(last + third) for third in "ACGT"} != {ours[-1]}:
            return 0
        ours = ours[:-1]
    # Neither gives a stop codon at the end; of one before an incomplete codon gffread gives nothing, we give X.
    if not -1 <= len(ours) - len(theirs) <= 1 and len(ours) != len(theirs.rstrip("X")):
        return 0
    compared = 0
    for at, (codon, own, other) in enumerate(zip(codons, ours, theirs, strict=False)):
        is_start = at == 0 and codon in starts
        differs = code.get(codon) != standard.get(codon) or set(codon) - set("ACGT")
        if is_start or differs or own == "U":
            continue
        if own != other:
            return 0
        compared += 1
    return compared
