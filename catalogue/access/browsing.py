"""Decides which parts of which storages an account may browse, and register files from.

Nobody may browse anything unless it was allowed: accounts with the permission to browse storages see all of them;
stewards and owners of a dataset see the prefixes that an administrator gave to it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from catalogue.access.roles import managed_datasets
from catalogue.access.runs import writable_datasets
from catalogue.models import Dataset, StoragePrefix

EVERYTHING = "catalogue.browse_storages"


class Place(NamedTuple):
    """A prefix of a storage; an empty prefix is the whole storage."""

    storage: str
    prefix: str

    def contains(self, storage: str, key: str) -> bool:
        """Return whether a key, or a prefix, of a storage lies here."""
        return storage == self.storage and key.startswith(self.prefix)


Account = AbstractBaseUser | AnonymousUser


def browsable_places(user: Account, *, dataset: Dataset | None = None) -> list[Place]:
    """Return the places that an account may browse, only for registering into `dataset` if that is given.

    Places whose storage is no longer configured are left out.
    """
    configured = settings.HTSGETSITE_STORAGES
    if user.is_active and _has(user, EVERYTHING):
        return [Place(name, "") for name in configured]
    managed = managed_datasets(user.pk or 0)
    if dataset is not None:
        managed = managed.filter(pk=dataset.pk)
    rows = StoragePrefix.objects.filter(dataset__in=managed, storage__in=list(configured))
    places = {Place(*row) for row in rows.values_list("storage", "prefix")}
    return sorted(place for place in places if not any(_within(place, other) for other in places))


def datasets_for(user: Account) -> list[Dataset]:
    """Return the datasets that an account may register files into."""
    if not user.is_active:
        return []
    datasets = writable_datasets(user)  # type: ignore[arg-type]
    return list(Dataset.objects.all() if datasets is None else datasets)


def may_browse(places: Iterable[Place], storage: str, key: str) -> bool:
    """Return whether a key or prefix of a storage lies in one of the places."""
    return any(place.contains(storage, key) for place in places)


def _within(place: Place, other: Place) -> bool:
    return place != other and other.contains(*place)


def _has(user: Account, permission: str) -> bool:
    return bool(user.has_perm(permission))  # type: ignore[union-attr]
