"""The audit: records what was requested, by whom and with which outcome, and every change of access.

An event is written before the answer leaves the site, in the transaction of the change that it describes or in one of
its own: an action that cannot be recorded fails. Only tickets for public data are written in batches by the workers of
the site, within a second. Rows are never changed, and only `prune` removes any (see
`AuditEvent`). No event holds a token, a signature or a query.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DataError, IntegrityError, connection, connections, transaction

from catalogue.access import Hidden, Viewer
from catalogue.event_queue import EventQueue
from catalogue.models import AuditEvent
from catalogue.rate_limits import COUNT, counter
from catalogue.request_context import current_context

log = logging.getLogger(__name__)

Kind = AuditEvent.Kind
Outcome = AuditEvent.Outcome

#: Upper bound of the events that wait to be written in a batch.
MAX_WAITING = 1000
_batches: EventQueue[tuple[Any, ...]] | None = None

#: Rows that `prune` removes in one transaction.
_BATCH = 10_000
_HOUR = 3600

_OUTCOMES = {
    401: Outcome.UNAUTHENTICATED,
    403: Outcome.REFUSED,
    404: Outcome.NOT_FOUND,
    429: Outcome.THROTTLED,
}


@dataclass(frozen=True, slots=True)
class Event:
    """The event that `record` writes, before actor, address and time are added. See `AuditEvent` for the fields."""

    kind: Kind
    outcome: Outcome = Outcome.DONE
    dataset: str = ""
    target: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


_COLUMNS = "kind, outcome, actor, account, credential, address, dataset, target, request_id, detail"
_VALUES = "%s, %s, %s, %s::bigint, %s, %s::inet, %s, %s, %s, %s::jsonb"
_INSERT = f"INSERT INTO catalogue_auditevent ({_COLUMNS}) SELECT {_VALUES}"
# An event of a moment ago.
_INSERT_PAST = f"INSERT INTO catalogue_auditevent ({_COLUMNS}, happened) VALUES ({_VALUES}, to_timestamp(%s))"  # noqa: S608
# The transaction of this statement then commits without waiting for the disk.
_INSERT_SOON = f"{_INSERT} FROM set_config('synchronous_commit', 'off', true)"
# Writes the 1st, 2nd, 4th, 8th … of equal events with their count so far; waits for concurrent equal events.
_REPEATED = (
    "WITH seen AS ({count}) {insert} || jsonb_build_object('count', seen.count) FROM seen{soon} WHERE {power}"
)
_POWER = "seen.count & (seen.count - 1) = 0"
_INSERT_REPEATED = _REPEATED.format(count=COUNT, insert=_INSERT, soon="", power=_POWER)
_INSERT_REPEATED_SOON = _REPEATED.format(
    count=COUNT, insert=_INSERT, soon=", set_config('synchronous_commit', 'off', true)", power=_POWER
)


def record(
    event: Event, *, viewer: Viewer | None = None, public: bool = False, repeats: bool = False
) -> None:
    """Write one event. Without a `viewer` (who asks by credentials) the session's account is recorded.

    Makes one statement, committed and on disk when this returns, unless a transaction is open. A `public` event
    reaches the disk a moment later, so that a crash of the database server can lose the last half second of such
    events; where `write_in_batches` is on, that of a worker, too. Raises django.db.DatabaseError.

    With `repeats`, equal events within an hour are counted, and only the 1st, 2nd, 4th, 8th … are written, with the
    count so far in `detail`: a client that repeats itself cannot fill the audit. Time and request id may differ.
    """
    where = current_context()
    if viewer is None:
        actor, account, credential = where.actor
    else:
        actor, account, credential = viewer.name or "", viewer.user, viewer.credential
    equal = (
        event.kind.value,
        event.outcome.value,
        _fitting(actor, 255),
        account,
        _fitting(credential, 64),
        where.address,
        _fitting(event.dataset, 255),
        _fitting(event.target, 512),
    )
    values = (*equal, _fitting(where.request_id, 64), json.dumps(event.detail))
    can_wait = public and not repeats and not connection.in_atomic_block
    if can_wait and _batches is not None and _batches.put((*values, time.time())):
        return
    with connection.cursor() as cursor:
        if repeats:
            digest = hashlib.blake2b(repr((equal, values[-1])).encode(), digest_size=16).hexdigest()
            counted = (counter(f"events like {digest}", _HOUR), int(time.time()) // _HOUR, 1)
            cursor.execute(_INSERT_REPEATED_SOON if public else _INSERT_REPEATED, (*counted, *values))
        else:
            cursor.execute(_INSERT_SOON if public else _INSERT, values)


def write_in_batches() -> Callable[[], None]:
    """Let a thread of this process write public events twice a second; return what writes the last ones and ends it.

    Events that the database does not take wait for it. Once `MAX_WAITING` wait, requests write their own, as without.
    """
    global _batches
    batches = _batches = EventQueue(_write_past, what="audit", max_waiting=MAX_WAITING, seconds=0.5)
    batches.start()
    return batches.close


def _write_past(rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows in one transaction; if one is invalid, the others without it. Raises django.db.DatabaseError."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_INSERT_PAST, rows)
    except (DataError, IntegrityError):
        if len(rows) == 1:
            log.critical("An event was not written to the audit: %s", rows[0], exc_info=True)
        for row in rows if len(rows) > 1 else ():
            _write_past([row])
    finally:
        # This thread would keep the connection, and one that is broken.
        connections.close_all()


def outcome_of(error: Exception, *, status: int) -> Outcome:
    """Return the outcome of a request that failed with an error and was answered with an HTTP status."""
    if isinstance(error, Hidden):
        return Outcome.HIDDEN
    return _OUTCOMES.get(status, Outcome.FAILED if status >= 500 else Outcome.INVALID)


def prune(*, before: datetime) -> int:
    """Remove the events before a time, record the removal, and return their number."""
    removed = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('htsgetsite.audit_removal', 'retention', true)")
            cursor.execute(
                "DELETE FROM catalogue_auditevent WHERE id IN"
                " (SELECT id FROM catalogue_auditevent WHERE happened < %s ORDER BY happened LIMIT %s)",
                (before, _BATCH),
            )
            batch: int = cursor.rowcount
            # Inside an outer transaction the setting would otherwise stay on after this block.
            cursor.execute("SELECT set_config('htsgetsite.audit_removal', '', true)")
        removed += batch
        if batch < _BATCH:
            break
    record(Event(Kind.RETENTION, target=f"before {before.isoformat()}", detail={"removed": removed}))
    return removed


def _fitting(text: str, max_length: int) -> str:
    """Return text from a client, cut and cleaned so that the column can store it."""
    storable = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    return storable if len(storable) <= max_length else storable[: max_length - 1] + "…"
