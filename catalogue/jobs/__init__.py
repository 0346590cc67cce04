"""Background jobs: ingests, verifications and the like, done by workers (`manage.py work`) on any machine.

    row = jobs.start("ingest_bam", {"kind": "reads", "dataset": "trio", "files": ["bucket:trio/"]}, account=user.pk,
                     actor=user.username, dry_run=False)

queues a job and returns its row of `IngestRun`, whose `outcome` is queued, running, succeeded, failed or cancelled.
`row.files` are its inputs with their outcome (`waiting` at first), message and counts, as they come; `row.progress` has
phase, done, total, unit, rate and remaining seconds. A preview is the same job with `dry_run`.

`jobs.cancel(row)`, `jobs.retry(row)`, `jobs.can_cancel(row)` and `jobs.can_retry(row)` do not ask who wants it: take
the row from `access.controllable_runs(user)`. Who may look at it is told by `access.visible_runs(user)`. `jobs.KINDS`
has the kinds of jobs; `arguments` are those that the run of the command has: `FilesOptions.recorded()` and `files`.

May import ingest, queries, access and models; commands, the admin and pages call it.
"""

from catalogue.jobs.kinds import KINDS, JobRefused, Kind, UnknownKind
from catalogue.jobs.start import NotPossible, can_cancel, can_retry, cancel, retry, start
from catalogue.jobs.table import register_all

__all__ = [
    "KINDS",
    "JobRefused",
    "Kind",
    "NotPossible",
    "UnknownKind",
    "can_cancel",
    "can_retry",
    "cancel",
    "retry",
    "start",
]

register_all()
