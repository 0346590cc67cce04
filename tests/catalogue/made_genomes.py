"""Random genomes with genes, written down before any file is.

Positions are 0-based and half-open on the forward strand.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

from Bio.Data import CodonTable
from Bio.Seq import Seq

LINE = 60


Blocks = list[tuple[int, int]]


def translated(codons: str, table: int) -> str:
    """What Biopython makes of whole codons."""
    return str(Seq(codons).translate(table=table))  # type: ignore[no-untyped-call]


def reversed_complement(residues: str) -> str:
    """The reverse complement by Biopython."""
    return str(Seq(residues).reverse_complement())  # type: ignore[no-untyped-call]


@dataclass
class MadeTranscript:
    """A transcript; blocks are in genomic order. `phase` is of the first coding base in transcription."""

    number: int
    exons: Blocks
    cds: Blocks = field(default_factory=list)
    phase: int = 0
    lacks_start: bool = False
    lacks_end: bool = False
    selenocysteine: tuple[int, int] | None = None
    canonical: bool = False


@dataclass
class MadeGene:
    """A gene of a chromosome."""

    number: int
    chromosome: str
    strand: int
    table: int
    transcripts: list[MadeTranscript]

    @property
    def start(self) -> int:
        return min(one.exons[0][0] for one in self.transcripts)

    @property
    def end(self) -> int:
        return max(one.exons[-1][1] for one in self.transcripts)


@dataclass
class MadeGenome:
    """Chromosomes by name, and their genes."""

    chromosomes: dict[str, str]
    genes: list[MadeGene]
    circular: frozenset[str] = frozenset()

    def spliced(self, gene: MadeGene, blocks: Blocks) -> str:
        """The joined residues of blocks on the gene's strand; beyond the end of a circle they begin again."""
        whole = self.chromosomes[gene.chromosome] * 2
        joined = "".join(whole[start:end] for start, end in blocks)
        return reversed_complement(joined) if gene.strand < 0 else joined

    def cdna(self, gene: MadeGene, transcript: MadeTranscript) -> str:
        return self.spliced(gene, transcript.exons)

    def cds(self, gene: MadeGene, transcript: MadeTranscript) -> str:
        return self.spliced(gene, transcript.cds)

    def protein(self, gene: MadeGene, transcript: MadeTranscript, *, begins_with_x: bool) -> str:
        """The protein by Biopython: whole codons, M where it starts, no stop at the end, X for others."""
        cds = self.cds(gene, transcript)[transcript.phase :]
        whole = len(cds) // 3 * 3
        residues = translated(cds[:whole], gene.table)
        if len(cds) - whole == 2:
            last = translated(cds[whole:] + "N", gene.table)
            residues += "" if last in "X*" else last
        starts = CodonTable.unambiguous_dna_by_id[gene.table].start_codons
        if not (transcript.lacks_start or transcript.phase) and cds[:3] in starts:
            residues = "M" + residues[1:]
        residues = residues[:-1] if residues.endswith("*") else residues
        if transcript.selenocysteine:
            at = self._codon_of(gene, transcript, transcript.selenocysteine)
            residues = residues[:at] + "U" + residues[at + 1 :]
        return ("X" if begins_with_x and transcript.phase else "") + residues.replace("*", "X")

    def _codon_of(self, gene: MadeGene, transcript: MadeTranscript, codon: tuple[int, int]) -> int:
        positions = [at for start, end in transcript.cds for at in range(start, end)]
        if gene.strand < 0:
            positions.reverse()
        return (min(map(positions.index, range(*codon))) - transcript.phase) // 3

    def write_fasta(self, path: Path) -> Path:
        with path.open("w") as file:
            for name, residues in self.chromosomes.items():
                file.write(f">{name}\n")
                file.writelines(f"{residues[at : at + LINE]}\n" for at in range(0, len(residues), LINE))
        return path


def make_genome(
    seed: int, *, genes: int = 12, bacterial: bool = False, tables: tuple[int, ...] = (1,)
) -> MadeGenome:
    """Two chromosomes (the second circular in a bacterium) with genes one after the other on both strands."""
    rng = random.Random(seed)
    made = MadeGenome({}, [], frozenset({"chrB"} if bacterial else ()))
    for chromosome in ("chrA", "chrB"):
        residues = list("".join(rng.choices("ACGTN", (30, 20, 20, 30, 1), k=300)))
        for _ in range(genes // 2):
            number = len(made.genes) + 1
            gene = _place_gene(rng, number, chromosome, residues, bacterial, rng.choice(tables))
            made.genes.append(gene)
            residues += rng.choices("ACGTRY", (30, 20, 20, 30, 1, 1), k=rng.randint(20, 200))
        made.chromosomes[chromosome] = "".join(residues)
    return made


def rotated(genome: MadeGenome) -> MadeGenome:
    """The same circles, read from the middle of one of their genes on: that gene crosses the origin."""
    for name in genome.circular:
        own = [gene for gene in genome.genes if gene.chromosome == name]
        length = len(genome.chromosomes[name])
        origin = (own[2].start + own[2].end) // 2
        genome.chromosomes[name] = genome.chromosomes[name][origin:] + genome.chromosomes[name][:origin]
        for gene in own:
            (transcript,) = gene.transcripts
            by = (gene.start - origin) % length - gene.start
            transcript.exons = transcript.cds = [(start + by, end + by) for start, end in transcript.cds]
            if transcript.selenocysteine:
                start, end = transcript.selenocysteine
                transcript.selenocysteine = (start + by, end + by)
        assert any(gene.end > length for gene in own)
    return genome


def _place_gene(
    rng: random.Random, number: int, chromosome: str, residues: list[str], bacterial: bool, table: int
) -> MadeGene:
    """Append a gene to the residues: exons, introns, and a coding sequence in the exons of its first transcript."""
    strand = rng.choice((1, -1))
    exons: Blocks = []
    for at in range(1 if bacterial else rng.randint(1, 6)):
        if at:
            residues += rng.choices("ACGT", k=rng.randint(30, 150))
        begin = len(residues)
        residues += rng.choices(
            "ACGT", k=rng.randint(1, 40) if not bacterial and rng.random() < 0.2 else rng.randint(60, 300)
        )
        exons.append((begin, len(residues)))
    coding = bacterial or rng.random() < 0.8
    first = MadeTranscript(1, exons, canonical=True)
    if coding:
        _place_coding(rng, first, strand, residues, table, bacterial)
    if bacterial:
        first.exons = first.cds
    gene = MadeGene(number, chromosome, strand, table, [first])
    if not bacterial and len(exons) > 2:
        skipped = [exon for at, exon in enumerate(exons) if at != 1]
        other = MadeTranscript(2, skipped, [block for block in first.cds if _inside(block, skipped)])
        if sum(end - start for start, end in other.cds) < 12:
            other.cds = []
        if other.cds:
            own = other.cds[0] if strand > 0 else other.cds[-1]
            begins = first.cds[0] if strand > 0 else first.cds[-1]
            other.lacks_start = first.lacks_start or own != begins
            other.phase = rng.randint(0, 2) if other.lacks_start else first.phase
            other.lacks_end = True
        gene.transcripts.append(other)
    return gene


def _inside(block: tuple[int, int], exons: Blocks) -> bool:
    return any(start <= block[0] and block[1] <= end for start, end in exons)


def _place_coding(
    rng: random.Random,
    transcript: MadeTranscript,
    strand: int,
    residues: list[str],
    table: int,
    bacterial: bool,
) -> None:
    """Put a coding sequence into the exons: whole, or without its beginning or its end, or with a selenocysteine."""
    positions = [at for start, end in transcript.exons for at in range(start, end)]
    if strand < 0:
        positions.reverse()
    lacks_start, lacks_end = (not bacterial and rng.random() < 0.25 for _ in range(2))
    begin = 0 if lacks_start or bacterial else rng.randint(0, len(positions) // 4)
    end = len(positions) if lacks_end or bacterial else len(positions) - rng.randint(0, len(positions) // 4)
    phase = rng.randint(0, 2) if lacks_start else 0
    if not lacks_end:
        end -= (end - begin - phase) % 3
    if end - begin < 12:
        return
    codes = CodonTable.unambiguous_dna_by_id[table]
    codons = [codon for codon in codes.forward_table if codon not in codes.stop_codons]
    count = (end - begin - phase + 2) // 3
    chosen = [rng.choice(codons) for _ in range(count)]
    if not lacks_start:
        chosen[0] = rng.choice(codes.start_codons)
    sec = None
    if "TGA" in codes.stop_codons and count > 6 and rng.random() < 0.3:
        sec = rng.randint(2, count - 3)
        chosen[sec] = "TGA"
    if not lacks_end:
        chosen[-1] = rng.choice(codes.stop_codons)
    text = "".join(rng.choices("ACGT", k=phase)) + "".join(chosen)
    complement = str.maketrans("ACGT", "TGCA")
    for at, base in zip(positions[begin:end], text, strict=False):
        residues[at] = base.translate(complement) if strand < 0 else base
    if rng.random() < 0.3 and count > 6:
        # A base in the middle that was read as one of several.
        residues[rng.choice(positions[begin + phase + 3 : end - 6])] = rng.choice("RYSWKMBDHVN")
    inside = sorted(positions[begin:end])
    transcript.cds = [
        (max(start, inside[0]), min(stop, inside[-1] + 1))
        for start, stop in transcript.exons
        if start <= inside[-1] and stop > inside[0]
    ]
    transcript.phase, transcript.lacks_start, transcript.lacks_end = phase, lacks_start, lacks_end
    if sec is not None:
        codon = sorted(positions[begin + phase + 3 * sec : begin + phase + 3 * sec + 3])
        if codon[2] - codon[0] == 2:
            transcript.selenocysteine = (codon[0], codon[0] + 3)
        else:
            for at, base in zip(positions[begin + phase + 3 * sec :][:3], "TGG", strict=True):
                residues[at] = base.translate(complement) if strand < 0 else base


def phases(gene: MadeGene, transcript: MadeTranscript) -> list[int]:
    """The phase of each coding block, in genomic order, as GFF3 counts it."""
    blocks = transcript.cds if gene.strand > 0 else transcript.cds[::-1]
    found, phase = [], transcript.phase
    for start, end in blocks:
        found.append(phase)
        phase = (phase - (end - start)) % 3
    return found if gene.strand > 0 else found[::-1]
