"""Looks up genomes and their regions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django.db.models import Q, QuerySet

from catalogue import access
from catalogue.access import Viewer
from catalogue.models import Alias, Genome, Region, SequenceCollection
from catalogue.queries.annotation.limits import bounded
from catalogue.queries.annotation.sequences import SequenceSummary, summary
from catalogue.queries.text import storable


class StoredGenome(NamedTuple):
    """A genome as protocols see it; unknown text is empty.

    Unless `public`, only the viewer of the look-up may see it.
    """

    pk: int
    genome_id: str
    assembly_accession: str
    assembly_name: str
    scientific_name: str
    common_name: str
    taxon_id: int | None
    release: str
    release_date: date | None
    provider: str
    is_reference: bool
    collection_name: str
    visibility: str

    @property
    def public(self) -> bool:
        """Whether everybody may read its collection."""
        return self.visibility == SequenceCollection.Visibility.PUBLIC


class StoredRegion(NamedTuple):
    """A sequence of a genome's collection; the lengths are those of the longest gene and transcript on it."""

    pk: int
    genome: int
    name: str
    code: str
    longest_gene: int
    longest_transcript: int
    circular: bool
    md5: Any
    length: int
    molecule: str

    @property
    def sequence(self) -> SequenceSummary:
        """The sequence."""
        found = summary(self.md5, self.length, self.molecule)
        assert found is not None
        return found


class Criterion(StrEnum):
    """What genomes can be found by; the values are columns."""

    GENOME_ID = "genome_id"
    ASSEMBLY_ACCESSION = "assembly_accession"
    ASSEMBLY_NAME = "assembly_name"
    COMMON_NAME = "common_name"
    SCIENTIFIC_NAME = "scientific_name"
    TAXON_ID = "taxon_id"


_GENOME: Final = (*StoredGenome._fields[:-2], "collection__name", "collection__visibility")
_REGION: Final = (
    *("pk", "genome_id", "name", "code", "longest_gene", "longest_transcript"),
    *("sequence__circular", "sequence__md5", "sequence__length", "sequence__molecule"),
)
_MAX_TAXON_DIGITS: Final = 9


def readable_genomes(viewer: Viewer) -> QuerySet[Genome]:
    """Return the genomes that the viewer may see."""
    return Genome.objects.filter(collection__in=access.readable_collections(viewer))


def find_genome(genome_id: str, *, viewer: Viewer) -> StoredGenome | None:
    """Return the genome with an id; None if there is none."""
    if not storable(genome_id):
        return None
    row = readable_genomes(viewer).filter(genome_id=genome_id).values_list(*_GENOME).first()
    return None if row is None else StoredGenome._make(row)


def find_genomes(
    criterion: Criterion, text: str, *, release: float | None = None, viewer: Viewer, max_rows: int
) -> list[StoredGenome]:
    """Return the genomes that match a criterion, whatever the case of the text, ordered by id.

    `release` limits them to those of this number. Raises TooManyRows.
    """
    meant = _meant(criterion, text.strip())
    if meant is None:
        return []
    rows = readable_genomes(viewer).filter(meant).order_by("genome_id")
    found = [StoredGenome._make(row) for row in bounded(rows.values_list(*_GENOME), max_rows)]
    return found if release is None else [row for row in found if release_number(row.release) == release]


def _meant(criterion: Criterion, text: str) -> Q | None:
    if criterion is not Criterion.TAXON_ID:
        return Q(**{f"{criterion}__iexact": text}) if text and storable(text) else None
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_TAXON_DIGITS
    return Q(taxon_id=int(text)) if is_number else None


def release_number(release: str) -> float | None:
    """Return a release as a number; None if it is not written as one."""
    whole, dot, part = release.partition(".")
    digits = whole + part
    if not digits.isascii() or not digits.isdigit() or not whole or (dot and not part) or len(digits) > 12:
        return None
    return float(release)


def genomes_by_key(keys: Collection[int], *, viewer: Viewer) -> dict[int, StoredGenome]:
    """Return genomes by primary key."""
    rows = readable_genomes(viewer).filter(pk__in=keys).values_list(*_GENOME)
    return {row[0]: StoredGenome._make(row) for row in rows}


def genomes_of_taxa(taxa: Collection[int], *, viewer: Viewer, max_rows: int) -> dict[int, list[StoredGenome]]:
    """Return the genomes of each taxon, ordered by id. Raises TooManyRows."""
    rows = readable_genomes(viewer).filter(taxon_id__in=taxa).order_by("genome_id")
    found: dict[int, list[StoredGenome]] = {}
    for row in bounded(rows.values_list(*_GENOME), max_rows):
        genome = StoredGenome._make(row)
        if genome.taxon_id is not None:
            found.setdefault(genome.taxon_id, []).append(genome)
    return found


def regions_by_key(keys: Collection[int]) -> dict[int, StoredRegion]:
    """Return regions by primary key."""
    rows = Region.objects.filter(pk__in=keys).order_by().values_list(*_REGION)
    return {row[0]: StoredRegion._make(row) for row in rows}


def regions_of(genomes: Collection[int], *, max_rows: int) -> Mapping[int, Sequence[StoredRegion]]:
    """Return the regions of genomes, each list in the order of the collection. Raises TooManyRows."""
    rows = Region.objects.filter(genome__in=genomes).order_by("genome", "position").values_list(*_REGION)
    found: dict[int, list[StoredRegion]] = {genome: [] for genome in genomes}
    for row in bounded(rows, max_rows):
        found[row[1]].append(StoredRegion._make(row))
    return found


def find_region(genome_id: str, name: str, *, viewer: Viewer) -> StoredRegion | None:
    """Return the region that has a name in a genome, else the one whose sequence has it as an alias.

    None if there is none, or if the alias means several.
    """
    if not storable(genome_id) or not storable(name):
        return None
    genomes = readable_genomes(viewer).filter(genome_id=genome_id)
    rows = Region.objects.filter(genome__in=genomes).order_by("position").values_list(*_REGION)
    found = list(rows.filter(name=name)) or list(rows.filter(sequence__in=_named(name, viewer))[:2])
    return StoredRegion._make(found[0]) if len(found) == 1 else None


def _named(name: str, viewer: Viewer) -> QuerySet[Alias, Any]:
    authority, colon, rest = name.partition(":")
    meant = Q(name=name)
    if colon:
        meant |= Q(name=rest, authority__name__iexact=authority)
    return access.readable_aliases(viewer).filter(meant).values("sequence")
