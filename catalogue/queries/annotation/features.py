"""Looks up genes and transcripts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from django.db.models import Count, F, Model, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from catalogue.access import Viewer
from catalogue.models import Gene, Transcript
from catalogue.models.annotation import versioned
from catalogue.queries.annotation.genomes import StoredRegion, readable_genomes
from catalogue.queries.annotation.limits import bounded
from catalogue.queries.annotation.sequences import SequenceSummary, summary
from catalogue.queries.text import storable

Named = TypeVar("Named", bound=Model)

_MAX_VERSION_DIGITS: Final = 9


class StoredGene(NamedTuple):
    """A gene as protocols see it; see `models.Gene`."""

    pk: int
    genome: int
    region: int
    start: int
    end: int
    strand: int
    unversioned_stable_id: str
    version: int | None
    symbol: str
    so_term: str
    biotype: str
    dbxrefs: list[str]
    name: str
    name_source: str
    name_accession: str
    synonyms: list[str]

    @property
    def stable_id(self) -> str:
        """The stable id with its version, where it has one."""
        return versioned(self.unversioned_stable_id, self.version)


class StoredTranscript(NamedTuple):
    """A transcript as protocols see it; see `models.Transcript`."""

    pk: int
    gene: int
    genome: int
    region: int
    start: int
    end: int
    strand: int
    unversioned_stable_id: str
    version: int | None
    symbol: str
    so_term: str
    biotype: str
    dbxrefs: list[str]
    exon_starts: list[int]
    exon_ends: list[int]
    exon_ids: list[str]
    exon_strands: list[int]
    exon_regions: list[int]
    canonical: bool
    mane: str
    gencode_basic: bool
    tsl: int | None
    appris: str
    cdna_md5: Any
    cdna_length: int | None
    cdna_molecule: str | None

    @property
    def stable_id(self) -> str:
        """The stable id with its version, where it has one."""
        return versioned(self.unversioned_stable_id, self.version)

    @property
    def cdna(self) -> SequenceSummary | None:
        """The sequence of the joined exons; None where it is not held."""
        return summary(self.cdna_md5, self.cdna_length, self.cdna_molecule)


_COLUMNS: Final = {"genome": "genome_id", "region": "region_id"}
_GENE: Final = tuple(_COLUMNS.get(name, name) for name in StoredGene._fields)
_TRANSCRIPT: Final = tuple(
    {**_COLUMNS, "gene": "gene_id"}.get(name, name.replace("cdna_", "cdna__"))
    for name in StoredTranscript._fields
)


def find_gene(genome_id: str, stable_id: str, *, viewer: Viewer) -> StoredGene | None:
    """Return the gene with a stable id, with or without its version; None if there is none."""
    rows = with_stable_id(_of_genomes(Gene.objects.all(), [genome_id], viewer), stable_id)
    row = rows.order_by("pk").values_list(*_GENE).first()
    return None if row is None else StoredGene._make(row)


def genes_with_symbol(genome_id: str, symbol: str, *, viewer: Viewer, max_rows: int) -> list[StoredGene]:
    """Return the genes that have a symbol, in its case. Raises TooManyRows."""
    rows = _with_symbol(_of_genomes(Gene.objects.all(), [genome_id], viewer), symbol)
    return [StoredGene._make(row) for row in bounded(rows.order_by("pk").values_list(*_GENE), max_rows)]


def genes_by_key(keys: Collection[int]) -> dict[int, StoredGene]:
    """Return genes by primary key."""
    rows = Gene.objects.filter(pk__in=keys).values_list(*_GENE)
    return {row[0]: StoredGene._make(row) for row in rows}


def genes_in(region: StoredRegion, start: int, end: int, *, max_rows: int) -> list[StoredGene]:
    """Return the genes that overlap positions of a region, in order. Raises TooManyRows.

    On a circular region `end` may be beyond its length, where the positions cross the origin.
    """
    rows = Gene.objects.filter(_overlap(region, start, end, region.longest_gene)).order_by("start", "pk")
    return [StoredGene._make(row) for row in bounded(rows.values_list(*_GENE), max_rows)]


def find_transcript(
    genome_id: str, *, stable_id: str | None = None, symbol: str | None = None, viewer: Viewer
) -> StoredTranscript | None:
    """Return the transcript with a stable id, with or without its version, or with a symbol; None if there is none."""
    rows = _of_genomes(Transcript.objects.all(), [genome_id], viewer)
    if stable_id is not None:
        rows = with_stable_id(rows, stable_id)
    if symbol is not None:
        rows = _with_symbol(rows, symbol)
    row = rows.order_by("pk").values_list(*_TRANSCRIPT).first()
    return None if row is None else StoredTranscript._make(row)


def transcripts_of(genes: Collection[int], *, max_rows: int) -> Mapping[int, Sequence[StoredTranscript]]:
    """Return the transcripts of genes, in the order of the file. Raises TooManyRows."""
    rows = Transcript.objects.filter(gene__in=genes).order_by("pk")
    return _by_gene(genes, bounded(rows.values_list(*_TRANSCRIPT), max_rows))


def transcript_page(
    genes: Collection[int], *, start: int, count: int, max_rows: int
) -> Mapping[int, Sequence[StoredTranscript]]:
    """Return up to `count` transcripts of each gene from `start` on, in the order of their stable ids.

    Raises TooManyRows.
    """
    order = ("unversioned_stable_id", "pk")
    numbered = Transcript.objects.filter(gene__in=genes).annotate(
        number=Window(RowNumber(), partition_by=F("gene"), order_by=order)
    )
    chosen = numbered.filter(number__gt=start, number__lte=start + count).order_by("number")
    return _by_gene(genes, bounded(chosen.values_list(*_TRANSCRIPT), max_rows))


def count_transcripts(genes: Collection[int]) -> dict[int, int]:
    """Return how many transcripts each gene has."""
    counted = Transcript.objects.filter(gene__in=genes).values_list("gene").annotate(Count("pk")).order_by()
    return {**dict.fromkeys(genes, 0), **dict(counted)}


def transcripts_by_key(keys: Collection[int]) -> dict[int, StoredTranscript]:
    """Return transcripts by primary key."""
    rows = Transcript.objects.filter(pk__in=keys).values_list(*_TRANSCRIPT)
    return {row[0]: StoredTranscript._make(row) for row in rows}


def transcripts_in(region: StoredRegion, start: int, end: int, *, max_rows: int) -> list[StoredTranscript]:
    """Return the transcripts that overlap positions of a region, as `genes_in` does genes. Raises TooManyRows."""
    overlap = _overlap(region, start, end, region.longest_transcript)
    rows = Transcript.objects.filter(overlap).order_by("start", "pk")
    return [StoredTranscript._make(row) for row in bounded(rows.values_list(*_TRANSCRIPT), max_rows)]


def search_transcripts(
    text: str, genome_ids: Sequence[str], *, start: int, count: int, viewer: Viewer
) -> tuple[list[StoredTranscript], int]:
    """Return up to `count` transcripts whose stable id or symbol is the text, whatever its case, and the total number.

    They are in the order of the genomes' ids, from `start` on.
    """
    if not text or not storable(text):
        return [], 0
    unversioned, version = split_version(text)
    meant = Q(unversioned_stable_id__iexact=text) | Q(symbol__iexact=text)
    if version is not None:
        meant |= Q(unversioned_stable_id__iexact=unversioned, version=version)
    rows = _of_genomes(Transcript.objects.all(), genome_ids, viewer).filter(meant)
    page = rows.order_by("genome__genome_id", "pk").values_list(*_TRANSCRIPT)[start : start + count]
    found = [StoredTranscript._make(row) for row in page]
    is_last = 0 < len(found) < count or (not found and not start)
    return found, start + len(found) if is_last else rows.count()


def with_stable_id(rows: QuerySet[Named], stable_id: str) -> QuerySet[Named]:
    """Return the rows that have a stable id, with or without its version."""
    if not storable(stable_id):
        return rows.none()
    unversioned, version = split_version(stable_id)
    meant = _exactly("unversioned_stable_id", stable_id)
    if version is not None:
        meant |= _exactly("unversioned_stable_id", unversioned) & Q(version=version)
    return rows.filter(meant)


def split_version(stable_id: str) -> tuple[str, int | None]:
    """Return a stable id without its version, and the version; None if it has none."""
    unversioned, _, version = stable_id.rpartition(".")
    is_version = version.isascii() and version.isdigit() and len(version) <= _MAX_VERSION_DIGITS
    return (unversioned, int(version)) if unversioned and is_version else (stable_id, None)


def _with_symbol(rows: QuerySet[Named], symbol: str) -> QuerySet[Named]:
    if not symbol or not storable(symbol):
        return rows.none()
    return rows.filter(_exactly("symbol", symbol))


def _exactly(column: str, text: str) -> Q:
    """Return the condition of equal text; the index has the column regardless of case."""
    return Q(**{f"{column}__iexact": text, column: text})


def _of_genomes(rows: QuerySet[Named], genome_ids: Sequence[str], viewer: Viewer) -> QuerySet[Named]:
    wanted = [genome_id for genome_id in genome_ids if storable(genome_id)]
    return rows.filter(genome__in=readable_genomes(viewer).filter(genome_id__in=wanted))


def _overlap(region: StoredRegion, start: int, end: int, longest: int) -> Q:
    """Return the condition of an overlap; the lower bound of the start keeps the index scan short."""
    shifts = (-region.length, 0, region.length) if region.circular else (0,)
    overlaps = Q()
    for shift in shifts:
        first, last = start + shift, end + shift
        overlaps |= Q(start__lt=last, start__gt=first - longest, end__gt=first)
    return Q(region=region.pk) & overlaps


def _by_gene(
    genes: Collection[int], rows: Sequence[tuple[Any, ...]]
) -> Mapping[int, Sequence[StoredTranscript]]:
    found: dict[int, list[StoredTranscript]] = {gene: [] for gene in genes}
    for row in rows:
        transcript = StoredTranscript._make(row)
        found[transcript.gene].append(transcript)
    return found
