"""Writes the GFF3 of made bacteria as Prokka, Bakta and NCBI do: coding sequences without exons."""

from collections.abc import Iterator
from typing import Any

from tests.catalogue.made_genomes import MadeGene, MadeGenome
from tests.catalogue.made_gff3 import columns, ncbi_notes


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
        yield columns(gene, "Prodigal:002006", "CDS", transcript.cds[0], attributes, phase=0)
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
        yield columns(
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
        yield columns(gene, "Prodigal", "CDS", transcript.cds[0], attributes, phase=0)


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
            yield columns(
                gene, "Genbank", "gene", transcript.cds[0], f"ID=gene-{tag};Name=mad{gene.number};{of_gene}"
            )
            protein = insdc_protein(gene, transcript)
            attributes = (
                f"ID=cds-{protein};Parent=gene-{tag};Name={protein};gbkey=CDS;gene=mad{gene.number};locus_tag={tag};"
                f"product=made protein {gene.number};protein_id={protein};transl_table={gene.table}"
                f"{ncbi_notes(gene, transcript, transcript.cds[0]).replace(f';transl_table={gene.table}', '')}"
            )
            yield columns(gene, "Genbank", "CDS", transcript.cds[0], attributes, phase=0)


def insdc_protein(gene: MadeGene, _: Any = None) -> str:
    return f"AAA{gene.number:05}.1"
