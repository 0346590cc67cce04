"""What of a file a viewer may have now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from catalogue.access.grants import GrantedRegion, HeldGrant, held_grants
from catalogue.access.leases import NO_LEASE, Lease
from catalogue.access.viewer import Viewer
from catalogue.models import Dataset

#: A permission rests on no more grants than this; more are passed over.
MAX_GRANTS = 64


@dataclass(frozen=True, slots=True)
class Permission:
    """What of one file a viewer may have: its header always; all of it when `whole`; else the records of `regions`.

    `until` is when that ends, in seconds since 1970, as far as it is known now.
    """

    whole: bool
    regions: tuple[GrantedRegion, ...] = ()
    lease: Lease = NO_LEASE
    until: float | None = None


OPEN = Permission(whole=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """One file that a viewer asks for."""

    file: int
    kind: str
    dataset: int
    visibility: str


def permissions(viewer: Viewer, files: Sequence[Asked]) -> dict[int, Permission]:
    """Return what the viewer may have of each file, by its id; files that are not for them are missing.

    Asks the database once, and not at all where every dataset is public or the viewer is nobody. Where controlled
    datasets are hidden it also asks when there are no files at all: an unknown id takes as long as a hidden one.
    """
    given = {asked.file: OPEN for asked in files if asked.visibility == Dataset.Visibility.PUBLIC}
    rest = [asked for asked in files if asked.file not in given]
    if viewer.name is None or (not rest and (files or not settings.HIDE_CONTROLLED)):
        return given
    rest = [asked for asked in rest if viewer.in_scope(asked.kind)]
    controlled = [asked for asked in rest if asked.visibility != Dataset.Visibility.REGISTERED]
    for asked in rest:
        if asked.visibility == Dataset.Visibility.REGISTERED:
            given[asked.file] = Permission(whole=True, lease=_lease(viewer, ()), until=viewer.expires)
    if controlled or not files:
        datasets = {asked.dataset for asked in controlled}
        held = held_grants(viewer, datasets=datasets, files=[asked.file for asked in controlled])
        for asked in controlled:
            grants = [
                grant
                for grant in held
                if grant.covers(file=asked.file, kind=asked.kind, dataset=asked.dataset)
            ]
            if grants:
                given[asked.file] = _united(viewer, grants)
    return given


def _united(viewer: Viewer, grants: Sequence[HeldGrant]) -> Permission:
    """Return what several grants add up to. It rests on as few of them as it needs, and on those that last longest."""
    lasting = sorted(
        grants, key=lambda grant: float("inf") if grant.until is None else grant.until, reverse=True
    )
    whole = next((grant for grant in lasting if grant.whole), None)
    if whole is not None:
        return Permission(
            whole=True, lease=_lease(viewer, [whole]), until=_earliest(viewer.expires, whole.until)
        )
    limited = [grant for grant in lasting if grant.regions is not None][:MAX_GRANTS] or lasting[:1]
    regions = [region for grant in limited for region in grant.regions or ()]
    return Permission(
        whole=False,
        regions=tuple(sorted(regions, key=lambda region: (region.contig, region.start, region.end))),
        lease=_lease(viewer, limited),
        until=_earliest(viewer.expires, *(grant.until for grant in limited)),
    )


def _lease(viewer: Viewer, grants: Iterable[HeldGrant]) -> Lease:
    return Lease(
        holder=viewer.holder,
        user=viewer.user,
        token=viewer.token,
        grants=tuple((grant.pk, grant.revision) for grant in grants),
    )


def _earliest(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
