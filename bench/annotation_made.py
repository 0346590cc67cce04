"""Make a random genome and an annotation of the size and shape of Ensembl's human one, for measurements."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.refget_site import make_residues

CHROMOSOMES = 24
EXONS, EXON, INTRON, GAP = 10, 250, 700, 1500
_SPACE = EXONS * (EXON + INTRON) + GAP
_SOURCE = "ensembl_havana"
# Makes a line of a type, from start to end (1-based, closed), with its attributes and its phase.
_LineMaker = Callable[..., str]


def symbol(gene: int) -> str:
    """Return the symbol of a gene, by its number from 0."""
    return f"MADE{gene}"


def make_genome(path: Path, *, genes: int) -> None:
    """Write the chromosomes, long enough for the genes, as FASTA."""
    length = -(-genes // CHROMOSOMES) * _SPACE + GAP
    with path.open("wb") as file:
        for number in range(1, CHROMOSOMES + 1):
            file.write(b">%d\n" % number)
            residues = make_residues(length, seed=number)
            for at in range(0, length, 1 << 16):
                file.write(residues[at : at + (1 << 16)] + b"\n")


def make_annotation(path: Path, *, genes: int, transcripts: int, seed: int = 1) -> None:
    """Write GFF3 as Ensembl does: genes in genomic order, nearly half of the transcripts coding."""
    rng = random.Random(seed)
    shares = [transcripts // genes + (number < transcripts % genes) for number in range(genes)]
    per_chromosome = -(-genes // CHROMOSOMES)
    with path.open("w") as file:
        file.write("##gff-version 3\n#!genome-build  Made1\n#!genome-build-accession GCA_000000001.1\n")
        for gene in range(genes):
            chromosome, place = divmod(gene, per_chromosome)
            file.writelines(_gene(rng, gene, str(chromosome + 1), place * _SPACE + GAP, shares[gene]))


def _gene(rng: random.Random, gene: int, chromosome: str, start: int, count: int) -> Iterator[str]:
    strand = rng.choice("+-")
    exons = [(start + at * (EXON + INTRON), rng.randint(80, 2 * EXON - 80)) for at in range(EXONS)]
    blocks = [(begin + 1, begin + length) for begin, length in exons]
    gene_id = f"ENSG{gene:011}"

    def line(kind: str, begin: int, end: int, attributes: str, phase: str = ".") -> str:
        return f"{chromosome}\t{_SOURCE}\t{kind}\t{begin}\t{end}\t.\t{strand}\t{phase}\t{attributes}\n"

    yield line(
        "gene",
        blocks[0][0],
        blocks[-1][1],
        f"ID=gene:{gene_id};Name={symbol(gene)};biotype=protein_coding;description=made gene {gene} "
        f"[Source:HGNC Symbol%3BAcc:HGNC:{gene}];gene_id={gene_id};logic_name=ensembl_havana_gene;version=3",
    )
    for number in range(count):
        own = list(blocks)
        for _ in range(rng.randint(2, 6)):
            own.pop(rng.randrange(len(own)))
        # Different transcripts have different sequences.
        own[0] = (own[0][0] + number, own[0][1])
        yield from _transcript(line, gene, number, gene_id, own, strand, coding=rng.random() < 0.45)
    yield "###\n"


def _transcript(
    line: _LineMaker,
    gene: int,
    number: int,
    gene_id: str,
    blocks: list[tuple[int, int]],
    strand: str,
    *,
    coding: bool,
) -> Iterator[str]:
    transcript, protein = f"ENST{gene:07}{number:04}", f"ENSP{gene:07}{number:04}"
    kind, biotype = ("mRNA", "protein_coding") if coding else ("lnc_RNA", "lncRNA")
    tag = "basic,Ensembl_canonical,MANE_Select" if number == 0 else "basic"
    yield line(
        kind,
        blocks[0][0],
        blocks[-1][1],
        f"ID=transcript:{transcript};Parent=gene:{gene_id};Name={symbol(gene)}-{201 + number};biotype={biotype};"
        f"tag={tag};transcript_id={transcript};transcript_support_level=1 (assigned to previous version 4);version=5",
    )
    ordered = blocks if strand == "+" else blocks[::-1]
    for rank, (begin, end) in enumerate(ordered, start=1):
        exon = f"ENSE{gene:07}{begin % 10**4:04}"
        yield line(
            "exon",
            begin,
            end,
            f"Parent=transcript:{transcript};Name={exon};constitutive=0;ensembl_end_phase=-1;ensembl_phase=-1;"
            f"exon_id={exon};rank={rank};version=1",
        )
    if coding:
        left = -sum(end - begin + 1 for begin, end in blocks) % 3
        parts = [*ordered[:-1], (ordered[-1][0] + (0 if strand == "+" else left), ordered[-1][1])]
        phase = 0
        for begin, end in parts:
            attributes = f"ID=CDS:{protein};Parent=transcript:{transcript};protein_id={protein};version=2"
            yield line("CDS", begin, end, attributes, str(phase))
            phase = (phase - (end - begin + 1)) % 3
