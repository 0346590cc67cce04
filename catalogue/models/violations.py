"""What a refusal by the database means in plain words."""

from django.apps import apps
from django.db import DatabaseError
from django.utils.translation import gettext_lazy as _

#: What triggers refuse, by the name that they give it as a constraint.
BY_TRIGGER = {
    "grant_file_is_of_its_dataset": _("A grant can only be limited to files of its own dataset."),
    "grant_with_files_is_limited": _("A grant that names files is limited to them; remove these first."),
    "grant_with_regions_is_limited": _("A grant that names regions is limited to them; remove these first."),
    "sequence_is_published_on_purpose": _(
        "A private sequence becomes public with one of its collections, or by being published."
    ),
}


def explain(error: DatabaseError) -> str:
    """Return the message of the constraint that an error is about, or else the error's own."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    messages = BY_TRIGGER | {
        constraint.name: constraint.violation_error_message
        for model in apps.get_app_config("catalogue").get_models()
        for constraint in model._meta.constraints
    }
    return str(messages.get(name, error))
