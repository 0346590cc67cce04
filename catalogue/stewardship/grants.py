"""Grants access to what an account manages, and takes it back."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model, QuerySet

from catalogue import access
from catalogue.models import DataFile, Dataset, Grant, GrantFile, GrantRegion, SequenceCollection
from catalogue.stewardship.history import note
from catalogue.stewardship.refusals import NotAllowed, Unusable, told_by_field

Managed = tuple[QuerySet[Dataset], QuerySet[SequenceCollection]]
_PLAIN: Final = ("role", "expires", "kinds", "header_only", "note")


def role_fault(
    what: Dataset | SequenceCollection | None, role: str | None, *, managed: Managed, owned: Managed
) -> str | None:
    """Return why an account that manages and owns these may not give a role of `what`; None if it may.

    Stewards grant access to readers, owners also appoint owners and stewards.
    """
    if not _is_among(what, managed):
        return "You cannot grant access to this: you are no steward or owner of it."
    if role not in {None, Grant.Role.READER} and not _is_among(what, owned):
        return "Only an owner gives or changes the roles of owner and steward."
    return None


def _is_among(what: Dataset | SequenceCollection | None, managed: Managed) -> bool:
    if what is None:
        return False
    datasets, collections = managed
    return (datasets if isinstance(what, Dataset) else collections).filter(pk=what.pk).exists()


def create_grant(wanted: Mapping[str, Any], *, account: User) -> Grant:
    """Grant access as `wanted` says: to `dataset` or `collection`, for `user`, `group` or `visa`, with limits.

    `files` (numbers) and `regions` limit the grant where they are given. Raises NotAllowed, Unusable, WriteConflict.
    """
    with transaction.atomic(), told_by_field():
        what = _what(wanted)
        _check(what, wanted.get("role"), account, "add")
        if what is None:
            raise Unusable("a grant is of a dataset or of a collection that exists")
        grant = Grant(**{name: wanted[name] for name in _PLAIN if name in wanted}, **_grantee(wanted))
        if isinstance(what, Dataset):
            grant.dataset = what
        else:
            grant.collection = what
        files, regions = wanted.get("files"), wanted.get("regions")
        grant.limited_to_files, grant.limited_to_regions = files is not None, regions is not None
        grant.full_clean()
        grant.save()
        _limit(grant, files or (), regions or ())
        note(account, grant, "added", f"{grant.role} of {what}")
    return grant


def remove_grant(number: int, *, account: User, unchanged: Callable[[], None]) -> None:
    """Take a grant back: a steward those to readers, an owner any. Raises NotFound by `unchanged`, and NotAllowed."""
    with transaction.atomic():
        rows = access.visible_grants(account).filter(pk=number)
        grant = rows.select_for_update(of=("self",)).first()
        unchanged()
        if grant is None:
            raise NotAllowed("you do not manage what this grant is of")
        _check(grant.dataset or grant.collection, grant.role, account, "delete")
        note(account, grant, "removed", str(grant))
        grant.delete()


def _check(what: Dataset | SequenceCollection | None, role: str | None, account: User, verb: str) -> None:
    if account.has_perm(f"catalogue.{verb}_grant"):
        return
    managed, owned = (
        (
            access.managed_datasets(account.pk, owned=of_owner),
            access.managed_collections(account.pk, owned=of_owner),
        )
        for of_owner in (False, True)
    )
    if fault := role_fault(what, role, managed=managed, owned=owned):
        raise NotAllowed(fault)


def _what(wanted: Mapping[str, Any]) -> Dataset | SequenceCollection | None:
    if ("dataset" in wanted) == ("collection" in wanted):
        raise Unusable("give either a dataset or a collection")
    if "dataset" in wanted:
        return Dataset.objects.filter(slug=wanted["dataset"]).first()
    return SequenceCollection.objects.filter(name=wanted["collection"]).first()


def _grantee(wanted: Mapping[str, Any]) -> dict[str, Any]:
    given = [name for name in ("user", "group", "visa") if name in wanted]
    if len(given) != 1:
        raise Unusable("give one of user, group and visa")
    if given == ["visa"]:
        return {f"visa_{name}": value for name, value in wanted["visa"].items()}
    models: Mapping[str, tuple[type[Model], str]] = {
        "user": (get_user_model(), "username"),
        "group": (Group, "name"),
    }
    model, field = models[given[0]]
    found = model._default_manager.filter(**{field: wanted[given[0]]}).first()
    if found is None:
        raise Unusable(f"{given[0]}: there is nobody of this name")
    return {given[0]: found}


def _limit(grant: Grant, files: Any, regions: Any) -> None:
    known = DataFile.objects.filter(pk__in=files, dataset=grant.dataset_id).defer("header").in_bulk()
    for number in files:
        if number not in known:
            raise Unusable(f"files: the dataset has no file of the number {number}")
        GrantFile.objects.create(grant=grant, file=known[number])
    for region in regions:
        row = GrantRegion(grant=grant, **region)
        row.full_clean()
        row.save()
