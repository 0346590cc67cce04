"""What one person may see, and why: for the page of a person on the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from catalogue.models import Dataset, Grant

# Upper bound of the open datasets that the page lists.
_MAX_OPEN = 200


@dataclass(frozen=True, slots=True)
class Access:
    """A grant that lets a person see something. `through` is their group where it is not to themselves."""

    grant: int
    what: str
    role: str
    through: str
    limits: str
    expires: datetime | None
    ended: bool


def grants_of(user: User, *, within: QuerySet[Grant]) -> list[Access]:
    """Return the grants to a person and to their groups, among those that the caller may see; ended ones last.

    Grants to holders of a visa are left out: who holds one is known only when it is shown.
    """
    mine = Q(user=user) | Q(group__in=user.groups.all())
    rows = within.filter(mine).select_related("dataset", "collection", "group")
    now = timezone.now()
    found = [_access(row, now) for row in rows.prefetch_related("files", "regions")]
    return sorted(found, key=lambda one: (one.ended, one.what))


def open_datasets(*, within: QuerySet[Dataset]) -> Sequence[Dataset]:
    """Return the datasets that need no grant: of everybody, and of whoever is signed in."""
    rows = within.exclude(visibility=Dataset.Visibility.CONTROLLED)
    return list(rows.order_by("visibility", "slug")[:_MAX_OPEN])


def _access(row: Grant, now: datetime) -> Access:
    limits = [*row.kinds, *(["headers"] if row.header_only else [])]
    if row.limited_to_files:
        limits.append(f"{len(row.files.all())} files")
    if row.limited_to_regions:
        limits.append(f"{len(row.regions.all())} regions")
    return Access(
        grant=row.pk,
        what=str(row.dataset or row.collection),
        role=row.role,
        through=str(row.group) if row.group_id else "",
        limits=", ".join(limits),
        expires=row.expires,
        ended=row.expires is not None and row.expires <= now,
    )
