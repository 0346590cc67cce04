"""Make the residues of the demonstration genome: two linear chromosomes, a circular plasmid, and proteins of its genes.

Everything follows from one seed through `random.random()`, the one method whose values Python promises not to change.
The chromosomes resemble those of a vertebrate: regions of different GC content, few CpG, telomeres, copies of a mobile
element, a gap of N. Coordinates are 0-based and half-open.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

SEED = 20240229
_TELOMERE = "TTAGGG"
_STOP = frozenset({"TAA", "TAG", "TGA"})
_AMINO_ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
_CODONS = {
    first + second + third: _AMINO_ACIDS[16 * i + 4 * j + k]
    for i, first in enumerate("TCAG")
    for j, second in enumerate("TCAG")
    for k, third in enumerate("TCAG")
}
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass(frozen=True, slots=True)
class Gene:
    """A gene of one exon: `[start, end)` on the forward strand of `chromosome`, stop codon included."""

    name: str
    chromosome: str
    start: int
    end: int
    reverse: bool


@dataclass(frozen=True, slots=True)
class DemoSequence:
    """One record of the demonstration files."""

    name: str
    description: str
    residues: str
    circular: bool = False


@dataclass(frozen=True, slots=True)
class Genome:
    """The chromosomes in their order, the genes on them, and the protein of each gene."""

    chromosomes: tuple[DemoSequence, ...]
    genes: tuple[Gene, ...]
    proteins: tuple[DemoSequence, ...]


@cache
def demo_genome() -> Genome:
    """Return the genome, the same at every call and on every machine."""
    source = random.Random(SEED)
    element = _random_residues(source, length=310, gc=0.55)
    plans = (
        (
            "Demo_1",
            200_000,
            (("DMA1", 21_500, 412, False), ("DMA2", 88_040, 287, True), ("DMA3", 171_300, 530, False)),
        ),
        ("Demo_2", 120_000, (("DMB1", 40_020, 198, True), ("DMB2", 96_400, 655, False))),
        ("pDemo", 6_000, (("DMP1", 1_200, 261, False),)),
    )
    chromosomes: list[DemoSequence] = []
    genes: list[Gene] = []
    for name, length, wanted in plans:
        plasmid = name == "pDemo"
        residues = _plasmid(source, length) if plasmid else _chromosome(source, length, element)
        for gene_name, start, codons, reverse in wanted:
            coding = _coding(source, codons)
            end = start + len(coding)
            genes.append(Gene(gene_name, name, start, end, reverse))
            placed = reverse_complement(coding) if reverse else coding
            residues = residues[:start] + placed + residues[end:]
        kind = "plasmid, circular" if plasmid else f"chromosome {name[-1]}"
        chromosomes.append(DemoSequence(name, f"demonstration genome, {kind}", residues, plasmid))
    found = {chromosome.name: chromosome.residues for chromosome in chromosomes}
    proteins = tuple(
        DemoSequence(f"{gene.name}p", f"protein of gene {gene.name}", translate(coding_residues(gene, found)))
        for gene in genes
    )
    return Genome(tuple(chromosomes), tuple(genes), proteins)


def coding_residues(gene: Gene, chromosomes: dict[str, str]) -> str:
    """Return the residues of a gene on its own strand."""
    residues = chromosomes[gene.chromosome][gene.start : gene.end]
    return reverse_complement(residues) if gene.reverse else residues


def md5_of(residues: str) -> str:
    """Return the MD5 of residues in hexadecimal, as file headers have it."""
    return hashlib.md5(residues.encode("ascii"), usedforsecurity=False).hexdigest()


def reverse_complement(residues: str) -> str:
    """Return the reverse complement of upper-case A, C, G, T and N."""
    return residues.translate(_COMPLEMENT)[::-1]


def translate(residues: str) -> str:
    """Return the protein of a coding sequence, up to its stop codon (standard genetic code)."""
    codons = (residues[at : at + 3] for at in range(0, len(residues) - 2, 3))
    return "".join(_CODONS[codon] for codon in codons).partition("*")[0]


def _chromosome(source: random.Random, length: int, element: str) -> str:
    telomere = _TELOMERE * 100
    gap = "N" * 1_000
    pieces = [telomere]
    filled = len(telomere)
    while filled < length:
        for piece in _neighbourhood(source, element):
            pieces.append(piece)
            filled += len(piece)
    residues = "".join(pieces)[: length - len(telomere)]
    middle = length // 2
    residues = residues[:middle] + gap + residues[middle + len(gap) :]
    return residues + reverse_complement(telomere)


def _neighbourhood(source: random.Random, element: str) -> Iterator[str]:
    """Yield residues of one GC content and, with probability 0.5, a mutated copy of the mobile element."""
    yield _random_residues(
        source, length=2_000 + int(source.random() * 6_000), gc=0.36 + source.random() * 0.18
    )
    if source.random() < 0.5:
        aged = "".join(
            base if source.random() > 0.1 else "ACGT"[int(source.random() * 4)] for base in element
        )
        yield aged if source.random() < 0.5 else reverse_complement(aged)


def _plasmid(source: random.Random, length: int) -> str:
    return _random_residues(source, length=length, gc=0.51, cpg=1.0)


def _random_residues(source: random.Random, *, length: int, gc: float, cpg: float = 0.25) -> str:
    """Return random bases of a GC content, with a fraction `cpg` of the CG pairs expected by chance."""
    bases: list[str] = []
    while len(bases) < length:
        draw = source.random()
        if draw < gc:
            base = "G" if draw < gc / 2 else "C"
        else:
            base = "A" if draw < gc + (1 - gc) / 2 else "T"
        if base == "G" and bases and bases[-1] == "C" and source.random() > cpg:
            base = "A"
        bases.append(base)
    return "".join(bases)


def _coding(source: random.Random, codons: int) -> str:
    """Return a start codon, `codons` random codons that are not stop codons, and a stop codon."""
    choice = [codon for codon in _CODONS if codon not in _STOP]
    return "ATG" + "".join(choice[int(source.random() * len(choice))] for _ in range(codons)) + "TAA"
