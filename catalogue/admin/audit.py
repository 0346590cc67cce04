"""Admin page of the audit: view, search and export events, never change them."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from catalogue import audit
from catalogue.admin.base import Searched, Shown
from catalogue.admin.roles import ByRole, managed_objects
from catalogue.audit import Event, Kind
from catalogue.models import AuditEvent, Dataset

_COLUMNS = (
    "id", "happened", "kind", "outcome", "actor", "account", "credential", "address", "request_id", "dataset",
    "target", "detail",
)  # fmt: skip
#: Upper bound of the events that a search of the list looks at: parts of text have no index, because events are many.
MAX_SEARCHED = 50_000
#: Spreadsheets treat a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@admin.register(AuditEvent)
class AuditEventAdmin(Searched, Shown, ByRole[AuditEvent]):
    """What was asked, by whom, and with which outcome. Stewards see what concerns their datasets."""

    list_display = ("happened", "kind", "outcome", "actor", "address", "dataset", "target")
    list_filter = ("kind", "outcome", "happened")
    search_fields = ("actor", "credential", "=address", "=request_id", "dataset", "target")
    search_help_text = _("actor, token, address, request, dataset, or what was asked for")
    date_hierarchy = "happened"
    ordering = ("-id",)
    list_per_page = 50

    def managed(self, request: HttpRequest, *, owned: bool = False) -> Q:
        """Return the filter for events about the account's datasets and collections, since those were created."""
        of_collection = Q(target__startswith="sequencecollection ") | Q(detail__has_key="collection")
        found = Q(pk__in=())
        for row in managed_objects(request, owned=owned):
            of_kind = ~of_collection if isinstance(row, Dataset) else of_collection
            # An earlier dataset or collection may have had the same name.
            found |= of_kind & Q(dataset=str(row), happened__gte=row.created)
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Search the newest events that the filters let through, and those of an actor or dataset; exports have all."""
        within = queryset
        match = request.resolver_match
        if search_term.strip() and match is not None and match.url_name == "catalogue_auditevent_changelist":
            newest = queryset.order_by("-id").values_list("pk", flat=True)
            if last := newest[MAX_SEARCHED : MAX_SEARCHED + 1].first():
                term = search_term.strip()
                within = queryset.filter(Q(pk__gt=last) | Q(actor=term) | Q(dataset=term))
                said = _("The newest %(count)d events were searched, and all of an actor or dataset of this name. To "
                         "look further back, choose a time, a kind or an outcome, or export.")  # fmt: skip
                messages.info(request, said % {"count": MAX_SEARCHED})
        return super().get_search_results(request, within, search_term)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        """Return the URLs of the list and of its exports."""
        own = [
            path("export.csv", self.admin_site.admin_view(self.export_csv), name="catalogue_auditevent_csv"),
            path(
                "export.jsonl",
                self.admin_site.admin_view(self.export_lines),
                name="catalogue_auditevent_jsonl",
            ),
        ]
        return [*own, *super().get_urls()]

    def export_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        """Return all events that match the list's filters as CSV for spreadsheets."""
        return self._file(request, _csv(self._rows(request)), "text/csv; charset=utf-8", "audit.csv")

    def export_lines(self, request: HttpRequest) -> StreamingHttpResponse:
        """Export as JSON, one object a line."""
        rows = self._rows(request)
        lines = (json.dumps(dict(zip(_COLUMNS, row, strict=True)), default=str) + "\n" for row in rows)
        return self._file(request, lines, "application/jsonl", "audit.jsonl")

    def _rows(self, request: HttpRequest) -> Iterator[tuple[Any, ...]]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = self.get_changelist_instance(request).get_queryset(request)
        return iter(shown.order_by("id").values_list(*_COLUMNS).iterator(chunk_size=2000))

    def _file(
        self, request: HttpRequest, lines: Iterator[str], kind: str, name: str
    ) -> StreamingHttpResponse:
        target = f"{name}?{request.META.get('QUERY_STRING', '')}"
        audit.record(Event(Kind.ADMIN, target=target, detail={"change": "exported"}))
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(lines, content_type=kind, headers=headers)


def _csv(rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow(map(_cell, row))
        if text.tell() > 1 << 16:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    written = json.dumps(value) if isinstance(value, dict) else str(value)
    return f"'{written}" if written.startswith(_FORMULA) else written
