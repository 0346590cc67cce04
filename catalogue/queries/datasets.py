"""Looks up datasets and lists their files, as far as a viewer may know of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.postgres.lookups import DataContains
from django.db import connection, transaction
from django.db.models import Count, F, Func, Q, QuerySet, Sum, TextField, Value

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.models import FILE_TEXT, DataFile, Dataset, FileSample
from catalogue.models.text_search import trigrams
from catalogue.queries.collections import ListedCollection, listed
from catalogue.queries.text import storable

#: Samples that a listing names; the others are counted.
MAX_SAMPLES = 3
#: Files that are compared with a text one by one because an index names them.
MAX_CANDIDATES = 2000


class ListedDataset(NamedTuple):
    """A dataset in a listing."""

    slug: str
    title: str
    description: str
    visibility: str


class FormatTotal(NamedTuple):
    """The files of one format: their number, and their size in bytes."""

    format: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class DatasetDetails:
    """One dataset as its page shows it; `collection` is the assembly of its files, where the viewer may see that."""

    pk: int
    slug: str
    title: str
    description: str
    licence: str
    contact: str
    visibility: str
    collection: ListedCollection | None
    totals: tuple[FormatTotal, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file in a listing; `samples` are the first of `sample_count`."""

    pk: int
    kind: str
    htsget_id: str
    format: str
    size: int
    samples: tuple[str, ...]
    sample_count: int
    dataset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFilter:
    """Which files of a dataset to list: `text` is in the id or in the name of a sample; "" does not limit."""

    text: str = ""
    format: str = ""


def datasets(*, viewer: Viewer, count: int, after: str = "") -> list[ListedDataset]:
    """Return up to `count` datasets in the order of their slugs, from the one after `after` on."""
    rows = access.readable_datasets(viewer).filter(slug__gt=after).order_by("slug")
    return [ListedDataset(*row) for row in rows.values_list(*ListedDataset._fields)[:count]]


def dataset(slug: str, *, viewer: Viewer) -> DatasetDetails:
    """Return a dataset with the totals of the files that the viewer may know of.

    Raises NotFound, also for a dataset of which the viewer may not know.
    """
    row = access.readable_datasets(viewer).filter(slug=slug).first() if storable(slug) else None
    if row is None:
        raise NotFound(f"no dataset has the name {slug!r}")
    files, samples = DataFile.objects.filter(dataset=row.pk), FileSample.objects.filter(dataset=row.pk)
    whole, others = access.readable_parts(viewer)
    if row.pk not in whole:
        files = files.none() if others is None else others.filter(dataset=row.pk)
        samples = samples.filter(file__in=files.values("pk"))
    formats = files.order_by("format").values_list("format").annotate(Count("pk"), Sum("size"))
    totals = tuple(FormatTotal(*total) for total in formats)
    return DatasetDetails(
        pk=row.pk,
        slug=row.slug,
        title=row.title,
        description=row.description,
        licence=row.licence,
        contact=row.contact,
        visibility=row.visibility,
        collection=_collection(row, viewer),
        totals=totals,
        samples=samples.aggregate(count=Count("name", distinct=True))["count"],
    )


def dataset_files(
    dataset: DatasetDetails, wanted: FileFilter, *, viewer: Viewer, count: int, after: int | None = None
) -> list[ListedFile]:
    """Return up to `count` files of a dataset in the order of their ids, from the one after the file `after` on."""
    rows = access.readable_files(viewer).filter(dataset=dataset.pk)
    if wanted.text and storable(wanted.text):
        rows = with_part_in_files(rows, wanted.text)
    if wanted.format:
        rows = rows.filter(format=wanted.format)
    if after is not None:
        last = DataFile.objects.filter(pk=after, dataset=dataset.pk).values_list(
            "htsget_id", "kind", "format"
        )
        for htsget_id, kind, format in last:
            rows = rows.filter(
                Q(htsget_id__gt=htsget_id)
                | Q(htsget_id=htsget_id, kind__gt=kind)
                | Q(htsget_id=htsget_id, kind=kind, format__gt=format)
            )
    return listed_files(rows.order_by("htsget_id", "kind", "format"), count=count)


def listed_files(rows: QuerySet[DataFile], *, count: int) -> list[ListedFile]:
    """Return the listing entries of the first `count` files of a queryset."""
    found = list(
        rows.values_list("pk", "kind", "htsget_id", "format", "size", "samples", "dataset__slug")[:count]
    )
    return [
        ListedFile(pk, kind, htsget_id, format, size, *_some_samples(samples), slug)
        for pk, kind, htsget_id, format, size, samples, slug in found
    ]


def with_part_in_files(rows: QuerySet[DataFile], text: str) -> QuerySet[DataFile]:
    """Return the files with a text in their id or in the name of a sample, in upper or lower case."""
    names = Func(F("samples"), Value("\n"), function="array_to_string", output_field=TextField())
    return rows.alias(sample_names=names).filter(
        Q(htsget_id__icontains=text) | Q(sample_names__icontains=text)
    )


def files_with_trigrams(text: str) -> list[int] | None:
    """Return the files that have all trigrams of a text; None where these are more than `MAX_CANDIDATES`.

    The indexed text has more than ids and samples, such as locations, by which nothing may be found: what is returned
    has to be compared. Of a text that many files have, enough are found sooner by reading one after the other.
    """
    matching = DataFile.objects.filter(DataContains(trigrams(FILE_TEXT), trigrams(Value(text)))).order_by()
    with transaction.atomic(), connection.cursor() as cursor:
        # Every other plan makes the trigrams of each row, which takes as long as to find thousands by the index.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        found = list(matching.values_list("pk", flat=True)[: MAX_CANDIDATES + 1])
        # Inside an outer transaction the settings would otherwise stay on after this block.
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_indexscan TO DEFAULT")
    return found if len(found) <= MAX_CANDIDATES else None


def _some_samples(samples: Sequence[str]) -> tuple[tuple[str, ...], int]:
    return tuple(samples[:MAX_SAMPLES]), len(samples)


def _collection(row: Dataset, viewer: Viewer) -> ListedCollection | None:
    if row.collection_id is None:
        return None
    readable = access.readable_collections(viewer).filter(pk=row.collection_id).select_related("content")
    return next(iter(listed(list(readable))), None)
