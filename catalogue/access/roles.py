"""What an account may manage as an owner or a steward."""

from django.db.models import QuerySet

from catalogue.access.grants import managed
from catalogue.models import Dataset, SequenceCollection


def managed_datasets(user: int, *, owned: bool = False) -> QuerySet[Dataset]:
    """Return the datasets that an account may manage, as a steward or an owner; with `owned`, only as an owner."""
    return Dataset.objects.filter(pk__in=managed(user, owned=owned)[0])


def managed_collections(user: int, *, owned: bool = False) -> QuerySet[SequenceCollection]:
    """Return the collections of sequences that an account may manage, as `managed_datasets` does datasets."""
    return SequenceCollection.objects.filter(pk__in=managed(user, owned=owned)[1])
