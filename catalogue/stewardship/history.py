"""Writes changes that are not made on the desk into its history of each row, and into the audit."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model

from catalogue.audit import Event, Kind, record

_VERBS = {"added": ADDITION, "changed": CHANGE, "removed": DELETION}


def in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what became of each field that changed, with what it was before."""
    return "; ".join(
        f"{name.replace('_', ' ')} from {_shown(before[name])} to {_shown(after[name])}"
        for name in after
        if before[name] != after[name]
    )


def note(account: User, row: Model, change: str, message: str) -> None:
    """Write the history of a row: it was added, changed or removed by the API. Call it before a removal."""
    LogEntry.objects.log_actions(
        account.pk, [row], _VERBS[change], change_message=f"API: {message or change}", single_object=True
    )


def record_change(row: Model, message: str, *, dataset: str) -> None:
    """Record in the audit what was changed by the API."""
    target = f"{row._meta.model_name} {row.pk}: {row}"
    detail = {"change": "changed", "through": "api", "message": message}
    record(Event(Kind.ADMIN, dataset=dataset, target=target, detail=detail))


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "") else f"“{value}”"
