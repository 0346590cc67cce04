"""Genes and transcripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from annotation_app.context import Peers, grouped
from annotation_app.errors import bad_input
from annotation_app.types.exons import Intron, SplicedExon, introns, spliced_exons
from annotation_app.types.metadata import GeneMetadata, TranscriptMetadata
from annotation_app.types.places import Location, Slice, regions_of, relative, slice_of
from annotation_app.types.products import Context, contexts_of
from annotation_app.types.references import ExternalReference, references
from catalogue.queries import annotation
from catalogue.queries.annotation import StoredGene, StoredTranscript

Row = TypeVar("Row", StoredGene, StoredTranscript)

_MAX_PAGE = 1 << 31


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing; pages count from 1."""

    page: int
    per_page: int

    @property
    def start(self) -> int:
        """The position of its first entry, from 0."""
        return (self.page - 1) * self.per_page


def page_of(page: int, per_page: int, *, max_page_size: int) -> Page:
    """Return a page. Raises a GraphQLError for one that there cannot be."""
    if page < 1:
        raise bad_input(f"pages count from 1; page {page} does not exist")
    if not 1 <= per_page <= max_page_size or page * per_page > _MAX_PAGE:
        raise bad_input(f"per_page must be from 1 to {max_page_size}, not {per_page}")
    return Page(page, per_page)


class Feature(Generic[Row]):
    """What genes and transcripts have in common."""

    row: Row
    peers: Peers[Row]

    def __init__(self, row: Row, peers: Peers[Row]) -> None:
        self.row = row
        self.peers = peers
        self.stable_id = row.stable_id
        self.unversioned_stable_id = row.unversioned_stable_id
        self.version = row.version
        self.symbol = row.symbol or None
        self.so_term = row.so_term or row.biotype

    @property
    def genome_id(self) -> str:
        """The genome that it is of."""
        return self.peers.genome_id(self.row)

    @property
    def slice(self) -> Slice:
        """Where it lies."""
        return slice_of(self.row, self.peers)

    @property
    def external_references(self) -> list[ExternalReference]:
        """What other databases have about it."""
        return references(self.row.dbxrefs)


class Gene(Feature[StoredGene]):
    """A gene."""

    type = "Gene"
    alternative_names: Sequence[str] = ()

    def __init__(self, row: StoredGene, peers: Peers[StoredGene]) -> None:
        super().__init__(row, peers)
        self.name = row.name or None
        self.alternative_symbols = row.synonyms

    @property
    def metadata(self) -> GeneMetadata:
        """What is said about it."""
        return GeneMetadata(self.row)

    @property
    def transcripts(self) -> list[Transcript]:
        """Its transcripts, in the order of the file."""
        return self.peers.related("transcripts", self._transcripts)[self.row.pk]

    def _transcripts(self) -> Mapping[int, list[Transcript]]:
        context = self.peers.context
        rows = annotation.transcripts_of(self.peers.keys, max_rows=context.rows_left)
        return grouped(rows, context, Transcript)

    @property
    def transcript_count(self) -> int:
        """How many transcripts it has."""
        counts = self.peers.related("counts", lambda: annotation.count_transcripts(self.peers.keys))
        return counts[self.row.pk]

    def transcripts_page(self, page: int, per_page: int) -> TranscriptsPage:
        """Return some of its transcripts, in the order of their stable ids."""
        max_page_size = self.peers.context.limits.max_page_size
        return TranscriptsPage(self, page_of(page, per_page, max_page_size=max_page_size))


class TranscriptsPage:
    """Some transcripts of a gene."""

    def __init__(self, gene: Gene, page: Page) -> None:
        self.gene = gene
        self.page = page

    @property
    def transcripts(self) -> list[Transcript]:
        """The transcripts of the page."""
        return self.gene.peers.related(self.page, self._load)[self.gene.row.pk]

    def _load(self) -> Mapping[int, list[Transcript]]:
        peers = self.gene.peers
        rows = annotation.transcript_page(
            peers.keys,
            start=self.page.start,
            count=self.page.per_page,
            max_rows=peers.context.rows_left,
        )
        return grouped(rows, peers.context, Transcript)

    @property
    def page_metadata(self) -> PageMetadata:
        """Which page it is, of how many transcripts."""
        return PageMetadata(self.gene.transcript_count, self.page.page, self.page.per_page)


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """Which page it is; the count is of all pages."""

    total_count: int
    page: int
    per_page: int


class Transcript(Feature[StoredTranscript]):
    """A transcript of a gene."""

    type = "Transcript"

    @property
    def metadata(self) -> TranscriptMetadata:
        """What is said about it."""
        return TranscriptMetadata(self.row)

    @property
    def gene(self) -> Gene:
        """The gene that it is of."""
        return self.peers.related("genes", self._genes)[self.row.gene]

    def _genes(self) -> Mapping[int, Gene]:
        found = annotation.genes_by_key({row.gene for row in self.peers.rows})
        genes = Peers(list(found.values()), self.peers.context)
        return {row.pk: Gene(row, genes) for row in genes.rows}

    @property
    def relative_location(self) -> Location:
        """Where it lies in its gene."""
        region = regions_of(self.peers)[self.row.region].row
        return relative(self.gene.row, region, self.row.start, self.row.end)

    @property
    def product_generating_contexts(self) -> list[Context]:
        """How it makes its products."""
        return contexts_of(self.peers)[self.row.pk]

    @property
    def spliced_exons(self) -> list[SplicedExon]:
        """Its exons."""
        return spliced_exons(self.row, self.peers)

    @property
    def introns(self) -> list[Intron]:
        """What is between its exons."""
        return introns(self.row, self.peers)
