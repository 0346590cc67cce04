"""Translates errors of database constraints and triggers into messages for people."""

import re
from typing import Any, Final

from django.apps import apps
from django.db import DatabaseError, DataError, IntegrityError
from django.utils.translation import gettext_lazy as _

#: Messages for errors of triggers, by the constraint name that they set.
BY_TRIGGER = {
    "grant_file_is_of_its_dataset": _("A grant can only be limited to files of its own dataset."),
    "grant_with_files_is_limited": _("A grant that names files is limited to them; remove these first."),
    "grant_with_regions_is_limited": _("A grant that names regions is limited to them; remove these first."),
    "genome_stays_with_its_collection": _(
        "A genome stays with its collection. Ingest the annotation again with the other collection."
    ),
    "file_id_is_not_former": _(
        "This id was that of other files before; release it first, or choose another id."
    ),
    "former_id_is_free": _("A file has this id; it cannot be a former id."),
    "sequence_is_published_on_purpose": _(
        "A private sequence becomes public with one of its collections, or by being published."
    ),
}


#: Messages for errors of what has no message of its own, by the SQLSTATE of the error.
_BY_STATE: Final = {
    "22001": _("A text is too long."),
    "22003": _("A number is too large."),
    "23502": _("A value is missing."),
    "23503": _("Something else still needs this, or what this needs is gone."),
    "23505": _("This is there already."),
    "23514": _("A value is not allowed."),
}
_KEY: Final = re.compile(r"Key \(([^)=]{1,500})\)=")


def explain(error: DatabaseError) -> str:
    """Return the message of the violated constraint, or of the kind of error; else the error's own first line.

    Names of constraints, and the rows that violate them, are in no message.
    """
    diagnosis = getattr(error.__cause__, "diag", None)
    messages = BY_TRIGGER | {
        constraint.name: constraint.violation_error_message
        for model in apps.get_app_config("catalogue").get_models()
        for constraint in model._meta.constraints
    }
    state = getattr(diagnosis, "sqlstate", None) or ""
    message = messages.get(getattr(diagnosis, "constraint_name", None) or "") or _BY_STATE.get(state)
    if state == "23505" and message is _BY_STATE[state]:
        message = _same_fields(diagnosis) or message
    if message is None and isinstance(error, IntegrityError | DataError):
        message = _("The database does not take these values.")
    return str(message or str(error).partition("\n")[0])


def _same_fields(diagnosis: Any) -> str:
    """Return the message for columns that are unique, "" where the error does not say which."""
    named = [model for model in apps.get_models() if model._meta.db_table == diagnosis.table_name]
    key = _KEY.match(diagnosis.message_detail or "")
    if not named or key is None:
        return ""
    columns = {field.column: field.verbose_name for field in named[0]._meta.concrete_fields}
    fields = [str(columns.get(column.strip(' "'), "")) for column in key[1].split(",")]
    kind = str(named[0]._meta.verbose_name)
    return f"There is a {kind} with this {' and '.join(fields)} already." if all(fields) else ""


def told(error: Exception) -> str:
    """Return the message of an error for people, as `explain` has it if the database raised it."""
    return explain(error) if isinstance(error, DatabaseError) else str(error)


def reason_of(error: BaseException) -> str:
    """Return what to tell of an error that nobody expected."""
    return explain(error) if isinstance(error, DatabaseError) else f"{type(error).__name__}: {error}"
