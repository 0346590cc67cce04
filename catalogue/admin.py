"""The data stewards' pages. What defines itself (digests, lengths, places) is shown, never edited."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import CharField, Count, F, Model, Q, QuerySet, Value
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalogue.formats.digests import DigestKind, parse_digest, sq_name
from catalogue.models import (
    Alias,
    CollectionMember,
    Contig,
    DataFile,
    Dataset,
    IngestedFile,
    IngestRun,
    NamingAuthority,
    Sequence,
    SequenceCollection,
)

#: Members, contigs or files beyond this are counted, not listed, on the page of what they belong to.
SHOWN = 200


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Takes PostgreSQL's own estimate of a table's rows when nothing narrows the list: millions are not counted."""

    EXACT_BELOW = 100_000

    @cached_property
    def count(self) -> int:
        """Rows, exact for short and for narrowed lists."""
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


class Shown:
    """An admin for what only commands write: everything is there to look at, nothing to add or change."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(NamingAuthority)
class NamingAuthorityAdmin(admin.ModelAdmin[NamingAuthority]):
    """Who gives names."""

    list_display = ("name", "description")
    search_fields = ("name", "description")


class AliasInline(admin.TabularInline[Alias, Sequence]):
    """The names of one sequence."""

    model = Alias
    fields = ("authority", "name")
    autocomplete_fields = ("authority",)
    extra = 0


@admin.register(Sequence)
class SequenceAdmin(admin.ModelAdmin[Sequence]):
    """Sequences, found by any checksum or name."""

    list_display = ("__str__", "md5_hex", "length", "molecule", "circular", "held")
    list_filter = ("molecule", "circular", ("blob", admin.EmptyFieldListFilter))
    search_fields = ("aliases__name",)
    search_help_text = _("md5, trunc512, SQ. digest, a name, or authority:name")
    ordering = ("-pk",)
    inlines = (AliasInline,)
    list_select_related = ("blob",)
    paginator = EstimatingPaginator
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("served", "length", "molecule", "circular")}),
        (_("Digests"), {"fields": ("md5_hex", "trunc512", "ga4gh")}),
        (_("Where it lies"), {"fields": ("held", "blob", "offset", "collections", "created")}),
    )
    readonly_fields = (
        "served",
        "length",
        "md5_hex",
        "trunc512",
        "ga4gh",
        "held",
        "blob",
        "offset",
        "collections",
        "created",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Sequence], search_term: str
    ) -> tuple[QuerySet[Sequence], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if digest := parse_digest(term):
            kind, value = digest
            return queryset.filter(Q(md5=value) if kind is DigestKind.MD5 else Q(sha512t24u=value)), False
        named = Q(name=term)
        authority, colon, name = term.partition(":")
        if colon:
            named |= Q(name=name, authority__name__iexact=authority)
        return queryset.filter(pk__in=Alias.objects.filter(named).values("sequence")), False

    @admin.display(description="md5")
    def md5_hex(self, row: Sequence) -> str:
        return bytes(row.md5).hex()

    @admin.display(description="trunc512")
    def trunc512(self, row: Sequence) -> str:
        return "" if row.sha512t24u is None else bytes(row.sha512t24u).hex()

    @admin.display(description="GA4GH")
    def ga4gh(self, row: Sequence) -> str:
        return "" if row.sha512t24u is None else f"ga4gh:{sq_name(bytes(row.sha512t24u))}"

    @admin.display(boolean=True, description=_("held here"))
    def held(self, row: Sequence) -> bool:
        return row.blob_id is not None

    @admin.display(description=_("served as"))
    def served(self, row: Sequence) -> SafeString:
        first = f"/sequence/{row}?{urlencode({'start': 0, 'end': min(row.length, 1000)})}"
        return format_html(
            '<a href="{}">{}</a> · <a href="{}">{}</a>',
            first,
            _("the first residues"),
            f"/sequence/{row}/metadata",
            _("metadata"),
        )

    @admin.display(description=_("collections"))
    def collections(self, row: Sequence) -> SafeString:
        members = row.memberships.select_related("collection")[:SHOWN]
        return format_html_join(", ", "{} ({})", ((member.collection, member.name) for member in members))


class MemberInline(Shown, admin.TabularInline[CollectionMember, SequenceCollection]):
    """The first members of a collection, in order."""

    model = CollectionMember
    fields = ("position", "name", "sequence")
    show_change_link = False
    can_delete = False
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[CollectionMember]:
        return super().get_queryset(request).select_related("sequence").filter(position__lt=SHOWN)


@admin.register(SequenceCollection)
class SequenceCollectionAdmin(admin.ModelAdmin[SequenceCollection]):
    """Assemblies: their members are what was ingested, their description is the steward's."""

    list_display = ("name", "description", "sequences", "created")
    search_fields = ("name", "description")
    readonly_fields = ("name", "sequences", "created")
    inlines = (MemberInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SequenceCollection]:
        return super().get_queryset(request).annotate(sequence_count=Count("members"))

    @admin.display(ordering="sequence_count", description=_("sequences"))
    def sequences(self, row: Any) -> int:
        count: int = row.sequence_count
        return count


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin[Dataset]):
    """What a steward publishes together."""

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

    @admin.display(ordering="files_registered", description=_("files"))
    def file_count(self, row: Any) -> int:
        count: int = row.files_registered
        return count


class ContigInline(Shown, admin.TabularInline[Contig, DataFile]):
    """The first contigs of a file."""

    model = Contig
    fields = ("name", "length", "sequence", "mapped", "unmapped")
    can_delete = False
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contig]:
        rows = super().get_queryset(request).select_related("sequence").defer("index")
        return rows.filter(number__lt=SHOWN)


@admin.register(DataFile)
class DataFileAdmin(admin.ModelAdmin[DataFile]):
    """Stored files: read from their content, moved between datasets here."""

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
    list_filter = ("state", "kind", "format", "dataset")
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
        (_("How to fetch it"), {"fields": ("commands",)}),
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

    @admin.display(ordering="size", description=_("size"))
    def stored_size(self, row: DataFile) -> str:
        return filesizeformat(row.size)

    @admin.display(description=_("samples"))
    def sample_names(self, row: DataFile) -> str:
        shown = ", ".join(row.samples[:5])
        return shown if len(row.samples) <= 5 else f"{shown} … ({len(row.samples)})"

    @admin.display(ordering="contigs_declared", description=_("contigs"))
    def contig_count(self, row: Any) -> int:
        count: int = row.contigs_declared
        return count

    @admin.display(description="")
    def commands(self, row: Any) -> SafeString:
        url = f"{row.site}/{row.kind}/{row.htsget_id}"
        first = row.contigs.order_by(F("mapped").desc(nulls_last=True), "number").first()
        query: dict[str, str | int] = {"format": row.format}
        if first is not None and row.index_kind:
            query |= {"referenceName": first.name, "start": 0, "end": min(first.length or 1000, 1000)}
        ticket = f"{url}?{urlencode(query)}"
        tool = "samtools view" if row.kind == "reads" else "bcftools view"
        lines = (f"{tool} '{ticket}'", f"curl '{ticket}'")
        return format_html_join(
            "",
            '<p><code>{}</code> <button type="button" class="button" data-copy="{}" data-done="{}">{}</button></p>',
            ((line, line, _("Copied"), _("Copy")) for line in lines),
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
