"""Decides who may see what, before a byte, a header or an index is touched.

A dataset is public, registered (open to any account and any subject of a trusted issuer) or controlled. A controlled
dataset requires a grant to the viewer, to one of their groups, or to holders of a visa that the viewer presented.
Grants add up. Administrators of the site need a grant like everybody else. Imports the models and what lies below them.
"""

from catalogue.access.browsing import Place, browsable_places, datasets_for, may_browse
from catalogue.access.desk import (
    changeable_datasets,
    changeable_files,
    desk_account,
    listed_datasets,
    listed_files,
    manages,
    visible_grants,
)
from catalogue.access.files import readable_datasets, readable_files, readable_parts
from catalogue.access.grants import GrantedRegion
from catalogue.access.leases import NO_LEASE, Lease, stands
from catalogue.access.permissions import MAX_GRANTS, OPEN, Asked, Permission, permissions
from catalogue.access.refusals import (
    AuthenticationRequired,
    CredentialsUnverified,
    Hidden,
    PermissionRefused,
    refusal,
)
from catalogue.access.roles import managed_collections, managed_datasets
from catalogue.access.runs import controllable_runs, runs_of, visible_runs, writable_datasets
from catalogue.access.sequences import (
    publish_sequences,
    readable_aliases,
    readable_collections,
    readable_sequences,
)
from catalogue.access.viewer import ANONYMOUS, Viewer, Visa

__all__ = [
    "ANONYMOUS",
    "MAX_GRANTS",
    "NO_LEASE",
    "OPEN",
    "Asked",
    "AuthenticationRequired",
    "CredentialsUnverified",
    "GrantedRegion",
    "Hidden",
    "Lease",
    "Permission",
    "PermissionRefused",
    "Place",
    "Viewer",
    "Visa",
    "browsable_places",
    "changeable_datasets",
    "changeable_files",
    "controllable_runs",
    "datasets_for",
    "desk_account",
    "listed_datasets",
    "listed_files",
    "managed_collections",
    "managed_datasets",
    "manages",
    "may_browse",
    "permissions",
    "publish_sequences",
    "readable_aliases",
    "readable_collections",
    "readable_datasets",
    "readable_files",
    "readable_parts",
    "readable_sequences",
    "refusal",
    "runs_of",
    "stands",
    "visible_grants",
    "visible_runs",
    "writable_datasets",
]
