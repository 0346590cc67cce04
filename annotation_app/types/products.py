"""Products, and how transcripts make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from annotation_app.context import Peers
from annotation_app.types.exons import PhasedExon, exons, extent, length_of
from annotation_app.types.genomes import RefgetSequence, Region
from annotation_app.types.places import location, regions_of, relative
from annotation_app.types.references import ExternalReference, references
from catalogue.queries import annotation
from catalogue.queries.annotation import SequenceSummary, StoredContext, StoredProduct, StoredTranscript

PROTEIN: Final = "Protein"


class Product:
    """A protein."""

    type = PROTEIN
    so_term = "polypeptide"
    family_matches: Final[Sequence[object]] = ()
    mappings: Final[Sequence[object]] = ()

    def __init__(self, row: StoredProduct, peers: Peers[StoredProduct]) -> None:
        self.row = row
        self.peers = peers
        self.stable_id = row.stable_id
        self.unversioned_stable_id = row.unversioned_stable_id
        self.version = row.version
        self.length = row.length

    @property
    def genome_id(self) -> str:
        """The genome that it is of."""
        return self.peers.genome_id(self.row)

    @property
    def sequence(self) -> RefgetSequence:
        """The residues, at refget."""
        return RefgetSequence(self.row.sequence)

    @property
    def sequence_checksum(self) -> str:
        """The MD5 of the residues in hex."""
        return self.row.sequence.md5

    @property
    def external_references(self) -> list[ExternalReference]:
        """What other databases have about it."""
        return references(self.row.dbxrefs)

    @property
    def product_generating_context(self) -> Context | None:
        """How the first transcript that has it makes it."""
        return self.peers.related("contexts", self._contexts).get(self.row.pk)

    def _contexts(self) -> Mapping[int, Context]:
        firsts = annotation.contexts_of_products(self.peers.keys)
        found = annotation.transcripts_by_key({context.transcript for context in firsts.values()})
        transcripts = Peers(list(found.values()), self.peers.context)
        products = self.peers
        return {
            key: Context(context, found[context.transcript], transcripts, products)
            for key, context in firsts.items()
        }


class Part:
    """A part of a transcript that has a sequence of its own; `start` and `end` are 1-based, closed."""

    def __init__(
        self,
        type: str,
        context: Context,
        place: tuple[int, int],
        length: int,
        summary: SequenceSummary | None,
        *,
        protein_length: int | None = None,
    ) -> None:
        self.type = type
        self.context = context
        self.place = place
        self.length = self.nucleotide_length = length
        self.summary = summary
        self.protein_length = protein_length

    @property
    def start(self) -> int:
        """The first position on the region."""
        return location(self.context.region.row, *self.place).start

    @property
    def end(self) -> int:
        """The last position on the region."""
        return location(self.context.region.row, *self.place).end

    @property
    def relative_start(self) -> int:
        """The first position in the transcript."""
        return relative(self.context.transcript, self.context.region.row, *self.place).start

    @property
    def relative_end(self) -> int:
        """The last position in the transcript."""
        return relative(self.context.transcript, self.context.region.row, *self.place).end

    @property
    def sequence(self) -> RefgetSequence | None:
        """The residues, at refget; None where they are not held."""
        return None if self.summary is None else RefgetSequence(self.summary)

    @property
    def sequence_checksum(self) -> str | None:
        """The MD5 of the residues in hex."""
        return None if self.summary is None else self.summary.md5


@dataclass(frozen=True, slots=True)
class UTR:
    """An untranslated region; start and end are 1-based, closed."""

    type: str
    start: int
    end: int
    length: int
    sequence_checksum: None = None


class Context:
    """How a transcript makes a product. Without a row the transcript codes for nothing."""

    def __init__(
        self,
        row: StoredContext | None,
        transcript: StoredTranscript,
        transcripts: Peers[StoredTranscript],
        products: Peers[StoredProduct] | None,
    ) -> None:
        self.row = row
        self.transcript = transcript
        self.transcripts = transcripts
        self.products = products
        self.default = row is None or row.number == 0

    @property
    def product_type(self) -> str:
        """`Protein`, or the biotype of a transcript that codes for nothing."""
        return PROTEIN if self.row is not None else self.transcript.biotype or self.transcript.so_term

    @property
    def product(self) -> Product | None:
        """The protein; None where the annotation has none."""
        if self.row is None or self.row.product is None or self.products is None:
            return None
        return Product(self.row.product, self.products)

    @property
    def cdna(self) -> Part:
        """The joined exons."""
        row = self.transcript
        return Part("CDNA", self, (row.start, row.end), length_of(row), row.cdna)

    @property
    def cds(self) -> Part | None:
        """The coding sequence."""
        row = self.row
        if row is None:
            return None
        place = min(row.segment_starts), max(row.segment_ends)
        length = sum(row.segment_ends) - sum(row.segment_starts)
        protein_length = None if row.product is None else row.product.length
        return Part("CDS", self, place, length, row.cds, protein_length=protein_length)

    @property
    def five_prime_utr(self) -> UTR | None:
        """What of the cDNA is before the coding sequence."""
        return None if self.row is None else self._utr("5_prime_utr", 0, self.row.cds_start)

    @property
    def three_prime_utr(self) -> UTR | None:
        """What of the cDNA is behind the coding sequence."""
        if self.row is None:
            return None
        return self._utr("3_prime_utr", self.row.cds_end, length_of(self.transcript))

    @property
    def phased_exons(self) -> list[PhasedExon]:
        """The exons of the transcript with their phases; -1 where nothing is coding."""
        count = len(self.transcript.exon_starts)
        starts = [-1] * count if self.row is None else self.row.start_phases
        ends = [-1] * count if self.row is None else self.row.end_phases
        found = zip(starts, ends, exons(self.transcript, self.transcripts), strict=True)
        return [PhasedExon(index, *phased) for index, phased in enumerate(found, 1)]

    @property
    def region(self) -> Region:
        """The region of the transcript."""
        return regions_of(self.transcripts)[self.transcript.region]

    def _utr(self, type: str, first: int, last: int) -> UTR | None:
        place = extent(self.transcript, first, last, self.region)
        return None if place is None else UTR(type, place.start, place.end, last - first)


def contexts_of(peers: Peers[StoredTranscript]) -> Mapping[int, list[Context]]:
    """Return the contexts of transcripts by their primary key; one without a row where there is none."""
    return peers.related("product_generating_contexts", lambda: _load_contexts(peers))


def _load_contexts(peers: Peers[StoredTranscript]) -> Mapping[int, list[Context]]:
    context = peers.context
    rows = annotation.contexts_of_transcripts(peers.keys, max_rows=context.rows_left)
    found = [row.product for of_one in rows.values() for row in of_one if row.product is not None]
    products = Peers(list({product.pk: product for product in found}.values()), context)
    return {
        transcript.pk: [Context(row, transcript, peers, products) for row in rows[transcript.pk]]
        or [Context(None, transcript, peers, None)]
        for transcript in peers.rows
    }
