"""Random genomes with genes, written as each provider writes its annotation.

The models here are written down before any file is: what the ingest makes of a file is compared with them, with
gffread and with Biopython. Positions are 0-based and half-open on the forward strand.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Flavour:
    """How one provider writes annotation. The names are those that the ingest must give, with and without version."""

    name: str
    write: Callable[[MadeGenome], Iterator[str]]
    transcript_name: Callable[[MadeGene, MadeTranscript], str]
    protein_name: Callable[[MadeGene, MadeTranscript], str]
    suffix: str = ".gff3"
    bacterial: bool = False
    begins_with_x: bool = False
    tables: tuple[int, ...] = (1,)
    tells_selenocysteine: bool = False
    tells_incomplete: bool = True


def _columns(
    gene: MadeGene, source: str, kind: str, block: tuple[int, int], attributes: str, *, phase: int | str = "."
) -> str:
    strand = "+" if gene.strand > 0 else "-"
    start, end = block
    return "\t".join(
        (gene.chromosome, source, kind, str(start + 1), str(end), ".", strand, str(phase), attributes)
    )


def _ensembl_ids(gene: MadeGene, transcript: MadeTranscript) -> tuple[str, str, str]:
    number = gene.number * 10 + transcript.number
    return f"ENSG{gene.number:011}", f"ENST{number:011}", f"ENSP{number:011}"


def _whole(transcript: MadeTranscript) -> tuple[int, int]:
    return transcript.exons[0][0], transcript.exons[-1][1]


def _tags(transcript: MadeTranscript) -> list[str]:
    found = ["basic", "Ensembl_canonical", "MANE_Select"] if transcript.canonical else []
    if transcript.cds:
        found += ["cds_start_NF"] * transcript.lacks_start + ["cds_end_NF"] * transcript.lacks_end
    return found


def _in_order(gene: MadeGene, blocks: Blocks) -> Blocks:
    return blocks if gene.strand > 0 else blocks[::-1]


def write_ensembl(genome: MadeGenome) -> Iterator[str]:
    """GFF3 as Ensembl writes it: prefixes in IDs, versions apart, exons with their own ids."""
    yield "##gff-version 3"
    for name, residues in genome.chromosomes.items():
        yield f"##sequence-region   {name} 1 {len(residues)}"
    yield "#!genome-build  Made1.p2"
    yield "#!genome-build-accession GCA_000000001.2"
    for name, residues in genome.chromosomes.items():
        yield f"{name}\tMade1\tchromosome\t1\t{len(residues)}\t.\t.\t.\tID=chromosome:{name};Alias=CM{name}"
    for gene in genome.genes:
        own = _ensembl_ids(gene, gene.transcripts[0])[0]
        kind, biotype = ("gene", "protein_coding") if gene.transcripts[0].cds else ("ncRNA_gene", "lncRNA")
        described = (
            f"ID=gene:{own};Name=MADE{gene.number};biotype={biotype};"
            f"description=made gene {gene.number}%2C one [Source:HGNC Symbol%3BAcc:HGNC:{gene.number}];"
            f"gene_id={own};logic_name=made;version=3"
        )
        yield _columns(gene, "ensembl_havana", kind, (gene.start, gene.end), described)
        for transcript in gene.transcripts:
            yield from _ensembl_transcript(gene, transcript, biotype)
        yield "###"


def _ensembl_transcript(gene: MadeGene, transcript: MadeTranscript, biotype: str) -> Iterator[str]:
    own, name, protein = _ensembl_ids(gene, transcript)
    kind = "mRNA" if transcript.cds else "lnc_RNA"
    tags = f"tag={','.join(_tags(transcript))};" if _tags(transcript) else ""
    described = (
        f"ID=transcript:{name};Parent=gene:{own};Name=MADE{gene.number}-20{transcript.number};biotype={biotype};"
        f"{tags}transcript_id={name};transcript_support_level=1 (assigned to previous version 4);version=5"
    )
    yield _columns(gene, "ensembl_havana", kind, _whole(transcript), described)
    for rank, exon in enumerate(_in_order(gene, transcript.exons), start=1):
        named = f"ENSE{gene.number:07}{transcript.number}{rank:03}"
        yield _columns(
            gene,
            "ensembl_havana",
            "exon",
            exon,
            f"Parent=transcript:{name};Name={named};constitutive=0;exon_id={named};rank={rank};version=1",
        )
    for block, phase in zip(transcript.cds, phases(gene, transcript), strict=True):
        attributes = f"ID=CDS:{protein};Parent=transcript:{name};protein_id={protein};version=2"
        yield _columns(gene, "ensembl_havana", "CDS", block, attributes, phase=phase)


def write_gencode(genome: MadeGenome) -> Iterator[str]:
    """GFF3 as GENCODE writes it: versions in all ids, and where stop codons code for selenocysteine."""
    yield "##gff-version 3"
    yield "#description: evidence-based annotation of the human genome (GRCh38), version 44 (Ensembl 110)"
    yield "#provider: GENCODE"
    for gene in genome.genes:
        own = f"{_ensembl_ids(gene, gene.transcripts[0])[0]}.3"
        of_gene = f"gene_id={own};gene_type=protein_coding;gene_name=MADE{gene.number};level=2"
        yield _columns(
            gene, "HAVANA", "gene", (gene.start, gene.end), f"ID={own};{of_gene};hgnc_id=HGNC:{gene.number}"
        )
        for transcript in gene.transcripts:
            _, bare, protein = _ensembl_ids(gene, transcript)
            name = f"{bare}.5"
            of_both = (
                f"{of_gene};transcript_id={name};transcript_type=protein_coding;"
                f"transcript_name=MADE{gene.number}-20{transcript.number};transcript_support_level=NA;"
                f"tag={','.join([*_tags(transcript), 'appris_principal_1', 'CCDS'])}"
            )
            of_protein = f";protein_id={protein}.2;ccdsid=CCDS{gene.number}.1" if transcript.cds else ""
            yield _columns(
                gene,
                "HAVANA",
                "transcript",
                _whole(transcript),
                f"ID={name};Parent={own};{of_both}{of_protein}",
            )
            for rank, exon in enumerate(_in_order(gene, transcript.exons), start=1):
                attributes = f"ID=exon:{name}:{rank};Parent={name};{of_both};exon_number={rank};exon_id=ENSE{rank:07}.1"
                yield _columns(gene, "HAVANA", "exon", exon, attributes)
            for block, phase in zip(transcript.cds, phases(gene, transcript), strict=True):
                attributes = f"ID=CDS:{name};Parent={name};{of_both}{of_protein}"
                yield _columns(gene, "HAVANA", "CDS", block, attributes, phase=phase)
            if transcript.selenocysteine:
                yield _columns(
                    gene,
                    "HAVANA",
                    "stop_codon_redefined_as_selenocysteine",
                    transcript.selenocysteine,
                    f"ID=sec:{name};Parent={name};{of_both}",
                )


def write_ncbi(genome: MadeGenome) -> Iterator[str]:
    """GFF3 as NCBI writes it: `gbkey`, `Dbxref`, `transl_table`, `transl_except`, partial ends; sorted by position."""
    yield "##gff-version 3"
    yield "#!gff-spec-version 1.21"
    yield "#!processor NCBI annotwriter"
    yield "#!genome-build Made1"
    yield "#!genome-build-accession NCBI_Assembly:GCF_000000001.1"
    yield "##species https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id=9606"
    for name, residues in genome.chromosomes.items():
        yield f"##sequence-region {name} 1 {len(residues)}"
        circular = "Is_circular=true;" if name in genome.circular else ""
        yield (
            f"{name}\tRefSeq\tregion\t1\t{len(residues)}\t.\t+\t.\t"
            f"ID={name}:1..{len(residues)};Dbxref=taxon:9606;{circular}chromosome=1;gbkey=Src;genome=chromosome"
        )
        for gene in genome.genes:
            if gene.chromosome == name:
                yield from _ncbi_gene(gene)
    yield "###"


def _ncbi_gene(gene: MadeGene) -> Iterator[str]:
    symbol = f"MADE{gene.number}"
    described = (
        f"ID=gene-{symbol};Dbxref=GeneID:{gene.number},HGNC:HGNC:{gene.number};Name={symbol};"
        f"description=made gene {gene.number}%3B one;gbkey=Gene;gene={symbol};gene_biotype=protein_coding;"
        f"gene_synonym=OLD{gene.number},OLDER%2C{gene.number}"
    )
    yield _columns(gene, "BestRefSeq", "gene", (gene.start, gene.end), described)
    for transcript in gene.transcripts:
        name, protein = ncbi_transcript(gene, transcript), ncbi_protein(gene, transcript)
        kind, accession = ("mRNA", f"rna-{name}") if transcript.cds else ("lnc_RNA", f"rna-{name}")
        tag = ";tag=MANE Select" if transcript.canonical else ""
        of_gene = f"Dbxref=GeneID:{gene.number},GenBank:{name};gene={symbol};product=made RNA{tag}"
        own = f"ID={accession};Parent=gene-{symbol};{of_gene};gbkey={kind};transcript_id={name}"
        yield _columns(gene, "BestRefSeq", kind, _whole(transcript), own)
        for rank, exon in enumerate(_in_order(gene, transcript.exons), start=1):
            attributes = (
                f"ID=exon-{name}-{rank};Parent={accession};{of_gene};gbkey={kind};transcript_id={name}"
            )
            yield _columns(gene, "BestRefSeq", "exon", exon, attributes)
        placed = list(zip(transcript.cds, phases(gene, transcript), strict=True))
        for block, phase in placed if gene.strand > 0 else placed[::-1]:
            attributes = (
                f"ID=cds-{protein};Parent={accession};Dbxref=GeneID:{gene.number},GenBank:{protein};gbkey=CDS;"
                f"gene={symbol};product=made protein {gene.number};protein_id={protein}"
            )
            yield _columns(
                gene,
                "BestRefSeq",
                "CDS",
                block,
                attributes + _ncbi_notes(gene, transcript, block),
                phase=phase,
            )


def _ncbi_notes(gene: MadeGene, transcript: MadeTranscript, block: tuple[int, int]) -> str:
    said = f";transl_table={gene.table}" if gene.table != 1 else ""
    if transcript.lacks_start or transcript.lacks_end:
        said += ";partial=true"
    left, right = transcript.lacks_start, transcript.lacks_end
    if gene.strand < 0:
        left, right = right, left
    if left and block == transcript.cds[0]:
        said += f";start_range=.,{block[0] + 1}"
    if right and block == transcript.cds[-1]:
        said += f";end_range={block[1]},."
    if transcript.selenocysteine:
        place = f"{transcript.selenocysteine[0] + 1}..{transcript.selenocysteine[1]}"
        place = f"complement({place})" if gene.strand < 0 else place
        said += f";transl_except=(pos:{place}%2Caa:Sec)"
    return said


def ncbi_transcript(gene: MadeGene, transcript: MadeTranscript) -> str:
    return f"{'NM' if transcript.cds else 'NR'}_{gene.number * 10 + transcript.number:06}.4"


def ncbi_protein(gene: MadeGene, transcript: MadeTranscript) -> str:
    return f"NP_{gene.number * 10 + transcript.number:06}.3"


def locus(gene: MadeGene, _: Any = None) -> str:
    return f"MADE_{gene.number:05}"


def write_prokka(genome: MadeGenome) -> Iterator[str]:
    """GFF3 as Prokka writes it: coding sequences without exons or genes, and the residues at the end."""
    yield "##gff-version 3"
    for name, residues in genome.chromosomes.items():
        yield f"##sequence-region {name} 1 {len(residues)}"
    for gene in genome.genes:
        (transcript,) = gene.transcripts
        attributes = (
            f"ID={locus(gene)};gene=mad{gene.number};inference=ab initio prediction:Prodigal:002006;"
            f"locus_tag={locus(gene)};product=made protein {gene.number}"
        )
        yield _columns(gene, "Prodigal:002006", "CDS", transcript.cds[0], attributes, phase=0)
    yield "##FASTA"
    for name, residues in genome.chromosomes.items():
        yield f">{name}"
        yield residues


def write_bakta(genome: MadeGenome) -> Iterator[str]:
    """GFF3 as Bakta writes it: genes and coding sequences, with the product as `Name`."""
    yield "##gff-version 3"
    yield "##feature-ontology https://github.com/The-Sequence-Ontology/SO-Ontologies/blob/v3.1/so.obo"
    yield "# Annotated with Bakta"
    for name, residues in genome.chromosomes.items():
        circular = ";Is_circular=true" if name in genome.circular else ""
        yield f"{name}\tBakta\tregion\t1\t{len(residues)}\t.\t+\t.\tID={name};Name={name}{circular}"
    for gene in genome.genes:
        (transcript,) = gene.transcripts
        tag, product = locus(gene), f"made protein {gene.number}"
        yield _columns(
            gene,
            "Prodigal",
            "gene",
            transcript.cds[0],
            f"ID={tag}_gene;locus_tag={tag};gene=mad{gene.number}",
        )
        attributes = (
            f"ID={tag};Name={product};locus_tag={tag};product={product};Dbxref=SO:0001217,UniRef:UniRef50_A0;"
            f"gene=mad{gene.number};Parent={tag}_gene"
        )
        yield _columns(gene, "Prodigal", "CDS", transcript.cds[0], attributes, phase=0)


def write_ncbi_bacterial(genome: MadeGenome) -> Iterator[str]:
    """GFF3 as NCBI writes that of bacteria: coding sequences directly below genes."""
    yield "##gff-version 3"
    yield "#!processor NCBI annotwriter"
    yield "#!genome-build-accession NCBI_Assembly:GCA_000000001.1"
    for name, residues in genome.chromosomes.items():
        yield f"##sequence-region {name} 1 {len(residues)}"
        circular = "Is_circular=true;" if name in genome.circular else ""
        yield f"{name}\tGenbank\tregion\t1\t{len(residues)}\t.\t+\t.\tID={name}:1..2;{circular}gbkey=Src"
        for gene in genome.genes:
            if gene.chromosome != name:
                continue
            (transcript,) = gene.transcripts
            tag = locus(gene)
            of_gene = f"gbkey=Gene;gene=mad{gene.number};gene_biotype=protein_coding;locus_tag={tag}"
            yield _columns(
                gene, "Genbank", "gene", transcript.cds[0], f"ID=gene-{tag};Name=mad{gene.number};{of_gene}"
            )
            protein = insdc_protein(gene, transcript)
            attributes = (
                f"ID=cds-{protein};Parent=gene-{tag};Name={protein};gbkey=CDS;gene=mad{gene.number};locus_tag={tag};"
                f"product=made protein {gene.number};protein_id={protein};transl_table={gene.table}"
                f"{_ncbi_notes(gene, transcript, transcript.cds[0]).replace(f';transl_table={gene.table}', '')}"
            )
            yield _columns(gene, "Genbank", "CDS", transcript.cds[0], attributes, phase=0)


def insdc_protein(gene: MadeGene, _: Any = None) -> str:
    return f"AAA{gene.number:05}.1"


def write_gtf(genome: MadeGenome) -> Iterator[str]:
    """GTF as Ensembl writes it: the stop codon is not part of CDS lines."""
    yield "#!genome-build Made1"
    for gene in genome.genes:
        own = _ensembl_ids(gene, gene.transcripts[0])[0]
        of_gene = (
            f'gene_id "{own}"; gene_version "3"; gene_name "MADE{gene.number}"; gene_source "ensembl"; '
            f'gene_biotype "protein_coding";'
        )
        yield _columns(gene, "ensembl", "gene", (gene.start, gene.end), of_gene)
        for transcript in gene.transcripts:
            yield from _gtf_transcript(gene, transcript, of_gene)


def _gtf_transcript(gene: MadeGene, transcript: MadeTranscript, of_gene: str) -> Iterator[str]:
    _, name, protein = _ensembl_ids(gene, transcript)
    tags = "".join(f' tag "{tag}";' for tag in _tags(transcript))
    of_both = (
        f'{of_gene} transcript_id "{name}"; transcript_version "5"; '
        f'transcript_name "MADE{gene.number}-20{transcript.number}"; transcript_biotype "protein_coding";{tags}'
    )
    yield _columns(gene, "ensembl", "transcript", _whole(transcript), of_both)
    for rank, exon in enumerate(_in_order(gene, transcript.exons), start=1):
        own = f'exon_number "{rank}"; exon_id "ENSE{gene.number:07}{transcript.number}{rank:03}"; exon_version "1";'
        yield _columns(gene, "ensembl", "exon", exon, f"{of_both} {own}")
    cds, stop = transcript.cds, list[tuple[int, int]]()
    if cds and not transcript.lacks_end:
        cds, stop = _without_stop(gene, cds)
    of_protein = f'{of_both} protein_id "{protein}"; protein_version "2";'
    for block, phase in zip(transcript.cds, phases(gene, transcript), strict=True):
        kept = [part for part in cds if block[0] <= part[0] and part[1] <= block[1]]
        for part in kept:
            yield _columns(gene, "ensembl", "CDS", part, of_protein, phase=phase)
    for block in stop:
        yield _columns(gene, "ensembl", "stop_codon", block, of_both, phase=0)
    if transcript.selenocysteine:
        yield _columns(gene, "ensembl", "Selenocysteine", transcript.selenocysteine, of_both)


def _without_stop(gene: MadeGene, cds: Blocks) -> tuple[Blocks, Blocks]:
    """Take the last three bases off coding blocks."""
    kept, stop, left = list(cds), list[tuple[int, int]](), 3
    while left:
        start, end = kept.pop() if gene.strand > 0 else kept.pop(0)
        taken = min(left, end - start)
        left -= taken
        if gene.strand > 0:
            stop.insert(0, (end - taken, end))
            rest = (start, end - taken)
        else:
            stop.append((start, start + taken))
            rest = (start + taken, end)
        if rest[0] < rest[1]:
            kept.insert(len(kept) if gene.strand > 0 else 0, rest)
    return kept, stop


def _ensembl_transcript_name(gene: MadeGene, transcript: MadeTranscript) -> str:
    return f"{_ensembl_ids(gene, transcript)[1]}.5"


def _ensembl_protein_name(gene: MadeGene, transcript: MadeTranscript) -> str:
    return f"{_ensembl_ids(gene, transcript)[2]}.2"


_ENSEMBL: dict[str, Any] = {
    "transcript_name": _ensembl_transcript_name,
    "protein_name": _ensembl_protein_name,
    "begins_with_x": True,
}
_BACTERIAL: dict[str, Any] = {"transcript_name": locus, "bacterial": True, "tables": (11,)}
FLAVOURS = (
    Flavour("ensembl", write_ensembl, **_ENSEMBL),
    Flavour("gencode", write_gencode, tells_selenocysteine=True, **_ENSEMBL),
    Flavour("gtf", write_gtf, suffix=".gtf", tells_selenocysteine=True, **_ENSEMBL),
    Flavour(
        "ncbi", write_ncbi, ncbi_transcript, ncbi_protein, tables=(1, 2, 4, 6, 10, 12), tells_selenocysteine=True
    ),
    Flavour("prokka", write_prokka, protein_name=locus, **_BACTERIAL),
    Flavour("bakta", write_bakta, protein_name=locus, **_BACTERIAL),
    Flavour(
        "ncbi-bacterial", write_ncbi_bacterial, protein_name=insdc_protein, tells_selenocysteine=True,
        **_BACTERIAL | {"tables": (11, 4, 25)},
    ),
)  # fmt: skip


def write_annotation(genome: MadeGenome, flavour: Flavour, path: Path) -> Path:
    """Write the annotation of a genome in a flavour."""
    path.write_text("".join(f"{line}\n" for line in flavour.write(genome)))
    return path
