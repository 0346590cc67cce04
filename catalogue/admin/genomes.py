"""Admin of genomes: assemblies with annotation. Files bring them in; here they are looked at and removed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from catalogue.admin.base import Audited, Shown
from catalogue.admin.roles import ByRole
from catalogue.ingest.annotation.removal import remove_genomes
from catalogue.models import Genome


@admin.register(Genome)
class GenomeAdmin(Shown, ByRole[Genome], Audited[Genome]):
    """Genomes. Each is as visible as its collection, whose page changes that."""

    of_collection = "collection"
    ordering = ("genome_id",)
    list_display = (
        "genome_id", "scientific_name", "assembly_name", "release", "visibility", "genes", "transcripts",
    )  # fmt: skip
    list_filter = ("collection__visibility", "is_reference")
    list_select_related = ("collection",)
    search_fields = ("genome_id", "scientific_name", "common_name", "assembly_name", "assembly_accession")
    search_help_text = _("part of an id, a species, or an assembly's name or accession")
    fields = (
        "genome_id", "genes_page", "visibility", "collection", "authority", "scientific_name", "common_name",
        "taxon_id", "assembly_name", "assembly_accession", "is_reference", "provider", "release", "release_date",
        "genes", "transcripts", "ingested",
    )  # fmt: skip
    readonly_fields = fields

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return no action: a genome is removed on its own page, which says what goes with it."""
        return {}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what is removed with a genome, counted: Django would list every gene."""
        counts = {
            _("genes"): sum(genome.genes for genome in objs),
            _("transcripts"): sum(genome.transcripts for genome in objs),
        }
        return [str(genome) for genome in objs], counts, set(), []

    def consequences(self, request: HttpRequest, obj: Genome) -> list[str]:
        """Return what a removal means."""
        return [
            "Its sequences of transcripts and proteins stay, with their names, and are as private as before.",
            "Clients that ask for its genes by GraphQL are told that there is no such genome.",
        ]

    def delete_model(self, request: HttpRequest, obj: Genome) -> None:
        """Remove a genome as `remove_genome` does."""
        remove_genomes([obj.genome_id], dry_run=False)

    @admin.display(description=_("visibility"))
    def visibility(self, row: Genome) -> str:
        return row.collection.get_visibility_display()

    @admin.display(description=_("its genes"))
    def genes_page(self, row: Genome) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', reverse("genome", args=[row.genome_id]), _("as visitors see them")
        )
