"""Who may see what: the one place that decides, before a byte, a header or an index is touched.

A dataset is public, registered (any account, and any subject of a trusted issuer) or controlled: then it takes a grant
to the viewer, to one of their groups, or to holders of a visa that they showed. Several grants add up. Being an
administrator of the site is no grant. What a viewer was given is written down as a `Lease`, so that it can be seen
later, at the delivery of data, whether it still stands.
"""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from catalogue.errors import CatalogueError, NotFound
from catalogue.formats.intervals import NO_END
from catalogue.models import Dataset, Grant, Scope, SequenceCollection

#: A permission rests on no more grants than this; more are passed over.
MAX_GRANTS = 64


class AuthenticationRequired(CatalogueError):
    """The resource is not for everybody, and nobody has shown who they are."""


class CredentialsUnverified(CatalogueError):
    """The credentials may be good, but whoever issued them cannot be asked at the moment."""


class PermissionRefused(CatalogueError):
    """The resource, or what was asked of it, is not for this viewer."""


class Hidden(NotFound):
    """What `HIDE_CONTROLLED` tells as unknown; `why` is what it would have been told as otherwise."""

    def __init__(self, told: str, why: CatalogueError) -> None:
        super().__init__(told)
        self.why = why


@dataclass(frozen=True, slots=True)
class Visa:
    """One assertion of a trusted issuer about a viewer (GA4GH Passport 1.2, "Visa Object"), found to be valid."""

    type: str
    value: str
    source: str
    issuer: str
    expires: float


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what their credentials are good for.

    `name` is None for somebody who showed no credentials, or none that are valid; `fault` then says what is wrong with
    them, and `unverified` that it may be for want of an answer from their issuer. `user` is the number of the account,
    None for a subject whom only an issuer knows. `scopes` of None are all. `expires` is when the credentials end, in
    seconds since 1970.
    """

    name: str | None = None
    user: int | None = None
    issuer: str = ""
    subject: str = ""
    token: int | None = None
    credential: str = ""
    scopes: frozenset[str] | None = None
    visas: tuple[Visa, ...] = ()
    expires: float | None = None
    fault: str = ""
    unverified: bool = False

    @property
    def holder(self) -> bytes:
        """8 bytes that stand for who this is, whichever credentials they show; all 0 for nobody."""
        if self.name is None:
            return bytes(8)
        who = f"account {self.user}" if self.user is not None else f"subject {self.issuer} {self.subject}"
        return hashlib.blake2b(who.encode(), digest_size=8).digest()


ANONYMOUS = Viewer()


@dataclass(frozen=True, slots=True)
class GrantedRegion:
    """Positions `start` up to, not including, `end` of a contig, by the name that the grant has for it."""

    contig: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lease:
    """On what a permission rests: `grants` are numbers and revisions; none where the dataset is open to the viewer."""

    holder: bytes = bytes(8)
    user: int | None = None
    token: int | None = None
    grants: tuple[tuple[int, int], ...] = ()


#: What a public dataset needs: nothing.
NO_LEASE = Lease()


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
    """What the viewer may have of each file, by its number; files that are not for them are missing.

    Asks the database once, and not at all where every dataset is public or the viewer is nobody. Where controlled
    datasets are hidden it also asks when there are no files at all: an unknown id takes as long as a hidden one.
    """
    given = {asked.file: OPEN for asked in files if asked.visibility == Dataset.Visibility.PUBLIC}
    rest = [asked for asked in files if asked.file not in given]
    if viewer.name is None or (not rest and (files or not settings.HIDE_CONTROLLED)):
        return given
    for asked in rest:
        if asked.visibility == Dataset.Visibility.REGISTERED and _in_scope(viewer, asked.kind):
            given[asked.file] = Permission(whole=True, lease=_lease(viewer, ()), until=viewer.expires)
    rest = [asked for asked in rest if asked.file not in given and _in_scope(viewer, asked.kind)]
    if rest or not files:
        found = _grants(viewer, rest)
        for asked in rest:
            fitting = [grant for grant in found if grant.fits(asked)]
            if fitting:
                given[asked.file] = _united(viewer, fitting)
    return given


def refusal(viewer: Viewer, *, unknown: str) -> CatalogueError:
    """The error for something that exists and is not for the viewer; `unknown` is what is said of what does not exist.

    AuthenticationRequired or CredentialsUnverified for those who may yet show who they are, else PermissionRefused;
    Hidden in place of all of them where the setting says so.
    """
    why: CatalogueError
    if viewer.name is not None:
        why = PermissionRefused("these credentials do not open this")
    elif viewer.unverified:
        why = CredentialsUnverified(viewer.fault)
    else:
        why = AuthenticationRequired(viewer.fault or "this needs credentials")
    return Hidden(unknown, why) if settings.HIDE_CONTROLLED else why


def readable_collections(viewer: Viewer) -> QuerySet[SequenceCollection]:
    """The collections whose sequences the viewer may fetch."""
    public = Q(visibility=SequenceCollection.Visibility.PUBLIC)
    if viewer.name is None or not _in_scope(viewer, Scope.SEQUENCES):
        return SequenceCollection.objects.filter(public)
    theirs = _current().filter(_to(viewer), collection=OuterRef("pk"))
    return SequenceCollection.objects.filter(public | Q(Exists(theirs)))


def stands(lease: Lease, *, dataset: int, visibility: str) -> bool:
    """Whether what a permission on a file of the dataset rested on is still so.

    The account is active, the token neither revoked nor expired, and every grant as it was then, still valid, and still
    one to the account where it is not one to holders of a visa. Asks the database at most once, and not again for
    `DATA_RECHECK_SECONDS` where it did stand.
    """
    if visibility == Dataset.Visibility.PUBLIC:
        return True
    if lease.holder == bytes(8):
        return False
    if not lease.grants and visibility != Dataset.Visibility.REGISTERED:
        return False
    now = time.monotonic()
    if _stood.get((lease, dataset), -1.0) > now:
        return True
    standing = _stands(lease, dataset)
    if standing and settings.DATA_RECHECK_SECONDS:
        _stood[lease, dataset] = now + settings.DATA_RECHECK_SECONDS
        while len(_stood) > _MAX_STOOD:
            _stood.popitem(last=False)
    return standing


def _stands(lease: Lease, dataset: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            _STANDS,
            {
                "user": lease.user,
                "token": lease.token,
                "dataset": dataset,
                "grants": [number for number, _ in lease.grants],
                "revisions": [revision for _, revision in lease.grants],
            },
        )
        (count,) = cursor.fetchone() or (-1,)
    return bool(count == len(lease.grants))


#: Until when leases that stood are taken to stand, on the clock that never goes back.
_stood: OrderedDict[tuple[Lease, int], float] = OrderedDict()
_MAX_STOOD = 10_000

# One row with the number of grants that are as they were, or none where account or token are gone.
_STANDS = """
SELECT (SELECT count(*)
          FROM unnest(%(grants)s::bigint[], %(revisions)s::bigint[]) AS then_(id, revision)
          JOIN catalogue_grant AS now_ USING (id, revision)
         WHERE now_.dataset_id = %(dataset)s
           AND (now_.expires IS NULL OR now_.expires > now())
           AND (now_.visa_type <> '' OR now_.user_id = %(user)s
                OR now_.group_id IN (SELECT group_id FROM auth_user_groups WHERE user_id = %(user)s)))
 WHERE (%(user)s::bigint IS NULL OR EXISTS (SELECT 1 FROM auth_user WHERE id = %(user)s AND is_active))
   AND (%(token)s::bigint IS NULL
        OR EXISTS (SELECT 1 FROM catalogue_apitoken
                    WHERE id = %(token)s AND revoked IS NULL AND (expires IS NULL OR expires > now())))
"""

_GRANTS = """
SELECT g.id, g.revision, g.dataset_id, g.kinds, g.header_only, g.expires, g.visa_type, g.visa_value, g.visa_source,
       g.visa_issuer,
       CASE WHEN g.limited_to_files THEN
            ARRAY(SELECT f.file_id FROM catalogue_grantfile f WHERE f.grant_id = g.id AND f.file_id = ANY(%(files)s))
       END,
       CASE WHEN g.limited_to_regions THEN
            (SELECT coalesce(json_agg(json_build_array(r.contig, r.start, r."end")), '[]')::text
               FROM catalogue_grantregion r WHERE r.grant_id = g.id)
       END
  FROM catalogue_grant g
 WHERE g.dataset_id = ANY(%(datasets)s)
   AND (g.expires IS NULL OR g.expires > now())
   AND (g.user_id = %(user)s
        OR g.group_id IN (SELECT group_id FROM auth_user_groups WHERE user_id = %(user)s)
        OR (g.visa_type = ANY(%(types)s) AND g.visa_value = ANY(%(values)s)))
"""


@dataclass(frozen=True, slots=True)
class _Found:
    """One grant to a viewer, as far as it bears on the files asked for. None for `files` or `regions` is no limit."""

    number: int
    revision: int
    dataset: int
    kinds: tuple[str, ...]
    header_only: bool
    until: float | None
    files: frozenset[int] | None
    regions: tuple[GrantedRegion, ...] | None

    def fits(self, asked: Asked) -> bool:
        return (
            self.dataset == asked.dataset
            and (not self.kinds or asked.kind in self.kinds)
            and (self.files is None or asked.file in self.files)
        )

    @property
    def whole(self) -> bool:
        return not self.header_only and self.regions is None


def _grants(viewer: Viewer, files: Sequence[Asked]) -> list[_Found]:
    now = time.time()
    visas = [visa for visa in viewer.visas if visa.expires > now]
    with connection.cursor() as cursor:
        cursor.execute(
            _GRANTS,
            {
                "datasets": list({asked.dataset for asked in files}),
                "files": [asked.file for asked in files],
                "user": viewer.user,
                "types": list({visa.type for visa in visas}),
                "values": list({visa.value for visa in visas}),
            },
        )
        found = [_found(row, visas) for row in cursor.fetchall()]
    return [grant for grant in found if grant is not None]


def _found(row: tuple[Any, ...], visas: Collection[Visa]) -> _Found | None:
    number, revision, dataset, kinds, header_only, expires, *visa, files, regions = row
    until = _earliest((_seconds(expires),))
    if visa[0]:
        ends = [held.expires for held in visas if _shown(held, *visa)]
        if not ends:
            return None
        until = _earliest((until, max(ends)))
    return _Found(
        number=number,
        revision=revision,
        dataset=dataset,
        kinds=tuple(kinds),
        header_only=header_only,
        until=until,
        files=None if files is None else frozenset(files),
        regions=None if regions is None else tuple(_region(*limit) for limit in json.loads(regions)),
    )


def _region(contig: str, start: int, end: int | None) -> GrantedRegion:
    return GrantedRegion(contig, start, NO_END if end is None else end)


def _shown(held: Visa, type: str, value: str, source: str, issuer: str) -> bool:
    return (
        (held.type, held.value) == (type, value)
        and source in {"", held.source}
        and issuer in {"", held.issuer}
    )


def _united(viewer: Viewer, grants: Sequence[_Found]) -> Permission:
    """What several grants come to. It rests on as few of them as it needs, and on those that last longest."""
    lasting = sorted(
        grants, key=lambda grant: float("inf") if grant.until is None else grant.until, reverse=True
    )
    for grant in lasting:
        if grant.whole:
            return Permission(
                whole=True, lease=_lease(viewer, [grant]), until=_earliest((viewer.expires, grant.until))
            )
    limited = [grant for grant in lasting if grant.regions is not None][:MAX_GRANTS] or lasting[:1]
    regions = [region for grant in limited for region in grant.regions or ()]
    return Permission(
        whole=False,
        regions=tuple(sorted(regions, key=lambda region: (region.contig, region.start, region.end))),
        lease=_lease(viewer, limited),
        until=_earliest((viewer.expires, *(grant.until for grant in limited))),
    )


def _lease(viewer: Viewer, grants: Iterable[_Found]) -> Lease:
    return Lease(
        holder=viewer.holder,
        user=viewer.user,
        token=viewer.token,
        grants=tuple((grant.number, grant.revision) for grant in grants),
    )


def _in_scope(viewer: Viewer, kind: str) -> bool:
    return viewer.scopes is None or kind in viewer.scopes


def _current() -> QuerySet[Grant]:
    return Grant.objects.filter(Q(expires__isnull=True) | Q(expires__gt=timezone.now()))


def _to(viewer: Viewer) -> Q:
    """Grants to the viewer: to the account, to its groups, or to a visa that was shown."""
    theirs = Q(pk__in=())
    if viewer.user is not None:
        theirs |= Q(user=viewer.user) | Q(group__user=viewer.user)
    now = time.time()
    for visa in viewer.visas:
        if visa.expires > now:
            theirs |= Q(
                visa_type=visa.type,
                visa_value=visa.value,
                visa_source__in=("", visa.source),
                visa_issuer__in=("", visa.issuer),
            )
    return theirs


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _earliest(moments: Iterable[float | None]) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)


def managed_datasets(user: int, *, owned: bool = False) -> QuerySet[Dataset]:
    """The datasets that an account may manage, as a steward or an owner; with `owned` as an owner only."""
    return Dataset.objects.filter(Exists(_managing(user, owned).filter(dataset=OuterRef("pk"))))


def managed_collections(user: int, *, owned: bool = False) -> QuerySet[SequenceCollection]:
    """The same of collections of sequences."""
    return SequenceCollection.objects.filter(Exists(_managing(user, owned).filter(collection=OuterRef("pk"))))


def _managing(user: int, owned: bool) -> QuerySet[Grant]:
    roles = [Grant.Role.OWNER] if owned else [Grant.Role.OWNER, Grant.Role.STEWARD]
    return _current().filter(Q(user=user) | Q(group__user=user), role__in=roles)
