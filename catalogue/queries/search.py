"""Searches datasets, files, sequences, collections and genes by ids, samples, names and checksums.

Each search looks at exact matches first, then at beginnings, then at parts, and stops when it has enough, so that each
step is bounded by its index. Only what the viewer may know of is looked at.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

from django.db.models import F, Q, QuerySet

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.formats.digests import DigestKind, best_digest, parse_digest
from catalogue.models import CollectionMember, Sequence
from catalogue.models.text_search import MIN_PART
from catalogue.queries.collections import ListedCollection, collection, listed
from catalogue.queries.datasets import (
    ListedDataset,
    ListedFile,
    files_with_trigrams,
    listed_files,
    with_part_in_files,
)
from catalogue.queries.gene_details import FoundGene, genes_named
from catalogue.queries.sequence_names import NamedSequence, sequences_named
from catalogue.queries.text import has_part, storable

#: The shortest text of which parts are found, not only beginnings.
SHORTEST_PART = MIN_PART
#: The shortest beginning of an md5 that is searched, and the longest text.
MIN_DIGITS, MAX_TEXT = 6, 255

Row = TypeVar("Row")


class FoundSequence(NamedTuple):
    """A sequence, and the name by which it was found: of `NamedSequence`, or "" for one found by its digest."""

    pk: int
    digest: str
    length: int
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found of each kind, the best first; `more` names the kinds of which there is more."""

    datasets: list[ListedDataset]
    files: list[ListedFile]
    sequences: list[FoundSequence]
    collections: list[ListedCollection]
    genes: list[FoundGene]
    more: frozenset[str]

    @property
    def total(self) -> int:
        """The number of results that are listed."""
        return (
            len(self.datasets)
            + len(self.files)
            + len(self.sequences)
            + len(self.collections)
            + len(self.genes)
        )


def search(text: str, *, viewer: Viewer, count: int) -> Found:
    """Return up to `count` results of each kind for a text; nothing for a text that is empty or too long."""
    text = text.strip()
    if not text or len(text) > MAX_TEXT or not storable(text):
        return Found([], [], [], [], [], frozenset())
    # One more of each shows whether there is more.
    asked = (text, viewer, count + 1)
    datasets = _first(count + 1, _datasets(*asked), lambda row: row.slug)
    files = _first(count + 1, _files(*asked), lambda row: row.pk)
    sequences = _first(count + 1, _sequences(*asked), lambda row: row.pk)
    collections = _first(count + 1, _collections(*asked), lambda row: row.pk)
    genes = _first(count + 1, genes_named(text, viewer=viewer, count=count + 1), lambda row: row.pk)
    lengths = {
        "datasets": len(datasets),
        "files": len(files),
        "sequences": len(sequences),
        "collections": len(collections),
        "genes": len(genes),
    }
    more = frozenset(kind for kind, length in lengths.items() if length > count)
    return Found(datasets[:count], files[:count], sequences[:count], collections[:count], genes[:count], more)


def _first(count: int, steps: Iterable[Iterable[Row]], key: Callable[[Row], Hashable]) -> list[Row]:
    """Return the first `count` rows with different keys; later steps run only while there are fewer."""
    seen: dict[Hashable, Row] = {}
    for step in steps:
        for row in step:
            seen.setdefault(key(row), row)
        if len(seen) >= count:
            break
    return list(islice(seen.values(), count))


def _datasets(text: str, viewer: Viewer, count: int) -> Iterator[list[ListedDataset]]:
    rows = access.readable_datasets(viewer).order_by("slug")
    steps = [Q(slug__iexact=text), Q(slug__istartswith=text) | Q(title__istartswith=text)]
    if len(text) >= MIN_PART:
        steps.append(Q(slug__icontains=text) | Q(title__icontains=text) | Q(description__icontains=text))
    for step in steps:
        yield [ListedDataset(*row) for row in rows.filter(step).values_list(*ListedDataset._fields)[:count]]


def _files(text: str, viewer: Viewer, count: int) -> Iterator[list[ListedFile]]:
    # In no order: to sort all that match would take longer than to find enough of them.
    rows = access.readable_files(viewer).order_by()
    yield listed_files(rows.filter(htsget_id=text).order_by("kind", "format"), count=count)
    yield listed_files(rows.filter(samples__contains=[text]), count=count)
    candidates = files_with_trigrams(text) if len(text) >= MIN_PART else None
    if candidates is not None:
        rows = rows.filter(pk__in=candidates)
    yield listed_files(rows.filter(htsget_id__istartswith=text), count=count)
    if len(text) >= MIN_PART:
        yield listed_files(with_part_in_files(rows, text), count=count)


def _collections(text: str, viewer: Viewer, count: int) -> Iterator[list[ListedCollection]]:
    rows = access.readable_collections(viewer).select_related("content").order_by("name")
    try:
        stored = collection(text, viewer=viewer)
    except NotFound:
        pass
    else:
        yield listed(list(rows.filter(content=stored.pk)[:count]))
    yield listed(list(rows.filter(name=text)))
    if len(text) < MIN_PART:
        yield listed(list(rows.filter(name__istartswith=text)[:count]))
        return
    yield listed(list(rows.filter(has_part(F("name"), text))[:count]))


def _sequences(text: str, viewer: Viewer, count: int) -> Iterator[list[FoundSequence]]:
    readable = access.readable_sequences(viewer)
    if digest := parse_digest(text):
        kind, value = digest
        column = "md5" if kind is DigestKind.MD5 else "sha512t24u"
        yield _by_digest(readable.filter(**{column: value}), count)
    elif bounds := _md5_bounds(text):
        yield _by_digest(readable.filter(md5__gte=bounds[0], md5__lte=bounds[1]), count)
    collections = access.readable_collections(viewer)
    names = sequences_named(
        text,
        aliases=access.readable_aliases(viewer),
        members=CollectionMember.objects.filter(collection__in=collections),
    )
    for step in names:
        yield _readable(step, readable)


def _by_digest(rows: QuerySet[Sequence], count: int) -> list[FoundSequence]:
    found = rows.order_by("md5").values_list("pk", "md5", "sha512t24u", "length")[:count]
    return [
        FoundSequence(pk, best_digest(md5, sha512t24u), length, "") for pk, md5, sha512t24u, length in found
    ]


def _readable(named: list[NamedSequence], readable: QuerySet[Sequence]) -> list[FoundSequence]:
    """Return those that the viewer may see, each once, in the order of their names."""
    names = dict(reversed(named))
    found = _by_digest(readable.filter(pk__in=list(names)), len(names)) if names else []
    return sorted((row._replace(name=names[row.pk]) for row in found), key=lambda row: row.name)


def _md5_bounds(text: str) -> tuple[bytes, bytes] | None:
    """Return the first and the last md5 that begin with these hexadecimal digits; None for other text."""
    if not MIN_DIGITS <= len(text) < 32:
        return None
    try:
        return bytes.fromhex(text.ljust(32, "0")), bytes.fromhex(text.ljust(32, "f"))
    except ValueError:
        return None
