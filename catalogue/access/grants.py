"""Looks up grants: the one place that defines when a grant is valid and to whom it applies.

Uses SQL, because building these queries in Django takes longer than PostgreSQL needs to answer them.
"""
# ruff: noqa: S608 - each query is built from constants of this module

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db import connection

from catalogue.access.viewer import Viewer
from catalogue.formats.intervals import NO_END
from catalogue.models import Grant

# The rule of a grant `g`, in three parts. Arguments: `user`, an account or NULL, and `visas`, a JSON list.
_VALID: Final = "(g.expires IS NULL OR g.expires > statement_timestamp())"
_TO_ACCOUNT: Final = """(g.user_id = %(user)s
    OR g.group_id IN (SELECT group_id FROM auth_user_groups WHERE user_id = %(user)s))"""
_MATCHING_VISAS: Final = """jsonb_to_recordset(%(visas)s::jsonb)
    AS visa (type text, value text, source text, issuer text, expires float8)
 WHERE (visa.type, visa.value) = (g.visa_type, g.visa_value)
   AND g.visa_source IN ('', visa.source) AND g.visa_issuer IN ('', visa.issuer)"""
_TO_VIEWER: Final = f"({_TO_ACCOUNT} OR g.visa_type <> '' AND EXISTS (SELECT 1 FROM {_MATCHING_VISAS}))"

_OF_DATASETS: Final = f"""
SELECT g.id, g.revision, g.dataset_id, g.kinds, g.header_only,
       least(extract(epoch FROM g.expires)::float8, (SELECT max(visa.expires) FROM {_MATCHING_VISAS})),
       CASE WHEN g.limited_to_files THEN
            ARRAY(SELECT f.file_id FROM catalogue_grantfile f WHERE f.grant_id = g.id AND f.file_id = ANY(%(files)s))
       END,
       CASE WHEN g.limited_to_regions THEN
            (SELECT coalesce(json_agg(json_build_array(r.contig, r.start, r."end")), '[]')::text
               FROM catalogue_grantregion r WHERE r.grant_id = g.id)
       END
  FROM catalogue_grant g
 WHERE g.dataset_id = ANY(%(datasets)s) AND {_VALID} AND {_TO_VIEWER}
"""
_OF_VIEWER: Final = f"""
SELECT g.id, g.dataset_id, g.kinds, g.limited_to_files FROM catalogue_grant g
 WHERE g.dataset_id IS NOT NULL AND {_VALID} AND {_TO_VIEWER}
"""
_OF_COLLECTIONS: Final = f"""
SELECT g.collection_id FROM catalogue_grant g WHERE g.collection_id IS NOT NULL AND {_VALID} AND {_TO_VIEWER}
"""
_OF_ROLES: Final = f"""
SELECT g.dataset_id, g.collection_id FROM catalogue_grant g
 WHERE g.role = ANY(%(roles)s) AND {_VALID} AND {_TO_ACCOUNT}
"""
# One row with the number of unchanged valid grants, or no row when the account or the token is no longer valid. The
# holder of a data URL does not present a visa again: the URL contains the time when the visa ends.
_OF_LEASE: Final = f"""
SELECT (SELECT count(*)
          FROM unnest(%(grants)s::bigint[], %(revisions)s::bigint[]) AS leased (id, revision)
          JOIN catalogue_grant AS g USING (id, revision)
         WHERE g.dataset_id = %(dataset)s AND {_VALID} AND (g.visa_type <> '' OR {_TO_ACCOUNT}))
 WHERE (%(user)s::bigint IS NULL OR EXISTS (SELECT 1 FROM auth_user WHERE id = %(user)s AND is_active))
   AND (%(token)s::bigint IS NULL
        OR EXISTS (SELECT 1 FROM catalogue_apitoken
                    WHERE id = %(token)s AND %(scope)s = ANY(scopes) AND revoked IS NULL
                      AND (expires IS NULL OR expires > statement_timestamp())))
"""


@dataclass(frozen=True, slots=True)
class GrantedRegion:
    """Positions of a contig, 0-based and half-open; `contig` is the name that the grant uses."""

    contig: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A valid grant of a viewer on a dataset. `files` or `regions` of None means no limit.

    `until` is when the grant, or the visa that matches it, ends, in seconds since 1970.
    """

    pk: int
    revision: int
    dataset: int
    kinds: tuple[str, ...]
    header_only: bool
    until: float | None
    files: frozenset[int] | None
    regions: tuple[GrantedRegion, ...] | None

    @property
    def whole(self) -> bool:
        """Whether the grant gives every record of each file that it covers."""
        return not self.header_only and self.regions is None

    def covers(self, *, file: int, kind: str, dataset: int) -> bool:
        """Return whether the grant covers a file of this kind and dataset."""
        return (
            self.dataset == dataset
            and (not self.kinds or kind in self.kinds)
            and (self.files is None or file in self.files)
        )


class DatasetGrant(NamedTuple):
    """A valid grant of a viewer on a dataset, as far as it says which files the viewer may know of."""

    pk: int
    dataset: int
    kinds: tuple[str, ...]
    limited_to_files: bool


def granted_datasets(viewer: Viewer) -> list[DatasetGrant]:
    """Return every valid grant of the viewer on a dataset. Makes one database query."""
    rows = _rows(_OF_VIEWER, **_who(viewer))
    return [DatasetGrant(pk, dataset, tuple(kinds), limited) for pk, dataset, kinds, limited in rows]


def held_grants(viewer: Viewer, *, datasets: Collection[int], files: Sequence[int]) -> list[HeldGrant]:
    """Return the viewer's valid grants on datasets, with those of their limits that concern the files."""
    rows = _rows(_OF_DATASETS, **_who(viewer), datasets=list(datasets), files=list(files))
    return [_held_grant(*row) for row in rows]


def granted_collections(viewer: Viewer) -> list[int]:
    """Return the collections on which the viewer has a grant."""
    return [pk for (pk,) in _rows(_OF_COLLECTIONS, **_who(viewer))]


def managed(user: int, *, owned: bool) -> tuple[list[int], list[int]]:
    """Return the datasets and collections that an account owns; without `owned` also those of which it is a steward."""
    roles = [Grant.Role.OWNER.value, *([] if owned else [Grant.Role.STEWARD.value])]
    rows = _rows(_OF_ROLES, user=user, roles=roles)
    return [pk for pk, _ in rows if pk is not None], [pk for _, pk in rows if pk is not None]


def lease_holds(
    *, user: int | None, token: int | None, scope: str, dataset: int, grants: Sequence[tuple[int, int]]
) -> bool:
    """Return whether account, token and all grants (id, revision) on a dataset are valid and unchanged.

    The token must still have the scope.
    """
    counted = _rows(
        _OF_LEASE,
        user=user,
        token=token,
        scope=scope,
        dataset=dataset,
        grants=[pk for pk, _ in grants],
        revisions=[revision for _, revision in grants],
    )
    return counted == [(len(grants),)]


def _who(viewer: Viewer) -> dict[str, Any]:
    now = time.time()
    visas = [
        {
            "type": visa.type,
            "value": visa.value,
            "source": visa.source,
            "issuer": visa.issuer,
            "expires": visa.expires,
        }
        for visa in viewer.visas
        if visa.expires > now
    ]
    return {"user": viewer.user, "visas": json.dumps(visas)}


def _held_grant(
    pk: int,
    revision: int,
    dataset: int,
    kinds: list[str],
    header_only: bool,
    until: float | None,
    files: list[int] | None,
    regions: str | None,
) -> HeldGrant:
    return HeldGrant(
        pk=pk,
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


def _rows(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
