"""Admin pages of datasets and their data files."""

import shlex
from typing import Any, cast
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import admin
from django.db.models import CharField, Count, F, QuerySet, Value
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalogue.admin.base import SHOWN, Audited, ShownInline
from catalogue.admin.roles import ByRole, ScopedFilter
from catalogue.admin.sequences import readable_collections
from catalogue.formats.headers import FileFormat
from catalogue.formats.registry import SPECS
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.contig_links import link_contigs, publish_aliases
from catalogue.models import (
    Contig,
    DataFile,
    Dataset,
    SequenceCollection,
)
from catalogue.queries.references import contigs_without_residues


@admin.register(Dataset)
class DatasetAdmin(ByRole[Dataset], Audited[Dataset]):
    """A dataset. Stewards describe it, owners also set its visibility."""

    of_dataset = "pk"
    ordering = ("slug",)

    list_display = ("slug", "title", "visibility", "file_count", "collection", "created")
    list_filter = ("visibility",)
    search_fields = ("slug", "title", "description", "contact")
    autocomplete_fields = ("collection",)
    readonly_fields = ("created",)
    fieldsets = (
        (None, {"fields": ("slug", "title", "description", "collection")}),
        (_("Access"), {"fields": ("visibility",)}),
        (_("Terms"), {"fields": ("licence", "contact")}),
        (_("History"), {"fields": ("created",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        return super().get_queryset(request).annotate(files_registered=Count("files"))

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
            choices = readable_collections(request)
            if obj is not None and obj.collection_id is not None:
                choices |= SequenceCollection.objects.filter(pk=obj.collection_id)
            cast("ModelChoiceField[SequenceCollection]", field).queryset = choices
        return form

    def save_model(self, request: HttpRequest, obj: Dataset, form: Any, change: bool) -> None:
        """Save; link the contigs of the files to another collection, or publish the aliases of their headers."""
        super().save_model(request, obj, form, change)
        if change and "collection" in form.changed_data:
            link_contigs(obj)
        if change and "visibility" in form.changed_data:
            publish_aliases(obj)

    @admin.display(ordering="files_registered", description=_("files"))
    def file_count(self, row: Any) -> int:
        count: int = row.files_registered
        return count


class ContigInline(ShownInline[Contig, DataFile]):
    """The first contigs of a file."""

    model = Contig
    fields = ("name", "length", "sequence", "mapped", "unmapped")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contig]:
        rows = super().get_queryset(request).select_related("sequence").defer("index")
        return rows.filter(number__lt=SHOWN)


@admin.register(DataFile)
class DataFileAdmin(ByRole[DataFile], Audited[DataFile]):
    """Data files, read-only apart from the dataset. Stewards view theirs; administrators move them between datasets."""

    of_dataset = "dataset"
    ordering = ("kind", "htsget_id", "format")
    change_by_role = False

    list_display = (
        "htsget_id",
        "kind",
        "format",
        "stored_size",
        "sample_names",
        "contig_count",
        "state",
        "dataset",
    )
    list_filter = ("state", "kind", "format", ("dataset", ScopedFilter))
    search_fields = ("htsget_id", "samples", "dataset__slug")
    autocomplete_fields = ("dataset",)
    list_select_related = ("dataset",)
    inlines = (ContigInline,)
    fieldsets = (
        (None, {"fields": ("dataset", "htsget_id", "kind", "format", "version")}),
        (_("State"), {"fields": ("state", "state_reason", "state_since", "ingested")}),
        (
            _("Content"),
            {"fields": ("sample_names", "assembly", "sort_order", "contig_count", "unplaced", "has_eof")},
        ),
        (_("Where it lies"), {"fields": ("storage", "key", "stored_size", "etag", "source")}),
        (_("Index"), {"fields": ("index_kind", "index_source", "index_built")}),
        (_("How to fetch it"), {"fields": ("formats_served", "commands")}),
    )
    readonly_fields = (
        "htsget_id",
        "kind",
        "format",
        "version",
        "state",
        "state_reason",
        "state_since",
        "ingested",
        "sample_names",
        "sort_order",
        "contig_count",
        "unplaced",
        "assembly",
        "source",
        "index_kind",
        "index_source",
        "index_built",
        "storage",
        "key",
        "stored_size",
        "etag",
        "has_eof",
        "formats_served",
        "commands",
    )

    class Media:
        js = ("catalogue/copy.js",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataFile]:
        site = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
        rows = super().get_queryset(request).defer("header")
        return rows.annotate(contigs_declared=Count("contigs"), site=Value(site, output_field=CharField()))

    def save_model(self, request: HttpRequest, obj: DataFile, form: Any, change: bool) -> None:
        """Save; after a move link the contigs and publish their aliases as the new dataset requires."""
        super().save_model(request, obj, form, change)
        if "dataset" in form.changed_data:
            link_contigs(obj.dataset)
            publish_aliases(obj.dataset, file=obj.pk)

    @admin.display(ordering="size", description=_("size"))
    def stored_size(self, row: DataFile) -> str:
        return filesizeformat(row.size)

    @admin.display(description=_("formats"))
    def formats_served(self, row: DataFile) -> str:
        """Return the formats in which clients can fetch the file, and the references that a conversion lacks."""
        stored = FileFormat(row.format)
        others = ", ".join(SPECS[stored].converts_to)
        if FileKind(row.kind) is FileKind.READS and (missing := contigs_without_residues(row.pk)):
            names = ", ".join(contig.name for contig in missing[:5])
            return _("%(stored)s as it is stored; %(others)s only where it needs none of the reference sequences that "
                     "are not held here: those of %(count)d contigs (%(names)s)") % {
                "stored": stored, "others": others, "count": len(missing), "names": names,
            }  # fmt: skip
        return _("%(stored)s as it is stored, and %(others)s") % {"stored": stored, "others": others}

    @admin.display(description=_("samples"))
    def sample_names(self, row: DataFile) -> str:
        shown = ", ".join(row.samples[:5])
        return shown if len(row.samples) <= 5 else f"{shown} … ({len(row.samples)})"

    @admin.display(ordering="contigs_declared", description=_("contigs"))
    def contig_count(self, row: Any) -> int:
        count: int = row.contigs_declared
        return count

    @admin.display(description=_("commands"))
    def commands(self, row: Any) -> SafeString:
        url = f"{row.site}/{row.kind}/{quote(row.htsget_id)}"
        first = row.contigs.order_by(F("mapped").desc(nulls_last=True), "number").first()
        query: dict[str, str | int] = {"format": row.format}
        if first is not None and row.index_kind:
            query |= {"referenceName": first.name, "start": 0, "end": min(first.length or 1000, 1000)}
        ticket = f"{url}?{urlencode(query, quote_via=quote)}"
        tool = "samtools view" if row.kind == "reads" else "bcftools view"
        lines = (f"{tool} {shlex.quote(ticket)}", f"curl {shlex.quote(ticket)}")
        return format_html_join(
            "",
            "<p><code>{}</code> "
            '<button type="button" class="desk-button" data-copy="{}" data-done="{}">{}</button></p>',
            ((line, line, _("Copied"), _("Copy")) for line in lines),
        )
