"""Starts the jobs of each night, once for all workers."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from catalogue.ingest.transactions import advisory_lock
from catalogue.jobs.changes import VERIFY_FILES
from catalogue.jobs.maintenance import PRUNE_AUDIT, REFRESH_STATES, REMOVE_ORPHANS
from catalogue.jobs.start import start
from catalogue.models import IngestRun

log = logging.getLogger(__name__)

#: A job that no worker could start is left out when it would be later than this.
MAX_DELAY: Final = timedelta(hours=6)
_ACTOR: Final = "nightly"


def start_nightly(now: datetime) -> list[IngestRun]:
    """Start the jobs whose time has come and that were not started yet; return their runs.

    Any number of workers may call it at any time.
    """
    started = []
    for kind, (at, arguments) in _nights().items():
        due = None if at is None else _latest(at, now)
        if due is not None and now - due <= MAX_DELAY:
            row = _start_once(kind, {**arguments, "night": due.isoformat()})
            started += [row] if row is not None else []
    return started


def _nights() -> Mapping[str, tuple[time | None, Mapping[str, Any]]]:
    """Return when each kind of job is due, and its arguments."""
    prune = settings.NIGHTLY_PRUNE_AUDIT if settings.AUDIT_DAYS else None
    return {
        REFRESH_STATES: (settings.NIGHTLY_REFRESH_STATES, {}),
        VERIFY_FILES: (settings.NIGHTLY_VERIFY_FILES, {}),
        REMOVE_ORPHANS: (settings.NIGHTLY_REMOVE_ORPHANS, {}),
        PRUNE_AUDIT: (prune, {"days": settings.AUDIT_DAYS}),
    }


def _latest(at: time, now: datetime) -> datetime:
    """Return the latest moment, not after `now`, at which the clock showed this time (UTC)."""
    today = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return today if today <= now else today - timedelta(days=1)


def _start_once(kind: str, arguments: Mapping[str, Any]) -> IngestRun | None:
    runs = IngestRun.objects.filter(command=kind, arguments__night=arguments["night"])
    if runs.exists():
        return None
    with transaction.atomic():
        advisory_lock(f"nightly {kind}")
        # Another worker may have started it in the meantime.
        if runs.all().exists():
            return None
        row = start(kind, arguments, actor=_ACTOR)
    log.info("run %s (%s) is that of %s", row.pk, kind, arguments["night"])
    return row
