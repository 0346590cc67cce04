"""Background jobs."""

from datetime import time

from htsgetsite import values
from htsgetsite.settings.home import EMBEDDED, ENVIRONMENT

SERVE_JOBS: int = ENVIRONMENT.integer(
    "SERVE_JOBS",
    default=1 if EMBEDDED else 0,
    maximum=64,
    default_text="1 with the embedded database, otherwise 0",
    doc="Jobs that `manage.py serve` does at a time, in a process beside it; 0 leaves all to `manage.py work`.",
)


def _night(name: str, default: str, doc: str) -> time | None:
    return ENVIRONMENT.parsed(
        name, values.night, kind="HH:MM or off", default=values.night(default), default_text=default, doc=doc
    )


NIGHTLY_REFRESH_STATES: time | None = _night(
    "NIGHTLY_REFRESH_STATES",
    "02:00",
    "When (UTC) a job looks whether every registered object is there, of the registered size and ETag; or off.",
)
NIGHTLY_VERIFY_FILES: time | None = _night(
    "NIGHTLY_VERIFY_FILES",
    "off",
    "When (UTC) a job verifies all files as `verify_files` does, which reads the header and the end of each; or off.",
)
NIGHTLY_REMOVE_ORPHANS: time | None = _night(
    "NIGHTLY_REMOVE_ORPHANS",
    "03:00",
    "When (UTC) a job removes objects that nothing refers to, as `remove_orphans` does; or off.",
)
NIGHTLY_PRUNE_AUDIT: time | None = _night(
    "NIGHTLY_PRUNE_AUDIT",
    "03:30",
    "When (UTC) a job removes the events of the audit that are older than AUDIT_DAYS, if that is set; or off.",
)
AUDIT_DAYS: int | None = ENVIRONMENT.optional_integer(
    "AUDIT_DAYS",
    minimum=1,
    maximum=100_000,
    doc="Days for which events of the audit are kept; without it they are kept until `prune_audit` removes them.",
)
