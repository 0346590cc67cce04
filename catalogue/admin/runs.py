"""Admin page of ingest runs."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalogue.admin.base import Shown, ShownInline
from catalogue.admin.roles import ByRole, managed_objects
from catalogue.models import Dataset, IngestedFile, IngestRun


class IngestedFileInline(ShownInline[IngestedFile, IngestRun]):
    """The outcome of each input."""

    model = IngestedFile
    fields = ("source", "outcome", "message", "counts")


@admin.register(IngestRun)
class IngestRunAdmin(Shown, ByRole[IngestRun]):
    """Who ran which ingest, when, and with which outcome. Stewards see the runs into what they manage."""

    list_display = ("started", "command", "actor", "outcome", "took", "file_count")
    list_filter = ("outcome", "command")
    date_hierarchy = "started"
    inlines = (IngestedFileInline,)

    def managed(self, request: HttpRequest, *, owned: bool = False) -> Q:
        """Return the filter for runs into the account's datasets and collections, since those were created."""
        found = Q(pk__in=())
        for row in managed_objects(request, owned=owned):
            argument = "dataset" if isinstance(row, Dataset) else "collection"
            into_dataset = Q(arguments__has_key="dataset")
            of_kind = into_dataset if isinstance(row, Dataset) else ~into_dataset
            # An earlier dataset or collection may have had the same name.
            since = Q(finished=None) | Q(finished__gte=row.created)
            found |= of_kind & since & Q(**{f"arguments__{argument}": str(row)})
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[IngestRun]:
        return super().get_queryset(request).annotate(files_read=Count("files"))

    @admin.display(description=_("took"))
    def took(self, row: IngestRun) -> str:
        return "" if row.finished is None else str(row.finished - row.started).split(".")[0]

    @admin.display(ordering="files_read", description=_("files"))
    def file_count(self, row: Any) -> int:
        count: int = row.files_read
        return count
