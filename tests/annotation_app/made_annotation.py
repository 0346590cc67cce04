"""Builders of annotation rows for tests that need no ingest. Positions are 0-based, half-open."""

import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from catalogue.models import (
    DerivedSequence,
    Gene,
    Genome,
    NamingAuthority,
    Product,
    ProductGeneratingContext,
    Region,
    SequenceCollection,
    Transcript,
)
from catalogue.models import Sequence as SequenceRow
from tests.catalogue.made_collections import known_sequence, make_collection

_COMPLEMENT = bytes.maketrans(b"ACGTN", b"TGCAN")


def reverse_complement(residues: bytes) -> bytes:
    return residues.translate(_COMPLEMENT)[::-1]


@cache
def random_residues(length: int, seed: int = 0) -> bytes:
    return bytes(random.Random(seed).choices(b"ACGT", k=length))


def make_genome(
    genome_id: str = "made",
    regions: Mapping[str, bytes] | None = None,
    *,
    circular: Sequence[str] = (),
    private: bool = False,
    collection: SequenceCollection | None = None,
    **fields: Any,
) -> Genome:
    """A genome and its regions, on a collection of its own unless one is given."""
    regions = {"1": random_residues(10_000, 1)} if regions is None else regions
    collection = collection or make_collection(f"{genome_id} assembly", regions, private=private)
    SequenceRow.objects.filter(memberships__name__in=circular).update(circular=True)
    authority, _ = NamingAuthority.objects.get_or_create(name="made")
    genome = Genome.objects.create(
        genome_id=genome_id, collection=collection, authority=authority, content=bytes(24), genes=0,
        transcripts=0, **fields,
    )  # fmt: skip
    for member in collection.members.all():
        Region.objects.create(
            genome=genome, position=member.position, name=member.name, sequence=member.sequence,
            longest_gene=20_000, longest_transcript=20_000,
        )  # fmt: skip
    return genome


def make_gene(
    genome: Genome, stable_id: str, start: int, end: int, *, region: str = "1", strand: int = 1, **fields: Any
) -> Gene:
    """A gene without transcripts. `stable_id` has a version behind a dot, or none."""
    place = {"region": genome.regions.get(name=region), "start": start, "end": end, "strand": strand}
    return Gene.objects.create(genome=genome, **named(stable_id), **place, **{"so_term": "gene", **fields})


def make_transcript(
    gene: Gene,
    stable_id: str,
    exons: Sequence[tuple[int, int]],
    *,
    residues: bytes,
    coding: tuple[int, int] | None = None,
    protein: tuple[str, bytes] | None = None,
    **fields: Any,
) -> Transcript:
    """A transcript on the region and strand of its gene, with its cDNA.

    `exons` are in the order of transcription. `coding` is where the coding sequence lies in the cDNA, and `protein`
    the stable id and residues of what it makes.
    """
    cdna = joined(residues, exons, gene.strand)
    place = {"start": min(start for start, _ in exons), "end": max(end for _, end in exons)}
    transcript = Transcript.objects.create(
        genome=gene.genome, region=gene.region, gene=gene, strand=gene.strand, **named(stable_id), **place,
        exon_starts=[start for start, _ in exons], exon_ends=[end for _, end in exons],
        cdna=derived(gene.genome, cdna), **{"so_term": "mRNA", **fields},
    )  # fmt: skip
    if coding is not None:
        make_context(transcript, exons, cdna, coding, protein)
    return transcript


def make_context(
    transcript: Transcript,
    exons: Sequence[tuple[int, int]],
    cdna: bytes,
    coding: tuple[int, int],
    protein: tuple[str, bytes] | None,
) -> ProductGeneratingContext:
    """How a transcript makes a protein; phases are counted residue by residue."""
    first, last = coding
    positions = [
        [*range(start, end)] if transcript.strand >= 0 else [*range(end - 1, start - 1, -1)]
        for start, end in exons
    ]
    segments, starts, ends, done = [], [], [], 0
    for exon in positions:
        inside = [position for index, position in enumerate(exon, done) if first <= index < last]
        if inside:
            segments.append((min(inside), max(inside) + 1))
        starts.append((done - first) % 3 if first <= done < last and inside[0] == exon[0] else -1)
        done += len(exon)
        ends.append((done - first) % 3 if first < done <= last and inside else -1)
    product = None if protein is None else make_product(transcript.genome, *protein)
    return ProductGeneratingContext.objects.create(
        transcript=transcript, number=transcript.contexts.count(), product=product,
        cds=derived(transcript.genome, cdna[first:last]), cds_start=first, cds_end=last,
        segment_starts=[start for start, _ in segments], segment_ends=[end for _, end in segments],
        start_phases=starts, end_phases=ends,
    )  # fmt: skip


def make_product(genome: Genome, stable_id: str, residues: bytes, **fields: Any) -> Product:
    """A protein; the same one where there is one of this id."""
    known = Product.objects.filter(genome=genome, **named(stable_id)).first()
    return known or Product.objects.create(
        genome=genome, sequence=derived(genome, residues, "protein"), **named(stable_id), **fields
    )


def derived(genome: Genome, residues: bytes, molecule: str = "dna") -> SequenceRow:
    """The sequence of residues, as one that the genome gave."""
    row = known_sequence(residues)
    SequenceRow.objects.filter(pk=row.pk).update(molecule=molecule)
    DerivedSequence.objects.get_or_create(genome=genome, sequence=row)
    return row


def joined(residues: bytes, exons: Sequence[tuple[int, int]], strand: int) -> bytes:
    """The residues of exons, which count on beyond the origin of a circular region."""
    around = residues + residues
    pieces = [around[start:end] for start, end in exons]
    return b"".join(pieces if strand >= 0 else map(reverse_complement, pieces))


def named(stable_id: str) -> dict[str, Any]:
    """The columns of a stable id."""
    unversioned, dot, version = stable_id.rpartition(".")
    return {
        "unversioned_stable_id": unversioned if dot else stable_id,
        "version": int(version) if dot else None,
    }


class World(NamedTuple):
    """An annotated genome, and the residues of its regions."""

    genome: Genome
    residues: dict[str, bytes]


def make_world(genome_id: str = "made", **fields: Any) -> World:
    """A genome with a gene on each strand of a linear region, and one that crosses the origin of a circular one."""
    residues = {"1": random_residues(10_000, 1), "ring": random_residues(1_000, 2)}
    told = {
        "assembly_accession": "GCA_000000001.1", "assembly_name": "Made1", "scientific_name": "Homo factus",
        "common_name": "made human", "taxon_id": 9606, "release": "110.2", "provider": "us", "is_reference": True,
        "release_date": "2026-01-31",
    }  # fmt: skip
    genome = make_genome(genome_id, residues, circular=["ring"], **{**told, **fields})
    reverse = make_gene(
        genome, "GENE1.3", 1_000, 3_000, strand=-1, symbol="BRCA2", name="a made gene", biotype="protein_coding",
        so_term="gene", name_source="HGNC Symbol", name_accession="HGNC:1101", synonyms=["FAD", "FAD1"],
        dbxrefs=["HGNC:HGNC:1101", "GeneID:675", "Unheard:of:7"],
    )  # fmt: skip
    first = make_transcript(
        reverse, "TX1.8", [(2_700, 3_000), (2_000, 2_100), (1_000, 1_500)], residues=residues["1"],
        coding=(250, 550), protein=("PROT1.2", b"M" + b"KVL" * 33), symbol="BRCA2-201", biotype="protein_coding",
        canonical=True, mane="select", gencode_basic=True, tsl=1, appris="principal1",
        exon_ids=["EX1.1", "EX2", "EX3.2"], dbxrefs=["RefSeq_mRNA:NM_000059.4"],
    )  # fmt: skip
    make_transcript(
        reverse, "TX2.1", [(2_700, 2_900), (2_000, 2_100)], residues=residues["1"], coding=(0, 300),
        protein=("PROT1.2", b"M" + b"KVL" * 33), symbol="BRCA2-202", biotype="protein_coding", appris="alternative2",
    )  # fmt: skip
    make_transcript(
        reverse, "TX3", [(1_200, 1_400)], residues=residues["1"], symbol="BRCA2-203", so_term="lnc_RNA",
        biotype="lncRNA", mane="plus_clinical", tsl=5,
    )  # fmt: skip
    forward = make_gene(genome, "GENE2", 5_000, 6_000, symbol="TP53")
    make_transcript(
        forward, "TX4", [(5_000, 5_200), (5_500, 6_000)], residues=residues["1"], coding=(30, 330)
    )
    crossing = make_gene(genome, "GENE3.1", 950, 1_080, region="ring", symbol="ORI")
    make_transcript(
        crossing, "TX5.1", [(950, 980), (990, 1_080)], residues=residues["ring"], coding=(0, 120),
        protein=("PROT5", b"MSECRETGATTACA"),
    )  # fmt: skip
    assert first.cdna is not None
    return World(genome, residues)
