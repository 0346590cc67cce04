"""Translates errors of database constraints and triggers into messages for people."""

from django.apps import apps
from django.db import DatabaseError
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


def explain(error: DatabaseError) -> str:
    """Return the message of the violated constraint, or else the error's own message."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    messages = BY_TRIGGER | {
        constraint.name: constraint.violation_error_message
        for model in apps.get_app_config("catalogue").get_models()
        for constraint in model._meta.constraints
    }
    return str(messages.get(name, error))
