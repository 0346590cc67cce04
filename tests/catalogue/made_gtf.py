"""Writes the GTF of made genomes as Ensembl does."""

from collections.abc import Iterator

from tests.catalogue.made_genomes import Blocks, MadeGene, MadeGenome, MadeTranscript, phases
from tests.catalogue.made_gff3 import columns, ensembl_ids, ensembl_tags, in_order, whole


def write_gtf(genome: MadeGenome) -> Iterator[str]:
    """GTF as Ensembl writes it: the stop codon is not part of CDS lines."""
    yield "#!genome-build Made1"
    for gene in genome.genes:
        own = ensembl_ids(gene, gene.transcripts[0])[0]
        of_gene = (
            f'gene_id "{own}"; gene_version "3"; gene_name "MADE{gene.number}"; gene_source "ensembl"; '
            f'gene_biotype "protein_coding";'
        )
        yield columns(gene, "ensembl", "gene", (gene.start, gene.end), of_gene)
        for transcript in gene.transcripts:
            yield from _gtf_transcript(gene, transcript, of_gene)


def _gtf_transcript(gene: MadeGene, transcript: MadeTranscript, of_gene: str) -> Iterator[str]:
    _, name, protein = ensembl_ids(gene, transcript)
    tags = "".join(f' tag "{tag}";' for tag in ensembl_tags(transcript))
    of_both = (
        f'{of_gene} transcript_id "{name}"; transcript_version "5"; '
        f'transcript_name "MADE{gene.number}-20{transcript.number}"; transcript_biotype "protein_coding";{tags}'
    )
    yield columns(gene, "ensembl", "transcript", whole(transcript), of_both)
    for rank, exon in enumerate(in_order(gene, transcript.exons), start=1):
        own = f'exon_number "{rank}"; exon_id "ENSE{gene.number:07}{transcript.number}{rank:03}"; exon_version "1";'
        yield columns(gene, "ensembl", "exon", exon, f"{of_both} {own}")
    cds, stop = transcript.cds, list[tuple[int, int]]()
    if cds and not transcript.lacks_end:
        cds, stop = _without_stop(gene, cds)
    of_protein = f'{of_both} protein_id "{protein}"; protein_version "2";'
    for block, phase in zip(transcript.cds, phases(gene, transcript), strict=True):
        kept = [part for part in cds if block[0] <= part[0] and part[1] <= block[1]]
        for part in kept:
            yield columns(gene, "ensembl", "CDS", part, of_protein, phase=phase)
    for block in stop:
        yield columns(gene, "ensembl", "stop_codon", block, of_both, phase=0)
    if transcript.selenocysteine:
        yield columns(gene, "ensembl", "Selenocysteine", transcript.selenocysteine, of_both)


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
