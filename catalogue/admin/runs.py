"""Admin page of ingest runs."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django.models import ProcrastinateJob

from catalogue import access
from catalogue.admin.base import Shown, ShownInline
from catalogue.admin.roles import ByRole
from catalogue.models import IngestedFile, IngestRun

# The queue only wakes workers; the runs tell what there is to know.
if admin.site.is_registered(ProcrastinateJob):
    admin.site.unregister(ProcrastinateJob)


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
        """Return the filter for the runs of the account, and those into what it manages."""
        return access.runs_of(request.user.pk or 0, owned=owned)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IngestRun]:
        return super().get_queryset(request).annotate(files_read=Count("files"))

    @admin.display(description=_("took"))
    def took(self, row: IngestRun) -> str:
        return "" if row.finished is None else str(row.finished - row.started).split(".")[0]

    @admin.display(ordering="files_read", description=_("files"))
    def file_count(self, row: Any) -> int:
        count: int = row.files_read
        return count
