"""Lets stewards and owners manage their datasets and collections without the permissions of an administrator.

A staff account with a role for a dataset (or a private collection) sees that one and the objects related to it.
Django's model permissions, which administrators give, apply to every object.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from catalogue import access
from catalogue.admin.base import M
from catalogue.admin.unfolded import ModelAdmin
from catalogue.models import Dataset, SequenceCollection

Managed = tuple[QuerySet[Dataset], QuerySet[SequenceCollection]]


def managed_by(request: HttpRequest, *, owned: bool = False) -> Managed:
    """Return the datasets and collections that the account manages by its roles; with `owned`, only as an owner.

    Every part of a page asks: one look-up of the roles serves a request.
    """
    user = request.user.pk or 0
    known: dict[bool, Managed] = request.__dict__.setdefault("_managed", {})
    if owned not in known:
        known[owned] = (
            access.managed_datasets(user, owned=owned),
            access.managed_collections(user, owned=owned),
        )
    return known[owned]


def manages_anything(request: HttpRequest, *, owned: bool = False) -> bool:
    """Return whether the account manages any dataset or collection by its roles."""
    known: dict[bool, bool] = request.__dict__.setdefault("_manages_anything", {})
    if owned not in known:
        known[owned] = any(rows.exists() for rows in managed_by(request, owned=owned))
    return known[owned]


def managed_objects(request: HttpRequest, *, owned: bool = False) -> list[Dataset | SequenceCollection]:
    """Return the datasets and collections of `managed_by` in one list."""
    datasets, collections = managed_by(request, owned=owned)
    return [*datasets, *collections]


def admin_of(model: type[Model]) -> Any:
    """Return the admin of a model."""
    return admin.site.get_model_admin(model)


def sees(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether the account sees the list of a model in the admin."""
    return bool(admin.site.get_model_admin(model).has_view_permission(request))


def sees_all(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether the account sees every row of a model that belongs to datasets."""
    return bool(admin_of(model).sees_everything(request))


def scope(request: HttpRequest, model: type[Model]) -> Q:
    """Return the filter for the rows of such a model that the account sees."""
    seen = admin_of(model)
    found: Q = Q() if seen.sees_everything(request) else seen.managed(request)
    return found


class PickerScope:
    """Admin mixin that limits choices of related objects to those that the account sees in the admin."""

    admin_site: admin.AdminSite

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer and accept only the objects that the related admin shows to the account."""
        if self.admin_site.is_registered(db_field.remote_field.model):
            related = self.admin_site.get_model_admin(db_field.remote_field.model)
            options.setdefault("queryset", related.get_queryset(request))
        return super().formfield_for_foreignkey(db_field, request, **options)  # type: ignore[misc]


class ScopedFilter(admin.RelatedFieldListFilter):
    """A filter by related objects that offers only those that the account may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the ids and names of the choices."""
        related = model_admin.admin_site.get_model_admin(field.remote_field.model)
        seen = related.get_queryset(request).values("pk")
        return field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to={"pk__in": seen},
        )


class ByRole(PickerScope, ModelAdmin[M]):
    """Admin mixin for models that belong to datasets or collections."""

    #: Lookup path from an object to its dataset or collection; None where it has none.
    of_dataset: str | None = None
    of_collection: str | None = None
    #: Whether stewards may change the objects that they see.
    change_by_role = True

    def sees_everything(self, request: HttpRequest) -> bool:
        """Return whether the account may see all objects, by the permissions of the model."""
        return super().has_view_permission(request)

    def changes_everything(self, request: HttpRequest) -> bool:
        """Return whether the account may change all objects, by the permissions of the model."""
        return super().has_change_permission(request)

    def managed(self, request: HttpRequest, *, owned: bool = False) -> Q:
        """Return the filter for objects that the account manages by its roles."""
        datasets, collections = managed_by(request, owned=owned)
        found = Q(pk__in=())
        if self.of_dataset:
            found |= Q(**{f"{self.of_dataset}__in": datasets})
        if self.of_collection:
            found |= Q(**{f"{self.of_collection}__in": collections})
        return found

    def manages(self, request: HttpRequest, obj: Model | None, *, owned: bool = False) -> bool:
        """Return whether the account manages an object by its roles; without one, whether it manages anything."""
        if not admin.site.has_permission(request):
            return False
        if obj is None:
            return manages_anything(request, owned=owned)
        rows = self.model._default_manager.filter(self.managed(request, owned=owned), pk=obj.pk)
        return bool(rows.exists())

    def may_change(self, request: HttpRequest, *, owned: bool = False) -> bool:
        """Return whether the account may change anything by an action; with `owned`, what needs an owner."""
        return self.changes_everything(request) or self.manages(request, None, owned=owned)

    def changeable(self, request: HttpRequest, rows: QuerySet[M], *, owned: bool = False) -> QuerySet[M]:
        """Return those of some rows that the account may change by an action."""
        mine = self.model._default_manager.all()
        if rows.query.where or rows.query.is_sliced:
            mine = mine.filter(pk__in=rows.order_by().values("pk"))
        return mine if self.changes_everything(request) else mine.filter(self.managed(request, owned=owned))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the list is shown at all."""
        return super().has_module_permission(request) or self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the account may view an object, or any object."""
        return super().has_view_permission(request, obj) or self.manages(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the account may change an object, or any object."""
        if super().has_change_permission(request, obj):
            return True
        return self.change_by_role and self.manages(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """Return the objects that the account may see."""
        rows = super().get_queryset(request)
        return rows if self.sees_everything(request) else rows.filter(self.managed(request))

    def fixed_visibility(self, request: HttpRequest, obj: Any) -> tuple[str, ...]:
        """Return the read-only field `visibility`; nothing for an owner, who may set it."""
        free = obj is None or self.changes_everything(request) or self.manages(request, obj, owned=True)
        return () if free else ("visibility",)
