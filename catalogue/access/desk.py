"""What an account may see and change on the desk, for programs that show a token with the scope `manage`.

Nothing of it holds without that scope: tokens of issuers and sessions never have it.
"""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from catalogue.access.files import readable_datasets, readable_files
from catalogue.access.refusals import AuthenticationRequired, PermissionRefused
from catalogue.access.roles import managed_collections, managed_datasets
from catalogue.access.viewer import Viewer
from catalogue.desk_entry import may_enter
from catalogue.models import DataFile, Dataset, Grant, Scope


def manages(viewer: Viewer) -> bool:
    """Return whether the credentials are a token with the scope `manage`."""
    has_scope = viewer.scopes is not None and Scope.MANAGE in viewer.scopes
    return viewer.user is not None and viewer.token is not None and viewer.file is None and has_scope


def desk_account(viewer: Viewer) -> User:
    """Return the account that a token with the scope `manage` stands for.

    Raises AuthenticationRequired without credentials, and PermissionRefused for others, and for an account that may not
    enter the desk.
    """
    if viewer.name is None:
        raise AuthenticationRequired("this needs a token with the scope manage")
    account = _account(viewer)
    if account is None:
        raise PermissionRefused(
            "this needs a token with the scope manage, of an account that may enter the desk"
        )
    return account


def changeable_datasets(user: User, *, owned: bool = False) -> QuerySet[Dataset]:
    """Return the datasets that an account may change; with `owned`, those whose visibility it may set."""
    if user.has_perm("catalogue.change_dataset"):
        return Dataset.objects.all()
    return managed_datasets(user.pk, owned=owned)


def changeable_files(user: User) -> QuerySet[DataFile]:
    """Return the files that an account may change."""
    if user.has_perm("catalogue.change_datafile"):
        return DataFile.objects.all()
    return DataFile.objects.filter(dataset__in=managed_datasets(user.pk))


def visible_grants(user: User) -> QuerySet[Grant]:
    """Return the grants that an account sees: those on what it manages, or all with the permission to view them."""
    if user.has_perm("catalogue.view_grant"):
        return Grant.objects.all()
    return Grant.objects.filter(
        Q(dataset__in=managed_datasets(user.pk)) | Q(collection__in=managed_collections(user.pk))
    )


def listed_datasets(viewer: Viewer) -> QuerySet[Dataset]:
    """Return the datasets that are readable to the viewer, and those that a token to manage shows as the desk does."""
    readable = readable_datasets(viewer)
    account = _account(viewer)
    return readable if account is None else readable | changeable_datasets(account)


def listed_files(viewer: Viewer) -> QuerySet[DataFile]:
    """Return the files that are readable to the viewer, and those that a token to manage shows as the desk does."""
    readable = readable_files(viewer)
    account = _account(viewer)
    if account is None:
        return readable
    if account.has_perm("catalogue.change_datafile"):
        return DataFile.objects.all()
    # A list of keys, which the planner compares first; see `readable_files`.
    managed = list(managed_datasets(account.pk).values_list("pk", flat=True))
    return readable | DataFile.objects.filter(dataset__in=managed)


def _account(viewer: Viewer) -> User | None:
    if not manages(viewer):
        return None
    account = get_user_model()._default_manager.filter(pk=viewer.user or 0, is_active=True).first()
    return account if account is not None and may_enter(account) else None
