"""Admin page of datasets, with the prefixes that their stewards may browse."""

from collections.abc import Sequence
from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalogue.admin.base import Audited
from catalogue.admin.changes import with_changes
from catalogue.admin.file_actions import DATASET_ACTIONS
from catalogue.admin.roles import ByRole
from catalogue.admin.unfolded import TabularInline
from catalogue.ingest.files.contig_links import link_contigs, publish_aliases
from catalogue.models import DataFile, Dataset, SequenceCollection, StoragePrefix
from catalogue.stewardship import readable_collections

_FILES = DataFile.objects.filter(dataset=OuterRef("pk")).order_by().values("dataset")
# Of rows and not of a column, so that the index of datasets is enough.
_FILE_COUNT = Coalesce(
    Subquery(_FILES.annotate(number=Count("*")).values("number")), 0, output_field=IntegerField()
)


class StoragePrefixInline(TabularInline[StoragePrefix, Dataset]):
    """The prefixes whose files the stewards of a dataset may browse and register; administrators give them."""

    model = StoragePrefix
    extra = 0


@admin.register(Dataset)
class DatasetAdmin(ByRole[Dataset], Audited[Dataset]):
    """A dataset. Stewards describe it, owners also set its visibility."""

    of_dataset = "pk"
    ordering = ("slug",)

    list_display = ("slug", "title", "visibility", "file_count", "collection", "created")
    list_filter = ("visibility",)
    search_fields = ("slug", "title", "description", "contact")
    autocomplete_fields = ("collection",)
    readonly_fields = ("prefixes", "created")
    inlines = (StoragePrefixInline,)
    fieldsets = (
        (None, {"fields": ("slug", "title", "description", "collection")}),
        (_("Access"), {"fields": ("visibility", "prefixes")}),
        (_("Terms"), {"fields": ("licence", "contact")}),
        (_("History"), {"fields": ("created",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        return super().get_queryset(request).annotate(files_registered=_FILE_COUNT)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return what may be done with ticked datasets: their owners publish and withdraw them."""
        return with_changes(
            super().get_actions(request), DATASET_ACTIONS, self.may_change(request, owned=True)
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Dataset | None = None) -> tuple[str, ...]:
        """Return the fields that the account cannot change; the id is fixed once the dataset exists."""
        known = ("slug",) if obj is not None else ()
        return (*self.readonly_fields, *known, *self.fixed_visibility(request, obj))

    def get_form(
        self, request: HttpRequest, obj: Dataset | None = None, change: bool = False, **options: Any
    ) -> Any:
        """Return the form, which offers the collections that the account may read and the current one."""
        form = super().get_form(request, obj, change=change, **options)
        if field := form.base_fields.get("collection"):
            choices = readable_collections(request.user)
            if obj is not None and obj.collection_id is not None:
                choices |= SequenceCollection.objects.filter(pk=obj.collection_id)
            cast("ModelChoiceField[SequenceCollection]", field).queryset = choices
        return form

    def consequences(self, request: HttpRequest, obj: Dataset) -> Sequence[str]:
        """Return what deleting a dataset means; one with files cannot be deleted."""
        grants = obj.grants.count()
        return (
            "Its sequences, its assembly and its audit stay.",
            f"{grants:,} grants on it end: whoever held one keeps what they have fetched.",
        )

    def save_model(self, request: HttpRequest, obj: Dataset, form: Any, change: bool) -> None:
        """Save; link the contigs of the files to another collection, or publish the aliases of their headers."""
        super().save_model(request, obj, form, change)
        if change and "collection" in form.changed_data:
            link_contigs(obj)
        if change and "visibility" in form.changed_data:
            publish_aliases(obj)

    @admin.display(description=_("may be registered from"))
    def prefixes(self, row: Dataset) -> str:
        return ", ".join(map(str, row.prefixes.all())) or str(_("nothing, except by administrators"))

    @admin.display(ordering="files_registered", description=_("files"))
    def file_count(self, row: Any) -> int:
        count: int = row.files_registered
        return count
