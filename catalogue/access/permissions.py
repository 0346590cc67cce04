"""Decides what a viewer may have of each file now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings

from catalogue.access.grants import GrantedRegion, HeldGrant, held_grants
from catalogue.access.leases import NO_LEASE, Lease
from catalogue.access.viewer import Viewer
from catalogue.models import Dataset

#: Upper bound of the grants that one permission rests on; further grants are ignored.
MAX_GRANTS = 64


@dataclass(frozen=True, slots=True)
class Permission:
    """What a viewer may have of one file: always its header, and all records if `whole`, else those of `regions`.

    `until` is when the permission ends, in seconds since 1970, as far as is known now.
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
    """Return the permission of the viewer on each file, by the file's id; files without permission are left out.

    Makes one database query, or none when every dataset is public or the viewer is anonymous. Where controlled datasets
    are hidden it queries even without any file, so that an unknown id takes as long as a hidden one.
    """
    given = {asked.file: OPEN for asked in files if asked.visibility == Dataset.Visibility.PUBLIC}
    rest = [asked for asked in files if asked.file not in given]
    if viewer.name is None or (not rest and (files or not settings.HIDE_CONTROLLED)):
        return given
    rest = [asked for asked in rest if viewer.in_scope(asked.kind) and viewer.file in (None, asked.file)]
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
    """Return the permission that grants give together. It rests on as few grants as needed, the longest first."""
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
