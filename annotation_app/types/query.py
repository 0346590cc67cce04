"""The fields of the root type: each finds something and says so where it is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from annotation_app.context import Context, Peers
from annotation_app.errors import bad_input, not_found, overlaps_exceeded
from annotation_app.types.features import Gene, Transcript, page_of
from annotation_app.types.genomes import Genome, Genomes, Region
from annotation_app.types.products import Product
from catalogue.queries import annotation
from catalogue.queries.annotation import (
    Criterion,
    StoredGene,
    StoredRegion,
    StoredTranscript,
    TooManyRows,
    release_number,
)

Row = TypeVar("Row")
Input = Mapping[str, Any]

#: The version of the schema, as Ensembl numbers its own.
VERSION: Final = ("0", "2", "0")

#: The fields of GenomeBySpecificKeywordInput and what they find by. There are no Tree of Life ids.
_CRITERIA: Final = {
    "assembly_accession_id": Criterion.ASSEMBLY_ACCESSION,
    "assembly_name": Criterion.ASSEMBLY_NAME,
    "ensembl_name": Criterion.GENOME_ID,
    "common_name": Criterion.COMMON_NAME,
    "scientific_name": Criterion.SCIENTIFIC_NAME,
    "scientific_parlance_name": Criterion.COMMON_NAME,
    "species_taxonomy_id": Criterion.TAXON_ID,
    "tolid": None,
}


@dataclass(frozen=True, slots=True)
class Api:
    """The version of the interface."""

    major: str
    minor: str
    patch: str


@dataclass(frozen=True, slots=True)
class Version:
    """The version of the interface."""

    api: Api


@dataclass(frozen=True, slots=True)
class SearchMetadata:
    """Which page it is; the hits are those of all pages."""

    total_hits: int
    page: int
    per_page: int


@dataclass(frozen=True, slots=True)
class SearchResults:
    """A page of what a search found."""

    meta: SearchMetadata
    matches: Sequence[Transcript]


class Query:
    """The root of one query."""

    version = Version(Api(*VERSION))

    def __init__(self, context: Context) -> None:
        self.context = context

    def gene(self, by_id: Input | None = None, byId: Input | None = None) -> Gene:
        """Find a gene."""
        asked = _one(by_id=by_id or byId)
        found = annotation.find_gene(asked["genome_id"], asked["stable_id"], viewer=self.context.viewer)
        if found is None:
            raise not_found("gene", stable_id=asked["stable_id"], genome_id=asked["genome_id"])
        return Gene(found, Peers([found], self.context))

    def genes(self, by_symbol: Input) -> list[Gene]:
        """Find genes by symbol."""
        found = annotation.genes_with_symbol(
            by_symbol["genome_id"],
            by_symbol["symbol"],
            viewer=self.context.viewer,
            max_rows=self.context.rows_left,
        )
        if not found:
            raise not_found("gene", symbol=by_symbol["symbol"], genome_id=by_symbol["genome_id"])
        peers = Peers(found, self.context)
        return [Gene(row, peers) for row in found]

    def transcript(
        self,
        by_symbol: Input | None = None,
        bySymbol: Input | None = None,
        by_id: Input | None = None,
        byId: Input | None = None,
    ) -> Transcript:
        """Find a transcript."""
        asked = _one(by_symbol=by_symbol or bySymbol, by_id=by_id or byId)
        name = "symbol" if "symbol" in asked else "stable_id"
        found = annotation.find_transcript(
            asked["genome_id"],
            stable_id=asked.get("stable_id"),
            symbol=asked.get("symbol"),
            viewer=self.context.viewer,
        )
        if found is None:
            raise not_found("transcript", **{name: asked[name]}, genome_id=asked["genome_id"])
        return Transcript(found, Peers([found], self.context))

    def transcript_search(self, search_payload: Input) -> SearchResults:
        """Search transcripts of several genomes."""
        limits = self.context.limits
        page = page_of(search_payload["page"], search_payload["per_page"], max_page_size=limits.max_page_size)
        genome_ids = search_payload["genome_ids"]
        if len(genome_ids) > limits.max_page_size:
            raise bad_input(f"genome_ids may be {limits.max_page_size} at most, not {len(genome_ids)}")
        rows, total = annotation.search_transcripts(
            search_payload["query"],
            genome_ids,
            start=page.start,
            count=page.per_page,
            viewer=self.context.viewer,
        )
        peers = Peers(rows, self.context)
        meta = SearchMetadata(total, page.page, page.per_page)
        return SearchResults(meta, [Transcript(row, peers) for row in rows])

    def product(
        self, by_id: Input | None = None, genome_id: str | None = None, stable_id: str | None = None
    ) -> Product:
        """Find a product."""
        if by_id is None and genome_id is not None and stable_id is not None:
            by_id = {"genome_id": genome_id, "stable_id": stable_id}
        asked = _one(by_id=by_id)
        found = annotation.find_product(asked["genome_id"], asked["stable_id"], viewer=self.context.viewer)
        if found is None:
            raise not_found("product", product_id=asked["stable_id"], genome_id=asked["genome_id"])
        return Product(found, Peers([found], self.context))

    def overlap_region(
        self,
        by_slice: Input | None = None,
        genomeId: str | None = None,
        regionName: str | None = None,
        start: int | None = None,
        end: int | None = None,
    ) -> Locus:
        """Find what lies on a part of a region."""
        older = {"genome_id": genomeId, "region_name": regionName, "start": start, "end": end}
        if by_slice is None and None not in older.values():
            by_slice = older
        asked = _one(by_slice=by_slice)
        row = self._region(asked["genome_id"], asked["region_name"])
        first, last = asked["start"] - 1, asked["end"]
        if row.circular and last <= first:
            last += row.length
        if first < 0 or last <= first:
            raise bad_input("start must be at least 1, and end not before start on a linear region")
        return Locus(self.context, row, first, last)

    def region(self, by_name: Input) -> Region:
        """Find a region."""
        row = self._region(by_name["genome_id"], by_name["name"])
        return Region(row, Peers([row], self.context))

    def regions(self, by_genome_id: Input) -> Sequence[Region]:
        """List the regions of a genome."""
        return self._genome_with_id(by_genome_id, "genome_id").assembly.regions

    def genome(self, by_genome_id: Input | None = None, by_genome_uuid: Input | None = None) -> Genome:
        """Find a genome by its id."""
        asked = _one(by_genome_id=by_genome_id, by_genome_uuid=by_genome_uuid)
        name = "genome_id" if "genome_id" in asked else "genome_uuid"
        return self._genome_with_id(asked, name)

    def genomes(
        self, by_keyword: Input | None = None, by_assembly_accession_id: Input | None = None
    ) -> list[Genome]:
        """Find genomes."""
        asked = _one(by_keyword=by_keyword, by_assembly_accession_id=by_assembly_accession_id)
        given = {name: text for name, text in asked.items() if name in _CRITERIA and text}
        if len(given) != 1:
            raise bad_input(f"give exactly one of {', '.join(_CRITERIA)}")
        ((name, text),) = given.items()
        criterion = _CRITERIA[name]
        found = []
        if criterion is not None:
            found = annotation.find_genomes(
                criterion,
                text,
                release=asked.get("release_version"),
                viewer=self.context.viewer,
                max_rows=self.context.rows_left,
            )
        if not found:
            raise not_found("genome", **{name: value for name, value in asked.items() if value is not None})
        return Genomes(found, self.context).made()

    def _genome_with_id(self, asked: Input, name: str) -> Genome:
        found = annotation.find_genome(asked[name], viewer=self.context.viewer)
        release = asked.get("release_version")
        if found is None or release not in {None, release_number(found.release)}:
            raise not_found("genome", **{key: value for key, value in asked.items() if value is not None})
        (genome,) = Genomes([found], self.context).made()
        return genome

    def _region(self, genome_id: str, name: str) -> StoredRegion:
        row = annotation.find_region(genome_id, name, viewer=self.context.viewer)
        if row is None:
            raise not_found("region", genome_id=genome_id, name=name)
        return row


class Locus:
    """What overlaps `[start, end)` of a region, 0-based."""

    def __init__(self, context: Context, region: StoredRegion, start: int, end: int) -> None:
        self.context = context
        self.place = (region, start, end)

    @property
    def genes(self) -> list[Gene]:
        """The genes."""
        rows = self._bounded(annotation.genes_in)
        peers: Peers[StoredGene] = Peers(rows, self.context)
        return [Gene(row, peers) for row in rows]

    @property
    def transcripts(self) -> list[Transcript]:
        """The transcripts."""
        rows = self._bounded(annotation.transcripts_in)
        peers: Peers[StoredTranscript] = Peers(rows, self.context)
        return [Transcript(row, peers) for row in rows]

    def _bounded(self, look_up: Callable[..., list[Row]]) -> list[Row]:
        max_overlaps = self.context.limits.max_overlaps
        try:
            return look_up(*self.place, max_rows=max_overlaps)
        except TooManyRows:
            raise overlaps_exceeded(max_overlaps) from None


def _one(**given: Input | None) -> Input:
    """Return the argument that is given. Raises a GraphQLError unless it is exactly one of them."""
    found = [value for value in given.values() if value is not None]
    if len(found) != 1:
        names = " or ".join(given)
        raise bad_input(f"You must provide {'exactly one of ' if len(given) > 1 else ''}{names}")
    return found[0]
