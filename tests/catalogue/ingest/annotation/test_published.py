"""`--check-fasta` compares with what the provider publishes, and tells every difference."""

import gzip
from pathlib import Path

import pytest

from catalogue.models import Alias
from tests.catalogue.made_genomes import MadeGenome, make_genome
from tests.catalogue.made_gff3 import write_ensembl, write_gencode
from tests.catalogue.made_releases import annotate, register, residues_of

pytestmark = pytest.mark.django_db


def make_release(folder: Path) -> tuple[MadeGenome, Path]:
    """A registered random genome without selenocysteine, which Ensembl's GFF3 does not tell; and its annotation."""
    genome = make_genome(3)
    for gene in genome.genes:
        for transcript in gene.transcripts:
            transcript.selenocysteine = None
    register(folder, genome.chromosomes)
    path = folder / "release.gff3"
    path.write_text("".join(f"{line}\n" for line in write_ensembl(genome)))
    return genome, path


def published(genome: MadeGenome, *, stop: str = "") -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """cDNA, coding sequences and proteins by name, as Ensembl publishes them."""
    cdna, cds, proteins = {}, {}, {}
    for gene in genome.genes:
        for made in gene.transcripts:
            number = gene.number * 10 + made.number
            cdna[f"ENST{number:011}.5"] = genome.cdna(gene, made)
            if made.cds:
                filling = "N" * (-made.phase % 3)
                cds[f"ENST{number:011}.5"] = filling + genome.cds(gene, made)
                proteins[f"ENSP{number:011}.2"] = genome.protein(gene, made, begins_with_x=True) + stop
    return cdna, cds, proteins


def write(path: Path, records: dict[str, str], *, suffix: str = " made") -> Path:
    text = "".join(f">{name}{suffix}\n{residues}\n" for name, residues in records.items())
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("stop", ["", "*"])
def test_equal_sequences(tmp_path: Path, stop: str) -> None:
    genome, path = make_release(tmp_path)
    cdna, _, proteins = published(genome, stop=stop)
    files = [write(tmp_path / "pep.fa.gz", proteins), write(tmp_path / "cdna.fa.gz", cdna, suffix="|x|y")]
    said = annotate(path, "--check-fasta", *files)
    assert (said.status, said.told) == (0, _stops(said.told))
    assert f"{len(cdna) + len(proteins)} published sequences equal" in said.summary


def _stops(told: str) -> str:
    """What is said besides differences: coding sequences that skip an exon have stop codons."""
    return "".join(line for line in told.splitlines(keepends=True) if "have X for a stop codon" in line)


def test_every_difference_is_told_and_fails(tmp_path: Path) -> None:
    genome, path = make_release(tmp_path)
    cdna, _, proteins = published(genome)
    (first, *_), (protein, *_) = cdna, proteins
    cdna[first] = "A" + cdna[first]
    proteins[protein] = proteins[protein][:-1] + "W"
    files = [write(tmp_path / "cdna.fa", cdna), write(tmp_path / "pep.fa", proteins | {"ENSP1.1": "MA"})]
    said = annotate(path, "--check-fasta", *files)
    assert said.status == 1
    for name, length in ((first, len(cdna[first])), (protein, len(proteins[protein]))):
        assert f"{name}: the published sequence, of {length:,} residues and md5 " in said.told
        # The name means what is published, which is not here.
        assert not Alias.objects.filter(
            name__in=(name, name.partition(".")[0]), authority__name="ensembl"
        ).exists()
    assert "ENSP1.1: no transcript or protein of this id in the annotation" in said.told
    total = len(cdna) + len(proteins) + 1
    assert f"--check-fasta: 2 of {total} published sequences are not what the genome says" in said.told
    assert f"--check-fasta: 1 of {total} published sequences have no transcript or protein" in said.told
    # The release itself is registered.
    other = list(cdna)[1]
    assert residues_of(f"ensembl:{other}") == cdna[other]


def test_coding_sequences_that_ensembl_fills_up(tmp_path: Path) -> None:
    genome, path = make_release(tmp_path)
    _, cds, _ = published(genome)
    filled = sum(residues.startswith("N") for residues in cds.values())
    assert filled
    said = annotate(path, "--check-fasta", write(tmp_path / "cds.fa", cds))
    assert said.status == 0
    assert said.told.count("is not what the genome says (Ensembl fills its first codon up with N)") == filled
    assert f"{len(cds) - filled} published sequences equal" in said.summary


def test_differences_that_the_annotation_tells_are_no_failure(tmp_path: Path) -> None:
    genome, path = make_release(tmp_path)
    _, _, proteins = published(genome)
    (protein, *_) = proteins
    bare = protein.partition(".")[0]
    path.write_text(
        path.read_text().replace(f"protein_id={bare};", f"protein_id={bare};exception=RNA editing;")
    )
    proteins[protein] = "M" + proteins[protein]
    said = annotate(path, "--check-fasta", write(tmp_path / "pep.fa", proteins))
    assert said.status == 0
    assert f"{protein}: the published sequence" in said.told
    assert "(RNA editing)" in said.told


def test_stops_inside_are_x(tmp_path: Path) -> None:
    genome, path = make_release(tmp_path)
    gene = genome.genes[0]
    # Without the beginning of the coding sequence, frames have stops.
    transcript = next(one for one in gene.transcripts if one.cds)
    transcript.phase, transcript.lacks_start = 1, True
    path.write_text("".join(f"{line}\n" for line in write_gencode(genome)))
    name = f"ENSP{gene.number * 10 + transcript.number:011}.2"
    residues = genome.protein(gene, transcript, begins_with_x=True)
    assert "X" in residues[1:]
    starred = residues[0] + residues[1:].replace("X", "*")
    said = annotate(path, "--check-fasta", write(tmp_path / "pep.fa", {name: starred}))
    assert (said.status, "1 published sequence equal" in said.summary) == (0, True)
