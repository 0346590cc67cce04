"""What an account may see beyond what is public."""

from typing import NamedTuple

from catalogue import access
from catalogue.access import Viewer
from catalogue.models import Dataset, SequenceCollection
from catalogue.queries.collections import ListedCollection, listed
from catalogue.queries.datasets import ListedDataset, ListedFile, listed_files

__all__ = ["ListedFile", "MoreThanPublic", "more_than_public"]

#: Files that are named as examples.
MAX_FILES = 5


class MoreThanPublic(NamedTuple):
    """Datasets that are registered or controlled, private collections, and some of the files of the datasets."""

    datasets: list[ListedDataset]
    collections: list[ListedCollection]
    files: list[ListedFile]


def more_than_public(*, viewer: Viewer, count: int) -> MoreThanPublic:
    """Return up to `count` datasets and collections that the viewer may see and that are not public."""
    datasets = access.readable_datasets(viewer).exclude(visibility=Dataset.Visibility.PUBLIC).order_by("slug")
    collections = access.readable_collections(viewer).exclude(visibility=SequenceCollection.Visibility.PUBLIC)
    found = [ListedDataset(*row) for row in datasets.values_list(*ListedDataset._fields)[:count]]
    files = access.readable_files(viewer).exclude(dataset__visibility=Dataset.Visibility.PUBLIC)
    return MoreThanPublic(
        found,
        listed(list(collections.select_related("content").order_by("name")[:count])),
        listed_files(files.order_by("dataset", "htsget_id"), count=MAX_FILES) if found else [],
    )
