"""Lets stewards and owners manage what is theirs, without the permissions of an administrator.

An account that is staff and has a role for a dataset (or a private collection) sees that one, and what hangs on it.
The usual permissions of the models, which administrators give, are for everything.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from catalogue import access
from catalogue.admin.base import M
from catalogue.models import Dataset, SequenceCollection


def account(request: HttpRequest) -> int:
    """The number of the account whose session this is; 0 for none."""
    return request.user.pk or 0


Managed = tuple[QuerySet[Dataset], QuerySet[SequenceCollection]]


def theirs(request: HttpRequest, *, owned: bool = False) -> Managed:
    """What the account may manage by its roles."""
    user = account(request)
    return access.managed_datasets(user, owned=owned), access.managed_collections(user, owned=owned)


class ByRole(admin.ModelAdmin[M]):
    """Mixed into an admin of something that belongs to datasets or collections."""

    #: Where an object's dataset or collection is found from it; None where there is no such thing.
    of_dataset: str | None = None
    of_collection: str | None = None

    def has_everything(self, request: HttpRequest) -> bool:
        """Whether the account may see all, by the permissions of the model."""
        return super().has_view_permission(request)

    def managed(self, request: HttpRequest, *, owned: bool = False) -> Q:
        """Selects the objects that are the account's to manage."""
        datasets, collections = theirs(request, owned=owned)
        found = Q(pk__in=())
        if self.of_dataset:
            found |= Q(**{f"{self.of_dataset}__in": datasets})
        if self.of_collection:
            found |= Q(**{f"{self.of_collection}__in": collections})
        return found

    def manages(self, request: HttpRequest, obj: Model, *, owned: bool = False) -> bool:
        """Whether an object is the account's to manage."""
        rows = self.model._default_manager.filter(self.managed(request, owned=owned), pk=obj.pk)
        return bool(rows.exists())

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the list is shown at all."""
        return super().has_module_permission(request) or self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the account may look at an object, or at any."""
        if super().has_view_permission(request, obj):
            return True
        if not request.user.is_staff or not request.user.is_active:
            return False
        if obj is None:
            return any(rows.exists() for rows in theirs(request))
        return self.manages(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the account may change an object, or any."""
        if super().has_change_permission(request, obj):
            return True
        return not super().has_view_permission(request, obj) and self.has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """The objects that the account may see."""
        rows = super().get_queryset(request)
        return rows if self.has_everything(request) else rows.filter(self.managed(request))
