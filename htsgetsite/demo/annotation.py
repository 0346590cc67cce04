"""Write the genes of the demonstration genome as GFF3, in the shape of Ensembl's files.

Genes of the chromosomes have two transcripts: one whose first exon lies before the coding one, as its 5' untranslated
region does in most genes of vertebrates, and one that codes for nothing. The gene of the plasmid is one coding
sequence, as in bacteria. Positions are 0-based and half-open here, and 1-based and closed in the file.
"""

from collections.abc import Iterator
from typing import Final

from htsgetsite.demo.genome import Gene, demo_genome

ACCESSION: Final = "GCA_000000000.1"
_SOURCE: Final = "simulated"
# Residues of the exon before the coding one, of the intron between them, and of the untranslated regions beside the
# coding sequence.
_LEADER, _INTRON, _BEFORE, _AFTER = 180, 640, 45, 210


def annotation_lines() -> Iterator[str]:
    """Yield the lines of the file, without line ends."""
    yield "##gff-version 3"
    for chromosome in demo_genome().chromosomes:
        yield f"##sequence-region {chromosome.name} 1 {len(chromosome.residues)}"
    yield "#!genome-build Demo"
    yield f"#!genome-build-accession {ACCESSION}"
    for chromosome in demo_genome().chromosomes:
        kind = "plasmid" if chromosome.circular else "chromosome"
        circular = ";Is_circular=true" if chromosome.circular else ""
        yield "\t".join(
            (
                chromosome.name,
                _SOURCE,
                kind,
                "1",
                str(len(chromosome.residues)),
                ".",
                ".",
                ".",
                f"ID={kind}:{chromosome.name}{circular}",
            )
        )
    for number, gene in enumerate(demo_genome().genes, start=1):
        yield from _plasmid_gene(gene, number) if gene.chromosome == "pDemo" else _gene(gene, number)


def _gene(gene: Gene, number: int) -> Iterator[str]:
    own, coding, other = f"DEMOG{number:06}", f"DEMOT{number:06}1", f"DEMOT{number:06}2"
    exons = [
        _placed(gene, -_BEFORE - _INTRON - _LEADER, -_BEFORE - _INTRON),
        _placed(gene, -_BEFORE, _length(gene) + _AFTER),
    ]
    short = [exons[0], _placed(gene, -_BEFORE, 3 * 60)]
    yield _line(
        gene, "gene", _around(exons),
        f"ID=gene:{own};gene_id={own};version=1;Name={gene.name};biotype=protein_coding;"
        f"description=simulated gene {gene.name}",
    )  # fmt: skip
    canonical = "tag=basic,Ensembl_canonical;transcript_support_level=1"
    yield from _transcript(
        gene, own, coding, "mRNA", exons, f"Name={gene.name}-201;biotype=protein_coding;{canonical}"
    )
    protein = f"DEMOP{number:06}1"
    yield _line(
        gene, "CDS", (gene.start, gene.end),
        f"ID=CDS:{protein};Parent=transcript:{coding};protein_id={protein};version=1", phase="0",
    )  # fmt: skip
    yield from _transcript(
        gene, own, other, "lnc_RNA", short, f"Name={gene.name}-202;biotype=retained_intron"
    )
    yield "###"


def _transcript(
    gene: Gene, own: str, transcript: str, kind: str, exons: list[tuple[int, int]], said: str
) -> Iterator[str]:
    yield _line(
        gene, kind, _around(exons),
        f"ID=transcript:{transcript};Parent=gene:{own};transcript_id={transcript};version=1;{said}",
    )  # fmt: skip
    for rank, exon in enumerate(exons, start=1):
        named = f"DEMOE{transcript[5:]}{rank}"
        yield _line(
            gene, "exon", exon, f"Parent=transcript:{transcript};exon_id={named};rank={rank};version=1"
        )


def _plasmid_gene(gene: Gene, number: int) -> Iterator[str]:
    own = f"DEMOG{number:06}"
    place = (gene.start, gene.end)
    yield _line(
        gene, "gene", place, f"ID=gene:{own};gene_id={own};version=1;Name={gene.name};biotype=protein_coding"
    )
    protein = f"DEMOP{number:06}1"
    yield _line(
        gene, "CDS", place,
        f"ID=CDS:{protein};Parent=gene:{own};protein_id={protein};version=1;transl_table=11", phase="0",
    )  # fmt: skip


def _length(gene: Gene) -> int:
    return gene.end - gene.start


def _placed(gene: Gene, start: int, end: int) -> tuple[int, int]:
    """Return where residues of a gene are, counted from its first codon in the order of transcription."""
    return (gene.end - end, gene.end - start) if gene.reverse else (gene.start + start, gene.start + end)


def _around(blocks: list[tuple[int, int]]) -> tuple[int, int]:
    return min(start for start, _ in blocks), max(end for _, end in blocks)


def _line(gene: Gene, kind: str, place: tuple[int, int], attributes: str, *, phase: str = ".") -> str:
    strand = "-" if gene.reverse else "+"
    start, end = place
    return "\t".join(
        (gene.chromosome, _SOURCE, kind, str(start + 1), str(end), ".", strand, phase, attributes)
    )
