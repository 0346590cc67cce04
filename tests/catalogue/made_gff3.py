"""Writes the GFF3 of made genomes with exons as Ensembl, GENCODE and NCBI do."""

from collections.abc import Iterator

from tests.catalogue.made_genomes import Blocks, MadeGene, MadeGenome, MadeTranscript, phases


def columns(
    gene: MadeGene, source: str, kind: str, block: tuple[int, int], attributes: str, *, phase: int | str = "."
) -> str:
    strand = "+" if gene.strand > 0 else "-"
    start, end = block
    return "\t".join(
        (gene.chromosome, source, kind, str(start + 1), str(end), ".", strand, str(phase), attributes)
    )


def ensembl_ids(gene: MadeGene, transcript: MadeTranscript) -> tuple[str, str, str]:
    number = gene.number * 10 + transcript.number
    return f"ENSG{gene.number:011}", f"ENST{number:011}", f"ENSP{number:011}"


def whole(transcript: MadeTranscript) -> tuple[int, int]:
    return transcript.exons[0][0], transcript.exons[-1][1]


def ensembl_tags(transcript: MadeTranscript) -> list[str]:
    found = ["basic", "Ensembl_canonical", "MANE_Select"] if transcript.canonical else []
    if transcript.cds:
        found += ["cds_start_NF"] * transcript.lacks_start + ["cds_end_NF"] * transcript.lacks_end
    return found


def in_order(gene: MadeGene, blocks: Blocks) -> Blocks:
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
        own = ensembl_ids(gene, gene.transcripts[0])[0]
        kind, biotype = ("gene", "protein_coding") if gene.transcripts[0].cds else ("ncRNA_gene", "lncRNA")
        described = (
            f"ID=gene:{own};Name=MADE{gene.number};biotype={biotype};"
            f"description=made gene {gene.number}%2C one [Source:HGNC Symbol%3BAcc:HGNC:{gene.number}];"
            f"gene_id={own};logic_name=made;version=3"
        )
        yield columns(gene, "ensembl_havana", kind, (gene.start, gene.end), described)
        for transcript in gene.transcripts:
            yield from _ensembl_transcript(gene, transcript, biotype)
        yield "###"


def _ensembl_transcript(gene: MadeGene, transcript: MadeTranscript, biotype: str) -> Iterator[str]:
    own, name, protein = ensembl_ids(gene, transcript)
    kind = "mRNA" if transcript.cds else "lnc_RNA"
    tags = f"tag={','.join(ensembl_tags(transcript))};" if ensembl_tags(transcript) else ""
    described = (
        f"ID=transcript:{name};Parent=gene:{own};Name=MADE{gene.number}-20{transcript.number};biotype={biotype};"
        f"{tags}transcript_id={name};transcript_support_level=1 (assigned to previous version 4);version=5"
    )
    yield columns(gene, "ensembl_havana", kind, whole(transcript), described)
    for rank, exon in enumerate(in_order(gene, transcript.exons), start=1):
        named = f"ENSE{gene.number:07}{transcript.number}{rank:03}"
        yield columns(
            gene,
            "ensembl_havana",
            "exon",
            exon,
            f"Parent=transcript:{name};Name={named};constitutive=0;exon_id={named};rank={rank};version=1",
        )
    for block, phase in zip(transcript.cds, phases(gene, transcript), strict=True):
        attributes = f"ID=CDS:{protein};Parent=transcript:{name};protein_id={protein};version=2"
        yield columns(gene, "ensembl_havana", "CDS", block, attributes, phase=phase)


def write_gencode(genome: MadeGenome) -> Iterator[str]:
    """GFF3 as GENCODE writes it: versions in all ids, and where stop codons code for selenocysteine."""
    yield "##gff-version 3"
    yield "#description: evidence-based annotation of the human genome (GRCh38), version 44 (Ensembl 110)"
    yield "#provider: GENCODE"
    for gene in genome.genes:
        own = f"{ensembl_ids(gene, gene.transcripts[0])[0]}.3"
        of_gene = f"gene_id={own};gene_type=protein_coding;gene_name=MADE{gene.number};level=2"
        yield columns(
            gene, "HAVANA", "gene", (gene.start, gene.end), f"ID={own};{of_gene};hgnc_id=HGNC:{gene.number}"
        )
        for transcript in gene.transcripts:
            _, bare, protein = ensembl_ids(gene, transcript)
            name = f"{bare}.5"
            of_both = (
                f"{of_gene};transcript_id={name};transcript_type=protein_coding;"
                f"transcript_name=MADE{gene.number}-20{transcript.number};transcript_support_level=NA;"
                f"tag={','.join([*ensembl_tags(transcript), 'appris_principal_1', 'CCDS'])}"
            )
            of_protein = f";protein_id={protein}.2;ccdsid=CCDS{gene.number}.1" if transcript.cds else ""
            yield columns(
                gene,
                "HAVANA",
                "transcript",
                whole(transcript),
                f"ID={name};Parent={own};{of_both}{of_protein}",
            )
            for rank, exon in enumerate(in_order(gene, transcript.exons), start=1):
                attributes = f"ID=exon:{name}:{rank};Parent={name};{of_both};exon_number={rank};exon_id=ENSE{rank:07}.1"
                yield columns(gene, "HAVANA", "exon", exon, attributes)
            for block, phase in zip(transcript.cds, phases(gene, transcript), strict=True):
                attributes = f"ID=CDS:{name};Parent={name};{of_both}{of_protein}"
                yield columns(gene, "HAVANA", "CDS", block, attributes, phase=phase)
            if transcript.selenocysteine:
                yield columns(
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
    yield columns(gene, "BestRefSeq", "gene", (gene.start, gene.end), described)
    for transcript in gene.transcripts:
        name, protein = ncbi_transcript(gene, transcript), ncbi_protein(gene, transcript)
        kind, accession = ("mRNA", f"rna-{name}") if transcript.cds else ("lnc_RNA", f"rna-{name}")
        tag = ";tag=MANE Select" if transcript.canonical else ""
        of_gene = f"Dbxref=GeneID:{gene.number},GenBank:{name};gene={symbol};product=made RNA{tag}"
        own = f"ID={accession};Parent=gene-{symbol};{of_gene};gbkey={kind};transcript_id={name}"
        yield columns(gene, "BestRefSeq", kind, whole(transcript), own)
        for rank, exon in enumerate(in_order(gene, transcript.exons), start=1):
            attributes = (
                f"ID=exon-{name}-{rank};Parent={accession};{of_gene};gbkey={kind};transcript_id={name}"
            )
            yield columns(gene, "BestRefSeq", "exon", exon, attributes)
        placed = list(zip(transcript.cds, phases(gene, transcript), strict=True))
        for block, phase in placed if gene.strand > 0 else placed[::-1]:
            attributes = (
                f"ID=cds-{protein};Parent={accession};Dbxref=GeneID:{gene.number},GenBank:{protein};gbkey=CDS;"
                f"gene={symbol};product=made protein {gene.number};protein_id={protein}"
            )
            yield columns(
                gene,
                "BestRefSeq",
                "CDS",
                block,
                attributes + ncbi_notes(gene, transcript, block),
                phase=phase,
            )


def ncbi_notes(gene: MadeGene, transcript: MadeTranscript, block: tuple[int, int]) -> str:
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
