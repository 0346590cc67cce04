"""The lease of a permission: the grants it rests on, written into data URLs so that the URLs end with them."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from django.conf import settings

from catalogue.access.grants import lease_holds
from catalogue.models import Dataset


@dataclass(frozen=True, slots=True)
class Lease:
    """The grants that a permission rests on, as ids and revisions; empty where the dataset is open to the viewer."""

    holder: bytes = bytes(8)
    user: int | None = None
    token: int | None = None
    grants: tuple[tuple[int, int], ...] = ()


#: The lease of a permission on a public dataset.
NO_LEASE = Lease()

#: Monotonic time until which a valid lease is not checked again.
_held: OrderedDict[tuple[Lease, str, int], float] = OrderedDict()
_MAX_HELD = 10_000


def stands(lease: Lease, *, kind: str, dataset: int, visibility: str) -> bool:
    """Return whether a lease on files of a kind in a dataset is still valid.

    The account must be active, the token neither revoked nor expired and still in scope, and every grant unchanged,
    valid, and (unless it is for holders of a visa) still for the account. Makes at most one database query; a valid
    lease is not checked again for `DATA_RECHECK_SECONDS`.
    """
    if visibility == Dataset.Visibility.PUBLIC:
        return True
    if lease.holder == NO_LEASE.holder:
        return False
    if not lease.grants and visibility != Dataset.Visibility.REGISTERED:
        return False
    now = time.monotonic()
    if _held.get((lease, kind, dataset), -1.0) > now:
        return True
    holds = lease_holds(user=lease.user, token=lease.token, scope=kind, dataset=dataset, grants=lease.grants)
    if holds and settings.DATA_RECHECK_SECONDS:
        _held[lease, kind, dataset] = now + settings.DATA_RECHECK_SECONDS
        while len(_held) > _MAX_HELD:
            _held.popitem(last=False)
    return holds
