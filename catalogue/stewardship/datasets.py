"""Changes a dataset for an account that manages it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from catalogue import access
from catalogue.access import Viewer
from catalogue.ingest.files.dataset import save_dataset
from catalogue.ingest.files.visibility import SetVisibility
from catalogue.ingest.transactions import advisory_lock
from catalogue.models import Dataset, SequenceCollection
from catalogue.stewardship.history import in_words, note, record_change
from catalogue.stewardship.refusals import NotAllowed, Unusable, WriteConflict, told_by_field

_TEXTS: Final = ("title", "description", "licence", "contact")


def change_dataset(
    slug: str, wanted: Mapping[str, Any], *, account: User, viewer: Viewer, unchanged: Callable[[], None]
) -> None:
    """Set the fields of `wanted`: title, description, licence, contact, collection (a name or None) and visibility.

    `unchanged` is called once the dataset is locked, and raises if it is not what the caller knows. Nothing is changed
    unless everything is. Raises NotFound, NotAllowed, Unusable, WriteConflict.
    """
    with transaction.atomic(), told_by_field():
        # In the order of ingests, so that neither waits for the other.
        advisory_lock(f"dataset {slug}")
        row = (
            access.changeable_datasets(account)
            .select_for_update(of=("self",))
            .select_related("collection")
            .filter(slug=slug)
            .first()
        )
        unchanged()
        if row is None:
            raise NotAllowed("you do not manage this dataset")
        before = _state(row)
        _describe(row, wanted, viewer)
        if row_changed := _state(row) != before:
            row.full_clean(validate_unique=False)
            save_dataset(row)
        visibility = wanted.get("visibility", row.visibility)
        if visibility != row.visibility:
            _set_visibility(row, visibility, account)
            row.refresh_from_db()
            row_changed = True
        if row_changed:
            message = in_words(before, _state(row))
            note(account, row, "changed", message)
            record_change(row, message, dataset=row.slug)


def _describe(row: Dataset, wanted: Mapping[str, Any], viewer: Viewer) -> None:
    for name in _TEXTS:
        if name in wanted:
            setattr(row, name, wanted[name])
    if "collection" in wanted:
        row.collection = _collection(row, wanted["collection"], viewer)


def _collection(row: Dataset, name: str | None, viewer: Viewer) -> SequenceCollection | None:
    if name is None:
        return None
    if row.collection is not None and row.collection.name == name:
        return row.collection
    found = access.readable_collections(viewer).filter(name=name).first()
    if found is None:
        raise Unusable(f"collection: there is no collection named {name!r}")
    return found


def _set_visibility(row: Dataset, visibility: str, account: User) -> None:
    owned = access.changeable_datasets(account, owned=True).filter(pk=row.pk)
    if not owned.exists():
        raise NotAllowed("only an owner of the dataset sets its visibility")
    change = SetVisibility(
        datasets=Dataset.objects.filter(pk=row.pk), visibility=Dataset.Visibility(visibility)
    )
    for one in change.apply().inputs:
        if one.failed:
            raise WriteConflict(one.message)


def _state(row: Dataset) -> dict[str, Any]:
    collection = row.collection.name if row.collection is not None else None
    return {**{name: getattr(row, name) for name in (*_TEXTS, "visibility")}, "collection": collection}
