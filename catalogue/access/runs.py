"""Decides who may see the runs of ingests and jobs, and who may cancel and retry jobs."""

from typing import Protocol

from django.db.models import Q, QuerySet

from catalogue.access.roles import managed_collections, managed_datasets
from catalogue.models import Dataset, IngestRun


class Account(Protocol):
    """What is asked of an account: a Django user, also an anonymous one."""

    @property
    def pk(self) -> int | None:
        """The primary key; None for an anonymous one."""

    def has_perm(self, perm: str) -> bool:
        """Return whether the account has a permission of Django."""


def visible_runs(user: Account) -> QuerySet[IngestRun]:
    """Return the runs that an account may see with their files and progress.

    All of them with the permission to view runs; else those that it started, and those into what it manages.
    """
    if user.has_perm("catalogue.view_ingestrun"):
        return IngestRun.objects.all()
    return IngestRun.objects.filter(runs_of(user.pk or 0))


def controllable_runs(user: Account) -> QuerySet[IngestRun]:
    """Return the jobs that an account may cancel and retry.

    All of them with the permission to change runs; else those that it started, and those into what it manages.
    """
    jobs = IngestRun.objects.exclude(queued=None)
    return jobs if user.has_perm("catalogue.change_ingestrun") else jobs.filter(runs_of(user.pk or 0))


def runs_of(user: int, *, owned: bool = False) -> Q:
    """Return the filter for the runs that an account started or that went into what it manages.

    A run into several datasets (`datasets` of its arguments) counts only if the account manages all of them. With
    `owned`, only as an owner.
    """
    found = Q(pk__in=()) if owned else Q(account=user)
    datasets = list(managed_datasets(user, owned=owned))
    for dataset in datasets:
        # An earlier dataset may have had the same name.
        found |= _since(dataset.created) & Q(arguments__dataset=dataset.slug)
    if datasets:
        slugs = [dataset.slug for dataset in datasets]
        into_all = Q(arguments__datasets__contained_by=slugs)
        found |= _since(max(dataset.created for dataset in datasets)) & into_all
    for collection in managed_collections(user, owned=owned):
        into = Q(arguments__collection=collection.name) & ~Q(arguments__has_key="dataset")
        found |= _since(collection.created) & into
    return found


def writable_datasets(user: Account) -> QuerySet[Dataset] | None:
    """Return the datasets that an account may register files in; None for all, and for new ones too."""
    return None if user.has_perm("catalogue.add_datafile") else managed_datasets(user.pk or 0)


def _since(created: object) -> Q:
    return Q(finished=None) | Q(finished__gte=created)
