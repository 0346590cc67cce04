"""What a permission rests on, written into data URLs so that they end with it."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from django.conf import settings

from catalogue.access.grants import lease_holds
from catalogue.models import Dataset


@dataclass(frozen=True, slots=True)
class Lease:
    """On what a permission rests: `grants` are ids and revisions; none where the dataset is open to the viewer."""

    holder: bytes = bytes(8)
    user: int | None = None
    token: int | None = None
    grants: tuple[tuple[int, int], ...] = ()


#: What a permission on a public dataset rests on.
NO_LEASE = Lease()

#: Until when leases that held are taken to hold, on the monotonic clock.
_held: OrderedDict[tuple[Lease, str, int], float] = OrderedDict()
_MAX_HELD = 10_000


def stands(lease: Lease, *, kind: str, dataset: int, visibility: str) -> bool:
    """Return whether what a permission on a file of a kind and dataset rested on is still valid.

    The account is active, the token neither revoked nor expired and its scopes still have the kind, and every grant is
    unchanged, valid, and still one to the account where it is not one to holders of a visa. Asks the database at most
    once, and not again for `DATA_RECHECK_SECONDS` where the lease held.
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
