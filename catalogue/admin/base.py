"""Base classes of several admin pages."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.paginator import Paginator
from django.db import IntegrityError, connection
from django.db.models import Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalogue import audit
from catalogue.admin.unfolded import ModelAdmin
from catalogue.audit import Event, Kind
from catalogue.models.violations import explain
from catalogue.stewardship.history import change_in_words

M = TypeVar("M", bound=Model)
A = TypeVar("A")
R = TypeVar("R", bound=Model)
T = TypeVar("T")

#: Upper bound of the members, contigs or files listed on the page of their parent; further ones are only counted.
SHOWN = 200


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Uses PostgreSQL's row estimate for an unfiltered list, because counting millions of rows is slow."""

    EXACT_BELOW = 100_000

    @cached_property
    def count(self) -> int:
        """The number of rows, exact for short and for filtered lists."""
        rows = self.object_list
        if isinstance(rows, QuerySet) and not rows.query.where:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                    [rows.model._meta.db_table],
                )
                (estimate,) = cursor.fetchone() or (0,)
            if estimate > self.EXACT_BELOW:
                return int(estimate)
        return rows.count() if isinstance(rows, QuerySet) else len(rows)


class SearchPaginator(EstimatingPaginator):
    """Counts no further than `MOST` rows: to compare the text of all others would take seconds."""

    MOST = 2_000

    @cached_property
    def count(self) -> int:
        """The number of rows, `MOST` at most."""
        rows = self.object_list
        return rows.order_by()[: self.MOST].count() if isinstance(rows, QuerySet) else len(rows)


class Searched:
    """Admin mixin for lists of many rows: an estimate counts them all, and a search lists the first of them."""

    show_full_result_count = False

    def get_paginator(self, request: HttpRequest, *args: Any, **options: Any) -> Paginator:  # type: ignore[type-arg]
        """Return the paginator of the list; called by Django."""
        kind = SearchPaginator if request.GET.get(SEARCH_VAR, "").strip() else EstimatingPaginator
        return kind(*args, **options)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, and say where it does not have all that was found."""
        answer = super().changelist_view(request, extra_context)  # type: ignore[misc]
        cl = (getattr(answer, "context_data", None) or {}).get("cl")
        if (
            cl is not None
            and isinstance(cl.paginator, SearchPaginator)
            and cl.result_count >= cl.paginator.MOST
        ):
            said = (
                _("The first %d are listed; there may be more. Add letters or choose filters.")
                % cl.result_count
            )
            messages.warning(request, said)
        return answer


def once_a_row(method: Callable[[A, R], T]) -> Callable[[A, R], T]:
    """Decorate a method of an admin that shows a row: the form of django-unfold asks five times for what it shows."""

    @wraps(method)
    def remembered(self: A, row: R) -> T:
        shown = row.__dict__.setdefault("_shown", {})
        if method.__name__ not in shown:
            shown[method.__name__] = method(self, row)
        found: T = shown[method.__name__]
        return found

    return remembered


class Link(NamedTuple):
    """A cell of `shown_rows` that leads somewhere."""

    text: str
    url: str


def shown_rows(heads: Sequence[Any], rows: Sequence[Sequence[Any]], *, of: int) -> SafeString:
    """Return a table of the first of `of` rows, for a read-only field.

    It takes a tenth of the time of inlines, which make a form of each row.
    """
    context = {"heads": heads, "rows": rows, "more": of - len(rows), "count": len(rows), "of": of}
    return render_to_string("catalogue/desk/shown_rows.html", context)


def _former(form: Any, name: str) -> Any:
    """Return what a field of a form was, an object instead of its primary key."""
    value, field = form.initial.get(name), form.fields[name]
    if value is None or not isinstance(field, ModelChoiceField) or isinstance(value, list):
        return value
    return (
        field.queryset.model._default_manager.filter(pk=value).first()
        if field.queryset is not None
        else value
    )


def _changes(form: Any) -> list[str]:
    """Return a sentence for each field that a form changed: from what to what."""
    return [
        change_in_words(name, _former(form, name), form.cleaned_data.get(name)) for name in form.changed_data
    ]


def _named(row: Model) -> str:
    return f"{row._meta.verbose_name} “{row}”"


class Shown:
    """A read-only admin of rows that only commands write."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Audited(ModelAdmin[M]):
    """An admin whose every addition, change and deletion goes into the audit, in the transaction of the change."""

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """Record that an object was added; called by Django."""
        self._record(obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """Record that an object was changed; called by Django."""
        self._record(obj, "changed", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Record that objects are about to be removed; called by Django."""
        for obj in queryset:
            self._record(obj, "removed", [])
        return super().log_deletions(request, queryset)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Return what became of each field, with what it was before; called by Django."""
        if add:
            return super().construct_change_message(request, form, formsets, add)
        said = _changes(form)
        for formset in formsets or ():
            said += [f"added {_named(row)}" for row in formset.new_objects]
            changed = {row.pk for row, _ in formset.changed_objects}
            said += [
                f"changed {_named(one.instance)}: {', '.join(_changes(one))}"
                for one in formset.initial_forms
                if one.instance.pk in changed
            ]
            said += [f"removed {_named(row)}" for row in formset.deleted_objects]
        return "; ".join(said) or "nothing"

    def consequences(self, request: HttpRequest, obj: M) -> Sequence[str]:
        """Return what a deletion means beyond the rows that go with it, in sentences."""
        return ()

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Say what a deletion means before it is confirmed."""
        obj = self.get_object(request, unquote(object_id))
        said = list(self.consequences(request, obj)) if obj is not None else []
        return super().delete_view(request, object_id, {"consequences": said, **(extra_context or {})})

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        """Show a refusal by the database as a message, for example where another account changed the row meanwhile."""
        try:
            return super().changeform_view(request, *args, **options)
        except IntegrityError as error:
            self.message_user(request, explain(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @staticmethod
    def _record(obj: Model, change: str, message: Any) -> None:
        target = f"{obj._meta.model_name} {obj.pk}: {obj}"
        audit.record(
            Event(
                Kind.ADMIN, target=target, detail={"change": change, "through": "admin", "message": message}
            )
        )
