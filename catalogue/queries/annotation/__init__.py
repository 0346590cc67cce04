"""Looks up genomes and what is annotated on them: regions, genes, transcripts, products.

A genome of a collection that the viewer may not read is treated as absent. Look-ups by primary key are for keys that
other look-ups gave, and take many at once, so that what belongs to a list of rows needs one statement. Positions are
0-based and half-open; see `catalogue.models.annotation` for circular regions.
"""

from catalogue.queries.annotation.features import (
    StoredGene,
    StoredTranscript,
    count_transcripts,
    find_gene,
    find_transcript,
    genes_by_key,
    genes_in,
    genes_with_symbol,
    search_transcripts,
    split_version,
    transcript_page,
    transcripts_by_key,
    transcripts_in,
    transcripts_of,
)
from catalogue.queries.annotation.genomes import (
    Criterion,
    StoredGenome,
    StoredRegion,
    find_genome,
    find_genomes,
    find_region,
    genomes_by_key,
    genomes_of_taxa,
    regions_by_key,
    regions_of,
    release_number,
)
from catalogue.queries.annotation.limits import TimeExceeded, TooManyRows, snapshot
from catalogue.queries.annotation.products import (
    StoredContext,
    StoredProduct,
    contexts_of_products,
    contexts_of_transcripts,
    find_product,
)
from catalogue.queries.annotation.sequences import SequenceSummary

__all__ = [
    "Criterion",
    "SequenceSummary",
    "StoredContext",
    "StoredGene",
    "StoredGenome",
    "StoredProduct",
    "StoredRegion",
    "StoredTranscript",
    "TimeExceeded",
    "TooManyRows",
    "contexts_of_products",
    "contexts_of_transcripts",
    "count_transcripts",
    "find_gene",
    "find_genome",
    "find_genomes",
    "find_product",
    "find_region",
    "find_transcript",
    "genes_by_key",
    "genes_in",
    "genes_with_symbol",
    "genomes_by_key",
    "genomes_of_taxa",
    "regions_by_key",
    "regions_of",
    "release_number",
    "search_transcripts",
    "snapshot",
    "split_version",
    "transcript_page",
    "transcripts_by_key",
    "transcripts_in",
    "transcripts_of",
]
