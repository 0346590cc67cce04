"""Which sequences an account may register, and from which files."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from catalogue import access
from catalogue.access import Viewer
from catalogue.models import SequenceCollection, Upload
from catalogue.stewardship.refusals import NotAllowed
from catalogue.stewardship.registration import check_place


def may_register_sequences(user: Any) -> bool:
    """Return whether the account may add sequences."""
    return bool(user.is_active and user.has_perm("catalogue.add_sequence"))


def readable_collections(user: Any) -> QuerySet[SequenceCollection]:
    """Return the collections that the account may read, the same as with its API tokens."""
    if user.has_perm("catalogue.view_sequencecollection"):
        return SequenceCollection.objects.all()
    return access.readable_collections(Viewer(name=user.get_username(), user=user.pk))


def may_register_tables(user: Any) -> bool:
    """Return whether the account may add names of sequences, and annotation, which brings sequences and names."""
    return may_register_sequences(user) and bool(user.has_perm("catalogue.add_alias"))


def check_tables(user: Any, arguments: Mapping[str, Any]) -> None:
    """Raise NotAllowed unless the account may add names and annotation, and may read every file that they are in."""
    if not may_register_tables(user):
        raise NotAllowed("You may not register names or annotation.")
    check_sequences(user, arguments)


def check_sequences(user: Any, arguments: Mapping[str, Any]) -> None:
    """Raise NotAllowed unless the account may add sequences, and may read every file that they are in."""
    if not may_register_sequences(user):
        raise NotAllowed("You may not register sequences.")
    places = access.browsable_places(user)
    for argument in map(str, arguments.get("files", ())):
        name, _, key = argument.partition(":")
        uploaded = Upload.objects.filter(account=user.pk, storage=name, key=key).exclude(finished=None)
        if not uploaded.exists():
            check_place(places, argument)
