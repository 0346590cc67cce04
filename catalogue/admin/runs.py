"""What the ingest commands did."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalogue.admin.base import Shown
from catalogue.models import (
    IngestedFile,
    IngestRun,
)


class IngestedFileInline(Shown, admin.TabularInline[IngestedFile, IngestRun]):
    """What became of each input."""

    model = IngestedFile
    fields = ("source", "outcome", "message", "counts")
    can_delete = False
    extra = 0


@admin.register(IngestRun)
class IngestRunAdmin(Shown, admin.ModelAdmin[IngestRun]):
    """Who ran which ingest, when, and how it ended."""

    list_display = ("started", "command", "actor", "outcome", "took", "file_count")
    list_filter = ("outcome", "command")
    date_hierarchy = "started"
    inlines = (IngestedFileInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[IngestRun]:
        return super().get_queryset(request).annotate(files_read=Count("files"))

    @admin.display(description=_("took"))
    def took(self, row: IngestRun) -> str:
        return "" if row.finished is None else str(row.finished - row.started).split(".")[0]

    @admin.display(ordering="files_read", description=_("files"))
    def file_count(self, row: Any) -> int:
        count: int = row.files_read
        return count
