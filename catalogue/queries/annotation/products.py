"""Looks up products and the contexts that generate them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from catalogue.access import Viewer
from catalogue.models import Product, ProductGeneratingContext
from catalogue.models.annotation import versioned
from catalogue.queries.annotation.features import with_stable_id
from catalogue.queries.annotation.genomes import readable_genomes
from catalogue.queries.annotation.limits import bounded
from catalogue.queries.annotation.sequences import SequenceSummary, summary
from catalogue.queries.text import storable


class StoredProduct(NamedTuple):
    """A protein as protocols see it; see `models.Product`."""

    pk: int
    genome: int
    unversioned_stable_id: str
    version: int | None
    name: str
    dbxrefs: list[str]
    md5: Any
    length: int
    molecule: str

    @property
    def stable_id(self) -> str:
        """The stable id with its version, where it has one."""
        return versioned(self.unversioned_stable_id, self.version)

    @property
    def sequence(self) -> SequenceSummary:
        """The residues of the protein."""
        found = summary(self.md5, self.length, self.molecule)
        assert found is not None
        return found


class StoredContext(NamedTuple):
    """How a transcript makes a product; see `models.ProductGeneratingContext`."""

    pk: int
    transcript: int
    number: int
    cds_start: int
    cds_end: int
    segment_starts: list[int]
    segment_ends: list[int]
    start_phases: list[int]
    end_phases: list[int]
    genetic_code: int
    cds: SequenceSummary | None
    product: StoredProduct | None


_PRODUCT: Final = (
    *("pk", "genome_id", "unversioned_stable_id", "version", "name", "dbxrefs"),
    *("sequence__md5", "sequence__length", "sequence__molecule"),
)
_OWN: Final = tuple({"transcript": "transcript_id"}.get(name, name) for name in StoredContext._fields[:-2])
_CDS: Final = ("cds__md5", "cds__length", "cds__molecule")
_CONTEXT: Final = (*_OWN, *_CDS, *(f"product__{name}" for name in _PRODUCT))


def find_product(genome_id: str, stable_id: str, *, viewer: Viewer) -> StoredProduct | None:
    """Return the product with a stable id, with or without its version; None if there is none."""
    if not storable(genome_id):
        return None
    genomes = readable_genomes(viewer).filter(genome_id=genome_id)
    rows = with_stable_id(Product.objects.filter(genome__in=genomes), stable_id)
    row = rows.order_by("pk").values_list(*_PRODUCT).first()
    return None if row is None else StoredProduct._make(row)


def contexts_of_transcripts(
    transcripts: Collection[int], *, max_rows: int
) -> Mapping[int, Sequence[StoredContext]]:
    """Return the contexts of transcripts with their products, the default first. Raises TooManyRows."""
    rows = ProductGeneratingContext.objects.filter(transcript__in=transcripts)
    found: dict[int, list[StoredContext]] = {transcript: [] for transcript in transcripts}
    for row in bounded(rows.order_by("transcript", "number").values_list(*_CONTEXT), max_rows):
        context = _context(row)
        found[context.transcript].append(context)
    return found


def contexts_of_products(products: Collection[int]) -> Mapping[int, StoredContext]:
    """Return the first context of each product that has one."""
    rows = ProductGeneratingContext.objects.filter(product__in=products)
    firsts = rows.order_by("product", "transcript", "number").distinct("product").values_list(*_CONTEXT)
    contexts = map(_context, firsts)
    return {context.product.pk: context for context in contexts if context.product is not None}


def _context(row: tuple[Any, ...]) -> StoredContext:
    own, rest = row[: len(_OWN)], row[len(_OWN) :]
    cds, product = rest[: len(_CDS)], rest[len(_CDS) :]
    made = None if product[0] is None else StoredProduct._make(product)
    return StoredContext._make((*own, summary(*cds), made))
