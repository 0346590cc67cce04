"""The dataset that an ingest adds its files to."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from catalogue.errors import CatalogueError
from catalogue.ingest.files.contig_links import link_contigs
from catalogue.ingest.transactions import advisory_lock
from catalogue.models import Dataset, SequenceCollection


class DatasetRefusedError(CatalogueError):
    """The dataset cannot be created, or contradicts the options."""


@dataclass(frozen=True, slots=True)
class WantedDataset:
    """A dataset as a command's options describe it; None keeps the existing value, or leaves it empty.

    A new dataset is controlled unless `public`, or of another `visibility`. An existing one never becomes public this
    way, because it may hold files that were added while it was not.
    """

    slug: str
    public: bool = False
    visibility: str | None = None
    title: str | None = None
    description: str | None = None
    licence: str | None = None
    contact: str | None = None
    collection: str | None = None

    def find(self) -> Dataset:
        """Return the dataset, new or existing, with the options applied but not saved. Raises DatasetRefusedError."""
        try:
            validate_slug(self.slug)
        except ValidationError:
            raise DatasetRefusedError(
                f"{self.slug!r} cannot be the name of a dataset; use letters, digits, - and _"
            ) from None
        if len(self.slug) > 100:
            raise DatasetRefusedError("the name of a dataset has at most 100 characters")
        dataset = Dataset.objects.filter(slug=self.slug).first()
        if dataset is None:
            default = Dataset.Visibility.PUBLIC if self.public else Dataset.Visibility.CONTROLLED
            dataset = Dataset(slug=self.slug, visibility=self.visibility or default)
        elif self.visibility not in (None, dataset.visibility):
            raise DatasetRefusedError(
                f"the dataset {self.slug} exists and is {dataset.visibility}; that is changed on the desk only"
            )
        elif self.public and dataset.visibility != Dataset.Visibility.PUBLIC:
            raise DatasetRefusedError(
                f"the dataset {self.slug} exists and is {dataset.visibility}; only the admin can make it public"
            )
        for name in ("title", "description", "licence", "contact"):
            if (value := getattr(self, name)) is not None:
                setattr(dataset, name, value)
        if self.collection is not None:
            dataset.collection = SequenceCollection.objects.filter(name=self.collection).first()
            if dataset.collection is None:
                raise DatasetRefusedError(f"there is no collection named {self.collection!r}")
        return dataset


def save_dataset(dataset: Dataset, *, chosen: bool = False) -> None:
    """Create or update the dataset; link its contigs again if its collection changed.

    With `chosen` its collection is none that somebody named but one that a file fits; it gives way to one that the
    dataset has by now, from another part of the same job.
    """
    with transaction.atomic():
        advisory_lock(f"dataset {dataset.slug}")
        before = Dataset.objects.select_for_update().filter(slug=dataset.slug).first()
        if before is not None:
            if chosen:
                dataset.collection_id = before.collection_id or dataset.collection_id
            elif dataset._state.adding:
                dataset.collection_id = dataset.collection_id or before.collection_id
            dataset.pk, dataset.created, dataset._state.adding = before.pk, before.created, False
        dataset.save()
        if before is not None and before.collection_id != dataset.collection_id:
            link_contigs(dataset)
