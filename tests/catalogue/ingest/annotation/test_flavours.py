"""Every provider's annotation gives the sequences that slicing and Biopython give, under the provider's names."""

from pathlib import Path

import pytest
from django.core.management import call_command

from catalogue import queries
from catalogue.models import Gene, Genome, ProductGeneratingContext, Transcript
from tests.catalogue.made_annotation import FLAVOURS, Flavour, write_annotation
from tests.catalogue.made_genomes import MadeGenome, make_genome, rotated

pytestmark = pytest.mark.django_db

AUTHORITIES = {
    "ensembl": "ensembl", "gencode": "gencode", "gtf": "ensembl", "ncbi": "refseq", "prokka": "prokka",
    "bakta": "bakta", "ncbi-bacterial": "insdc",
}  # fmt: skip


def make_release(folder: Path, flavour: Flavour, seed: int, *, rotate: bool = False) -> MadeGenome:
    """Register a random genome and its annotation in a flavour."""
    genome = make_genome(seed, bacterial=flavour.bacterial, tables=flavour.tables)
    genome = rotated(genome) if rotate else genome
    fasta = genome.write_fasta(folder / "genome.fa")
    circular = [f"--circular={name}" for name in genome.circular]
    call_command("ingest_fasta", str(fasta), "--collection=made", *circular, verbosity=0)
    gff = write_annotation(genome, flavour, folder / f"made{flavour.suffix}")
    call_command("ingest_gff3", str(gff), "--collection=made", verbosity=0)
    return genome


def residues_of(name: str) -> str:
    record = queries.sequence(name)
    return queries.read_residues(record, 0, record.length).decode()


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 40))])
def test_sequences_are_those_of_the_models(tmp_path: Path, flavour: Flavour, seed: int) -> None:
    genome = make_release(tmp_path, flavour, seed)
    assert_equal(genome, flavour)


@pytest.mark.parametrize("flavour", [one for one in FLAVOURS if one.name in {"bakta", "ncbi-bacterial"}])
@pytest.mark.parametrize(
    "seed", [50, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(51, 90))]
)
def test_genes_across_the_origin(tmp_path: Path, flavour: Flavour, seed: int) -> None:
    assert_equal(make_release(tmp_path, flavour, seed, rotate=True), flavour)


def assert_equal(genome: MadeGenome, flavour: Flavour) -> None:
    """Compare every row and sequence with the models."""
    authority = AUTHORITIES[flavour.name]
    transcripts = {one.stable_id: one for one in Transcript.objects.all()}
    assert Gene.objects.count() == len(genome.genes)
    assert len(transcripts) == sum(len(gene.transcripts) for gene in genome.genes)
    proteins = 0
    for gene in genome.genes:
        for made in gene.transcripts:
            name = flavour.transcript_name(gene, made)
            row = transcripts[name]
            assert (row.start, row.end, row.strand) == (made.exons[0][0], made.exons[-1][1], gene.strand)
            blocks = list(zip(row.exon_starts, row.exon_ends, strict=True))
            assert blocks == (made.exons if gene.strand > 0 else made.exons[::-1])
            assert row.cdna is not None
            assert residues_of(bytes(row.cdna.md5).hex()) == genome.cdna(gene, made)
            if not flavour.bacterial:
                assert residues_of(f"{authority}:{name}") == genome.cdna(gene, made)
            if made.cds:
                if not flavour.tells_selenocysteine:
                    made.selenocysteine = None
                protein = flavour.protein_name(gene, made)
                expected = genome.protein(gene, made, begins_with_x=flavour.begins_with_x)
                assert residues_of(f"{authority}:{protein}") == expected
                assert residues_of(f"{authority}:{protein.split('.')[0]}") == expected
                assert residues_of(f"{authority}_cds:{name}") == genome.cds(gene, made)
                context = row.contexts.get()
                assert context.product is not None and context.product.stable_id == protein
                assert residues_of(bytes(context.product.sequence.md5).hex()) == expected
                cdna = genome.cdna(gene, made)
                assert cdna[context.cds_start : context.cds_end] == genome.cds(gene, made)
                proteins += 1
    assert proteins == ProductGeneratingContext.objects.count() > 0
    assert Genome.objects.get().genes == len(genome.genes)
