"""Describes genes for their pages, finds them by symbol or stable id, and gives the transcripts of a file's regions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db.models import F, Q, QuerySet

from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.formats.intervals import NO_END
from catalogue.models import Contig, Gene, Region
from catalogue.models.text_search import MIN_PART, worth_parts
from catalogue.queries.annotation import (
    StoredContext,
    StoredGene,
    StoredGenome,
    StoredRegion,
    StoredTranscript,
    contexts_of_transcripts,
    find_gene,
    find_genome,
    genes_with_symbol,
    regions_by_key,
    transcripts_in,
    transcripts_of,
)
from catalogue.queries.annotation.genomes import readable_genomes
from catalogue.queries.files import StoredFile
from catalogue.queries.sequences import StoredSequence, read_residues, sequence
from catalogue.queries.text import has_part

#: Transcripts of one gene, and genes of one symbol, that a page shows at most.
MAX_TRANSCRIPTS, MAX_GENES = 500, 50
#: Transcripts of one region that a track has at most, and the positions of the longest region.
MAX_TRACK, MAX_TRACK_LENGTH = 2000, 2_000_000
#: Residues that are shown at most of a sequence that a transcript makes.
MAX_SHOWN: Final = 50_000


@dataclass(frozen=True, slots=True)
class GeneDetails:
    """One gene; `contexts` has for each transcript how it makes its default product, where it makes one."""

    genome: StoredGenome
    region: StoredRegion
    gene: StoredGene
    transcripts: Sequence[StoredTranscript]
    contexts: dict[int, StoredContext]


class FoundGene(NamedTuple):
    """A gene in a listing; positions are 0-based and half-open."""

    pk: int
    genome_id: str
    stable_id: str
    symbol: str
    name: str
    region: str
    start: int
    end: int


def gene_details(genome_id: str, identifier: str, *, viewer: Viewer) -> GeneDetails:
    """Return the gene of a genome with a stable id, with or without its version, or the only one with a symbol.

    Raises NotFound, also for a genome that the viewer may not see.
    """
    genome = find_genome(genome_id, viewer=viewer)
    if genome is None:
        raise NotFound(f"no genome has the id {genome_id!r}")
    gene = find_gene(genome_id, identifier, viewer=viewer)
    if gene is None:
        named = genes_with_symbol(genome_id, identifier, viewer=viewer, max_rows=MAX_GENES)
        gene = named[0] if len(named) == 1 else None
    if gene is None:
        raise NotFound(f"{genome_id!r} has no gene with the id {identifier!r}, and not one with this symbol")
    transcripts = transcripts_of([gene.pk], max_rows=MAX_TRANSCRIPTS)[gene.pk]
    contexts = contexts_of_transcripts([row.pk for row in transcripts], max_rows=10 * MAX_TRANSCRIPTS)
    return GeneDetails(
        genome=genome,
        region=regions_by_key([gene.region])[gene.region],
        gene=gene,
        transcripts=transcripts,
        contexts={transcript: found[0] for transcript, found in contexts.items() if found},
    )


def genomes(*, viewer: Viewer, count: int) -> list[tuple[str, str, str]]:
    """Return id, species and assembly of up to `count` genomes, in the order of their ids."""
    rows = readable_genomes(viewer).order_by("genome_id")
    return list(rows.values_list("genome_id", "scientific_name", "assembly_name")[:count])


def genes_named(
    text: str, *, viewer: Viewer, count: int, genome_id: str | None = None
) -> Iterator[list[FoundGene]]:
    """Yield up to `count` genes whose symbol or stable id is a text; where it begins so; with it within the symbol."""
    readable = readable_genomes(viewer)
    if genome_id is not None:
        readable = readable.filter(genome_id=genome_id)
    genomes = list(readable.values_list("pk", flat=True))
    rows = Gene.objects.filter(genome__in=genomes)
    unversioned, dot, version = text.rpartition(".")
    exact = Q(symbol__iexact=text) | Q(unversioned_stable_id__iexact=text)
    if dot and version.isascii() and version.isdigit() and len(version) < 10:
        exact |= Q(unversioned_stable_id__iexact=unversioned, version=int(version))
    yield _found(rows.filter(exact)[:count])
    yield _found(
        rows.filter(Q(symbol__istartswith=text) | Q(unversioned_stable_id__istartswith=text))[:count]
    )
    if len(text) >= MIN_PART:
        # By a sum, so that no index of genomes is read, which has every gene of theirs.
        of_genomes = Gene.objects.alias(of_genome=F("genome_id") + 0).filter(of_genome__in=genomes)
        yield _found(of_genomes.filter(worth_parts(F("symbol")) & has_part(F("symbol"), text))[:count])


def _found(rows: QuerySet[Gene]) -> list[FoundGene]:
    return [
        FoundGene(
            row.pk, row.genome.genome_id, row.stable_id, row.symbol, row.name, row.region.name, row.start, row.end
        )
        for row in rows.select_related("genome", "region")
    ]  # fmt: skip


def shown_residues(md5: str, *, viewer: Viewer) -> str:
    """Return the residues of a sequence that a transcript makes, at most `MAX_SHOWN`; "" where they are not held."""
    try:
        record: StoredSequence = sequence(md5, viewer=viewer)
        return read_residues(record, 0, min(record.length, MAX_SHOWN)).decode("ascii", "replace")
    except NotFound:
        return ""


def annotated_region(stored: StoredFile, contig: str) -> StoredRegion | None:
    """Return the region, of a genome that the viewer may see, that is the same sequence as a contig of a file."""
    sequences = Contig.objects.filter(file_id=stored.pk, sequence__isnull=False)
    if contig:
        sequences = sequences.filter(name=contig)
    rows = Region.objects.filter(
        sequence__in=sequences.values("sequence"),
        genome__in=readable_genomes(stored.viewer),
        longest_gene__gt=0,
    )
    found = (
        rows.order_by("-genome__is_reference", "-genome__ingested", "pk").values_list("pk", flat=True).first()
    )
    return None if found is None else regions_by_key([found])[found]


def track_transcripts(
    region: StoredRegion, start: int, end: int
) -> list[tuple[StoredTranscript, StoredContext | None]]:
    """Return the transcripts that overlap positions of a region, each with the context of its default product.

    Raises TooManyRows.
    """
    end = min(end, start + MAX_TRACK_LENGTH, region.length, NO_END)
    transcripts = transcripts_in(region, start, end, max_rows=MAX_TRACK)
    contexts = contexts_of_transcripts([row.pk for row in transcripts], max_rows=10 * MAX_TRACK)
    return [(row, next(iter(contexts[row.pk]), None)) for row in transcripts]
