"""Lists for accounts, in pages: runs, their inputs, and grants; and the genomes that the viewer may see."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from catalogue import access
from catalogue.access import Viewer
from catalogue.models import Genome, Grant, IngestedFile, IngestRun
from catalogue.queries.annotation.genomes import readable_genomes
from catalogue.queries.listings import Asked, Page, check_text, number_of, only, page_of
from catalogue.queries.text import storable


def run_page(asked: Asked, *, outcome: str = "", command: str = "") -> Page:
    """Return the ingests and jobs that the account of the viewer may see."""
    rows = _runs(asked.viewer)
    if outcome:
        rows = rows.filter(outcome=outcome)
    if command:
        check_text(command)
        rows = rows.filter(command=command)
    return page_of(rows, asked)


def one_run(number: str, *, viewer: Viewer) -> IngestRun:
    """Return an ingest or job by its number, with its progress. Raises NotFound."""
    rows = _runs(viewer).select_related("progress").filter(pk=number_of(number))
    run: IngestRun = only(rows, f"no run has the number {number}")
    return run


def input_page(asked: Asked, *, run: str, outcome: str = "") -> Page:
    """Return the inputs of a run, with what became of each. Raises NotFound."""
    rows = IngestedFile.objects.filter(run=one_run(run, viewer=asked.viewer))
    if outcome:
        rows = rows.filter(outcome=outcome)
    return page_of(rows.defer("work"), asked)


def grant_page(asked: Asked, *, dataset: str = "", collection: str = "", role: str = "", q: str = "") -> Page:
    """Return the grants on what the account manages; `q` is a part of the name of a grantee, or of the note."""
    rows = _grants(asked.viewer)
    for text in (dataset, collection, q):
        check_text(text)
    if dataset:
        rows = rows.filter(dataset__slug=dataset)
    if collection:
        rows = rows.filter(collection__name=collection)
    if role:
        rows = rows.filter(role=role)
    if q:
        names = ("user__username", "group__name", "visa_value", "note")
        found = Q()
        for name in names:
            found |= Q(**{f"{name}__icontains": q})
        rows = rows.filter(found)
    return page_of(rows, asked)


def one_grant(number: str, *, viewer: Viewer) -> Grant:
    """Return a grant by its number. Raises NotFound."""
    grant: Grant = only(_grants(viewer).filter(pk=number_of(number)), f"no grant has the number {number}")
    return grant


def genome_page(asked: Asked, *, q: str = "", taxon: str = "", collection: str = "") -> Page:
    """Return the genomes of collections that the viewer may read; `q` is a part of the id or of a name."""
    rows = readable_genomes(asked.viewer).select_related("collection")
    for text in (q, collection):
        check_text(text)
    if q:
        names = ("genome_id", "assembly_accession", "assembly_name", "scientific_name", "common_name")
        found = Q()
        for name in names:
            found |= Q(**{f"{name}__icontains": q})
        rows = rows.filter(found)
    if taxon:
        rows = rows.filter(taxon_id=_taxon(taxon))
    if collection:
        rows = rows.filter(collection__name=collection)
    return page_of(rows, asked)


def one_genome(genome_id: str, *, viewer: Viewer) -> Genome:
    """Return a genome by its id. Raises NotFound."""
    rows = readable_genomes(viewer).select_related("collection")
    rows = rows.filter(genome_id=genome_id) if storable(genome_id) else rows.none()
    genome: Genome = only(rows, f"no genome has the id {genome_id!r}")
    return genome


def _taxon(text: str) -> int:
    """Return the number of a taxon; -1, which none has, for text that is none or too large for the column."""
    number = number_of(text)
    return number if 0 < number < 2**31 else -1


def _grants(viewer: Viewer) -> QuerySet[Grant]:
    rows = access.visible_grants(access.desk_account(viewer))
    related = rows.select_related("dataset", "collection", "user", "group")
    return related.prefetch_related("regions", "files")


def _runs(viewer: Viewer) -> QuerySet[IngestRun]:
    account: User | None = (
        get_user_model()._default_manager.filter(pk=viewer.user or 0, is_active=True).first()
    )
    found: Any = IngestRun.objects.none() if account is None else access.visible_runs(account)
    return found  # type: ignore[no-any-return]
