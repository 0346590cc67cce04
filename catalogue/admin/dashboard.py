"""The first page of the desk: what needs attention, counts, storage used, and tickets a day."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from catalogue.admin.references import may_repair
from catalogue.admin.roles import managed_by, scope, sees, sees_all
from catalogue.models import AuditEvent, DataFile, Dataset, IngestRun, Sequence
from catalogue.queries import attention
from catalogue.queries.attention import Counted

_BROKEN = (DataFile.State.MISSING, DataFile.State.CHANGED, DataFile.State.CORRUPT)
#: The height of the chart's bars, and the distance between two of them.
_BAR_HEIGHT, _BAR_STEP = 90, 30


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the account may see of each part to the context of the first page."""
    return {
        **context,
        "title": "What needs attention",
        "attention": [*_files(request), *_references(request), *_runs(request)],
        "figures": _figures(request),
        "finds_files": sees(request, DataFile),
        "storages": attention.storage_used(of=_rows(request, DataFile)) if sees(request, DataFile) else [],
        "chart": _chart(request) if sees(request, AuditEvent) else None,
    }


def _rows(request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """Return the rows that the account may see, without what the list of them adds."""
    return model._default_manager.filter(scope(request, model))


def _datasets(request: HttpRequest) -> QuerySet[Dataset] | None:
    """Return the datasets that counts are limited to; None for an account that sees all files."""
    return None if sees_all(request, DataFile) else managed_by(request)[0]


def _entry(text: str, count: Counted, url: str, *, kind: str, **query: str) -> dict[str, Any]:
    link = reverse(f"admin:{url}") + (f"?{urlencode(query)}" if query else "")
    return {"text": text, "count": count, "link": link, "kind": kind if count else "good"}


def _files(request: HttpRequest) -> list[dict[str, Any]]:
    if not sees(request, DataFile):
        return []
    rows = _rows(request, DataFile)
    return [
        _entry(
            f"files {state.value}", attention.files_in_state(state, of=rows), "catalogue_datafile_changelist",
            kind="bad", state__exact=state.value,
        )
        for state in _BROKEN
    ]  # fmt: skip


def _references(request: HttpRequest) -> list[dict[str, Any]]:
    if not sees(request, DataFile):
        return []
    of = _datasets(request)
    unlinked = attention.count_some(attention.contigs_without_sequence(of=of))
    page = "references" if may_repair(request) else "catalogue_datafile_changelist"
    entries = [_entry("contigs without a sequence", unlinked, page, kind="warn")]
    unheld = attention.count_some(attention.sequences_not_held(of=of))
    url = "catalogue_sequence_changelist" if sees(request, Sequence) else page
    query = {"blob__isempty": "1"} if sees(request, Sequence) else {}
    return [*entries, _entry("sequences named but not held", unheld, url, kind="warn", **query)]


def _runs(request: HttpRequest) -> list[dict[str, Any]]:
    if not sees(request, IngestRun):
        return []
    # What a preview found wrong, whoever asked for it has seen.
    rows = _rows(request, IngestRun).filter(dry_run=False)
    states = (
        (IngestRun.Outcome.FAILED, "bad"),
        (IngestRun.Outcome.INTERRUPTED, "warn"),
        (IngestRun.Outcome.RUNNING, "note"),
    )
    return [
        _entry(
            f"{state.value} jobs" + (" this week" if kind != "note" else ""),
            attention.runs_in_state(state, of=rows), "catalogue_ingestrun_changelist",
            kind=kind, outcome__exact=state.value, dry_run__exact="0",
        )
        for state, kind in states
    ]  # fmt: skip


def _figures(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the counts of what the account may see, with their names."""
    figures = []
    for model, name in ((Dataset, "datasets"), (DataFile, "files"), (Sequence, "sequences")):
        if not sees(request, model):
            continue
        seen = admin.site.get_model_admin(model)
        rows = model._default_manager.all() if model is Sequence else _rows(request, model)
        rows = rows.order_by("pk")
        figures.append((name, f"{seen.get_paginator(request, rows, 1).count:,}"))
    return figures


def _chart(request: HttpRequest) -> dict[str, Any]:
    """Return the bars of the chart of tickets, in the units of its drawing."""
    days = attention.tickets_by_day(of=scope(request, AuditEvent))
    highest = max((day.tickets for day in days), default=0)
    bars = []
    for number, day in enumerate(days):
        height = round(_BAR_HEIGHT * day.tickets / highest) if highest else 0
        bars.append(
            {"x": number * _BAR_STEP + 4, "y": _BAR_HEIGHT + 14 - height, "height": height, "day": day}
        )
    return {"bars": bars, "total": sum(day.tickets for day in days), "highest": highest}
