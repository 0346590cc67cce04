"""Filters of the list of files: by storage, and by reference."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalogue.models import DataFile
from catalogue.queries.file_search import FileFilter, FilterRefusedError, matching_files
from catalogue.stewardship import readable_collections

# Upper bound of the collections that a filter offers.
_MAX_OFFERED = 50


class StorageFilter(admin.SimpleListFilter):
    """Files in one of the configured storages."""

    title = _("storage")
    parameter_name = "storage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the storages of the settings."""
        return [(name, name) for name in settings.HTSGETSITE_STORAGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataFile]) -> QuerySet[DataFile]:
        """Return the files of the chosen storage."""
        return queryset.filter(storage=self.value()) if self.value() else queryset


class ReferenceFilter(admin.SimpleListFilter):
    """Files of an assembly: their dataset has it, or its longest sequence is one of their contigs."""

    title = _("reference")
    parameter_name = "reference"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the collections that the account may read."""
        names = (
            readable_collections(request.user).order_by("name").values_list("name", flat=True)[:_MAX_OFFERED]
        )
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DataFile]) -> QuerySet[DataFile]:
        """Return the files of the chosen reference."""
        value = self.value()
        if not value or not readable_collections(request.user).filter(name=value).exists():
            return queryset.none() if value else queryset
        try:
            return matching_files(FileFilter(references=[value]), within=queryset)
        except FilterRefusedError as error:
            messages.error(request, str(error))
            return queryset.none()
