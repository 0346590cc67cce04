"""Admin pages of data files: found by any part of what is known of them, and changed by what is ticked."""

import shlex
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import admin
from django.db.models import CharField, F, QuerySet, Value
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalogue.admin.base import SHOWN, Audited, Link, Searched, once_a_row, shown_rows
from catalogue.admin.changes import with_changes
from catalogue.admin.file_actions import FILE_ACTIONS
from catalogue.admin.file_filters import ReferenceFilter, StorageFilter
from catalogue.admin.manifests import manifest_file
from catalogue.admin.roles import ByRole, ScopedFilter
from catalogue.formats.headers import FileFormat
from catalogue.formats.registry import SPECS
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.contig_links import link_contigs, publish_aliases
from catalogue.ingest.files.remove import RemoveFiles
from catalogue.models import DataFile
from catalogue.queries.file_search import files_with_text
from catalogue.queries.references import contigs_without_residues


def export_files(admin: Any, request: HttpRequest, rows: QuerySet[DataFile]) -> Any:
    """Send the ticked files as a manifest; called by Django's admin."""
    return manifest_file(DataFile.objects.filter(pk__in=rows.order_by().values("pk")))


@admin.register(DataFile)
class DataFileAdmin(Searched, ByRole[DataFile], Audited[DataFile]):
    """Data files, read-only apart from the dataset. Stewards view theirs; administrators move them between datasets."""

    of_dataset = "dataset"
    ordering = ("htsget_id", "kind", "format")
    change_by_role = False

    list_display = (
        "htsget_id",
        "kind",
        "format",
        "stored_size",
        "sample_names",
        "state",
        "dataset",
    )
    list_filter = ("state", "kind", "format", ("dataset", ScopedFilter), StorageFilter, ReferenceFilter)
    search_fields = ("htsget_id",)
    search_help_text = _("id, former id, sample, path, ETag or checksum, or a part of one")
    autocomplete_fields = ("dataset",)
    list_select_related = ("dataset",)
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
        (_("Contigs"), {"fields": ("first_contigs",)}),
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
        "first_contigs",
    )

    class Media:
        js = ("catalogue/copy.js",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataFile]:
        site = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
        rows = super().get_queryset(request).defer("header")
        return rows.annotate(site=Value(site, output_field=CharField()))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DataFile], search_term: str
    ) -> tuple[QuerySet[DataFile], bool]:
        """Find files as `list_files` does."""
        return files_with_text(search_term, within=queryset), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return what may be done with ticked files; `remove` says more than Django's deletion."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        actions["export"] = (export_files, "export", "Export")
        return with_changes(actions, FILE_ACTIONS, self.may_change(request))

    def consequences(self, request: HttpRequest, obj: DataFile) -> Sequence[str]:
        """Return what removing a file means: the plan of the removal."""
        plan = RemoveFiles(files=DataFile.objects.filter(pk=obj.pk)).plan()
        return (*plan.warnings, *plan.effects)

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
    @once_a_row
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

    @admin.display(description=_("contigs"))
    @once_a_row
    def contig_count(self, row: DataFile) -> int:
        return row.contigs.count()

    @admin.display(description=_("the first of them"))
    @once_a_row
    def first_contigs(self, row: DataFile) -> SafeString:
        contigs = row.contigs.select_related("sequence").defer("index").order_by("number")[:SHOWN]
        heads = (_("name"), _("length"), _("sequence"), _("mapped"), _("unmapped"))
        rows = [
            (one.name, one.length, one.sequence and Link(str(one.sequence), f"/sequences/{one.sequence}"), one.mapped,
             one.unmapped)
            for one in contigs
        ]  # fmt: skip
        return shown_rows(heads, rows, of=self.contig_count(row))

    @admin.display(description=_("commands"))
    @once_a_row
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
