"""Writes changes that are not made on the desk into its history of each row, and into the audit."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet

from catalogue.audit import Event, Kind, record

_VERBS = {"added": ADDITION, "changed": CHANGE, "removed": DELETION}


def in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return what became of each field that changed, with what it was before."""
    return "; ".join(
        change_in_words(name, before[name], after[name]) for name in after if before[name] != after[name]
    )


def change_in_words(name: str, before: Any, after: Any) -> str:
    """Return what a field, or the field that a look-up path begins with, was and is, in words."""
    return f"{name.partition('__')[0].replace('_', ' ')} from {_shown(before)} to {_shown(after)}"


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
    if isinstance(value, QuerySet | list | tuple):
        value = ", ".join(map(str, value))
    return "nothing" if value in (None, "") else f"“{value}”"
