"""Admin pages of sequences, their aliases, and collections."""

from collections.abc import Sequence as List
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Case, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from catalogue import access
from catalogue.admin.base import SHOWN, Audited, EstimatingPaginator, Link, once_a_row, shown_rows
from catalogue.admin.roles import ByRole
from catalogue.admin.unfolded import TabularInline
from catalogue.formats.digests import DigestKind, parse_digest, sq_name
from catalogue.models import (
    Alias,
    CollectionMember,
    NamingAuthority,
    Sequence,
    SequenceCollection,
)
from catalogue.queries.sequence_names import MAX_NAMES, sequences_named
from catalogue.stewardship import readable_collections

#: Where there are so many assemblies, the name of one is typed, not chosen.
MAX_CHOICES = 300


@admin.register(NamingAuthority)
class NamingAuthorityAdmin(Audited[NamingAuthority]):
    """Naming authorities, who give names to sequences."""

    list_display = ("name", "description", "private")
    search_fields = ("name", "description")


#: The name by which a sequence is listed: of the first of these authorities that names it, or else of any, or else of
#: the first collection that it is in.
_PREFERRED = ("refseq", "insdc", "ensembl", "ucsc")
_RANKS = (When(authority__name__iexact=name, then=Value(rank)) for rank, name in enumerate(_PREFERRED))
_ALIASES = Alias.objects.filter(sequence=OuterRef("pk"), collection=None).annotate(
    rank=Case(*_RANKS, default=Value(len(_PREFERRED)))
)
_MEMBERS = CollectionMember.objects.filter(sequence=OuterRef("pk"))
_BEST_NAME = Coalesce(
    Subquery(
        _ALIASES.order_by("rank", "name").values(shown=Concat("authority__name", Value(":"), "name"))[:1]
    ),
    Subquery(
        _MEMBERS.order_by("pk").values(shown=Concat("name", Value(" ("), "collection__name", Value(")")))[:1]
    ),
)


class AliasInline(TabularInline[Alias, Sequence]):
    """The names of one sequence."""

    model = Alias
    fields = ("authority", "name", "collection")
    readonly_fields = ("collection",)
    autocomplete_fields = ("authority",)
    extra = 0


@admin.register(Sequence)
class SequenceAdmin(Audited[Sequence]):
    """Sequences, found by any checksum or name."""

    list_display = ("best_name", "__str__", "md5_hex", "length", "molecule", "circular", "held", "private")
    list_filter = ("private", "molecule", "circular", ("blob", admin.EmptyFieldListFilter))
    search_fields = ("aliases__name",)
    search_help_text = _(
        "a checksum, authority:name, or a part of a name; of an accession its beginning, or its number"
    )
    ordering = ("-pk",)
    inlines = (AliasInline,)
    list_select_related = ("blob",)
    paginator = EstimatingPaginator
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("served", "length", "molecule", "circular", "private")}),
        (_("Digests"), {"fields": ("md5_hex", "trunc512", "ga4gh")}),
        (_("Where it lies"), {"fields": ("held", "blob", "offset", "collections", "created")}),
    )
    actions = ("publish",)
    readonly_fields = (
        "served",
        "private",
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sequence]:
        return super().get_queryset(request).annotate(known_as=_BEST_NAME)

    @admin.display(description=_("name"))
    def best_name(self, row: Any) -> str:
        return str(row.known_as or _("without a name"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Sequence], search_term: str
    ) -> tuple[QuerySet[Sequence], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if digest := parse_digest(term):
            kind, value = digest
            return queryset.filter(Q(md5=value) if kind is DigestKind.MD5 else Q(sha512t24u=value)), False
        steps = sequences_named(term, aliases=Alias.objects.all(), members=CollectionMember.objects.all())
        found, more = set(), False
        for step in steps:
            found |= {named.pk for named in step}
            more |= len(step) >= MAX_NAMES
        if more:
            self.message_user(
                request, _("Many names have this; not all are listed. Add letters."), messages.WARNING
            )
        return queryset.filter(pk__in=found), False

    @admin.action(description=_("Publish those that lie in no collection"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Sequence]) -> None:
        """Publish sequences whose private collection was deleted; others are published with their collection."""
        chosen = queryset.filter(private=True, memberships=None, derivations=None)
        for sequence in chosen:
            self.log_change(request, sequence, "published")
        count = access.publish_sequences(Sequence.objects.filter(pk__in=[row.pk for row in chosen]))
        self.message_user(
            request, ngettext("%d sequence was published.", "%d sequences were published.", count) % count
        )

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
    @once_a_row
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
    @once_a_row
    def collections(self, row: Sequence) -> SafeString:
        members = row.memberships.select_related("collection")[:SHOWN]
        return format_html_join(", ", "{} ({})", ((member.collection, member.name) for member in members))


_COUNTED = CollectionMember.objects.filter(collection=OuterRef("pk")).order_by().values("collection")
#: The content of a collection knows its size; members are counted where there is none.
_SIZE = Coalesce(
    "content__size",
    Subquery(_COUNTED.annotate(number=Count("*")).values("number")),
    0,
    output_field=IntegerField(),
)


def offer_collections(form: forms.Form, request: HttpRequest) -> None:
    """Let the field `collection` of a form take what the account may read: chosen, or typed where there are many."""
    field = cast("forms.ModelChoiceField[SequenceCollection]", form.fields["collection"])
    choices = readable_collections(request.user)
    if choices[:MAX_CHOICES].count() == MAX_CHOICES:
        field.widget, field.help_text = forms.TextInput(), f"Its name. {field.help_text}".strip()
        field.error_messages["invalid_choice"] = "There is no assembly of this name."
    field.queryset = choices


def _picks_for_dataset(request: HttpRequest) -> bool:
    """Return whether the request asks for the choices of `Dataset.collection`."""
    asked = (request.GET.get("app_label"), request.GET.get("model_name"), request.GET.get("field_name"))
    match = request.resolver_match
    return (
        match is not None
        and match.url_name == "autocomplete"
        and asked == ("catalogue", "dataset", "collection")
    )


@admin.register(SequenceCollection)
class SequenceCollectionAdmin(ByRole[SequenceCollection], Audited[SequenceCollection]):
    """Collections. Members come from the ingest, the description from the steward.

    Create a private collection here first, then fill it with `ingest_fasta`.
    """

    of_collection = "pk"
    ordering = ("name",)
    list_display = ("name", "visibility", "description", "sequences", "created")
    list_filter = ("visibility",)
    search_fields = ("name", "description")
    readonly_fields = ("sequences", "created", "first_members")

    def consequences(self, request: HttpRequest, obj: SequenceCollection) -> List[str]:
        """Return what deleting a collection means."""
        said = ["Its sequences stay, with the names that did not come with this collection."]
        if obj.visibility == SequenceCollection.Visibility.PRIVATE:
            said.append("Sequences that are private stay private, until somebody publishes them.")
        if datasets := obj.datasets.count():
            said.append(
                f"{datasets:,} datasets lose their assembly: contigs without an md5 lose their sequence."
            )
        return said

    def get_readonly_fields(
        self, request: HttpRequest, obj: SequenceCollection | None = None
    ) -> tuple[str, ...]:
        """Return the fields that the account cannot change; the name is given by the ingest."""
        known = ("name",) if obj is not None else ()
        return (*self.readonly_fields, *known, *self.fixed_visibility(request, obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SequenceCollection]:
        rows = super().get_queryset(request)
        if _picks_for_dataset(request) and not self.sees_everything(request):
            rows = readable_collections(request.user).order_by(*self.ordering)
        return rows.annotate(sequence_count=_SIZE)

    @admin.display(ordering="sequence_count", description=_("sequences"))
    def sequences(self, row: Any) -> int:
        count: int = row.sequence_count
        return count

    @admin.display(description=_("members"))
    @once_a_row
    def first_members(self, row: Any) -> SafeString:
        members = row.members.select_related("sequence").order_by("position")[:SHOWN]
        of_sequence = "admin:catalogue_sequence_change"
        rows = [
            (one.position, one.name, Link(str(one.sequence), reverse(of_sequence, args=(one.sequence_id,))))
            for one in members
        ]
        return shown_rows((_("position"), _("name"), _("sequence")), rows, of=self.sequences(row))
