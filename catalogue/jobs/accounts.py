"""What the account that started a job may do at the moment when a worker does it."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import QuerySet

from catalogue import access
from catalogue.access.browsing import browsable_places
from catalogue.ingest.manifests.plan import EVERYTHING, Allowed
from catalogue.jobs.kinds import JobRefused
from catalogue.models import DataFile, Dataset, IngestRun


def account_of(row: IngestRun) -> User | None:
    """Return the account that started a job; None for a command. Raises JobRefused if it is not active any more."""
    if not row.of_account:
        return None
    account = get_user_model()._default_manager.filter(pk=row.account_id or 0, is_active=True).first()
    if account is None:
        raise JobRefused("the account that started the job is not active any more")
    return account


def writable_datasets(row: IngestRun) -> QuerySet[Dataset] | None:
    """Return the datasets that a job may write into; None for all, and for new ones too."""
    account = account_of(row)
    return None if account is None else access.writable_datasets(account)


def changeable_files(row: IngestRun) -> QuerySet[DataFile]:
    """Return the registered files that a job may change."""
    datasets = writable_datasets(row)
    return DataFile.objects.all() if datasets is None else DataFile.objects.filter(dataset__in=datasets)


def may_write(row: IngestRun, dataset: Dataset) -> bool:
    """Return whether a job may put files into a dataset."""
    datasets = writable_datasets(row)
    return datasets is None or datasets.filter(pk=dataset.pk).exists()


def allowed(row: IngestRun) -> Allowed:
    """Return what a job may register by manifest: into which datasets, and from which places of storages."""
    account = account_of(row)
    if account is None:
        return EVERYTHING
    datasets = access.writable_datasets(account)
    slugs = None if datasets is None else frozenset(datasets.values_list("slug", flat=True))
    return Allowed(datasets=slugs, places=browsable_places(account))
