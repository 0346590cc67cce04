"""Records who ingested what, when, and with which outcome.

A run holds a session-level advisory lock until it ends. A run that is marked as running while nobody holds its lock was
killed; the next run marks it as interrupted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.models import IngestedFile, IngestRun
from catalogue.request_context import current_context, process_account

# The first of the two numbers of the advisory lock; the second is the run's.
_LOCK_CLASS: Final = 0x72756E73
_MAX_SOURCE: Final = int(IngestedFile._meta.get_field("source").max_length or 1)
#: Upper bound of the inputs recorded as arguments of a run.
MAX_RECORDED: Final = 1000
_RECORDED_AS: Final = {
    Outcome.ADDED: IngestedFile.Outcome.ADDED,
    Outcome.REPLACED: IngestedFile.Outcome.ADDED,
    Outcome.CHANGED: IngestedFile.Outcome.CHANGED,
    Outcome.UNCHANGED: IngestedFile.Outcome.UNCHANGED,
    Outcome.PASSED_OVER: IngestedFile.Outcome.PASSED_OVER,
    Outcome.FAILED: IngestedFile.Outcome.FAILED,
}


class Run:
    """A current run. Its number is None in a dry run, which is not recorded.

    `summary` (JSON) is stored with it; set `failed` for a fault that does not concern one input.
    """

    def __init__(self, pk: int | None) -> None:
        self.pk = pk
        self.summary: dict[str, Any] = {}
        self.failed = False

    def record(self, result: InputResult) -> None:
        """Record the outcome of one input, in the transaction of its rows if there is one."""
        self.record_all([result])

    def record_all(self, results: Sequence[InputResult]) -> None:
        """Record the outcomes of some inputs, as `record` does."""
        self.failed |= any(result.failed for result in results)
        if self.pk is not None:
            IngestedFile.objects.bulk_create(
                IngestedFile(run_id=self.pk, source=recorded_source(one.source), **recorded_fields(one))
                for one in results
                if one.outcome is not Outcome.PASSED_OVER
            )


def recorded_source(source: str) -> str:
    """Return the name of an input as its row has it: its end, if it is too long."""
    return source[-_MAX_SOURCE:]


def recorded_fields(result: InputResult) -> dict[str, Any]:
    """Return the fields of an input's row that tell its outcome."""
    return {
        "outcome": _RECORDED_AS[result.outcome],
        "message": result.message,
        "counts": dict(result.counts),
        "paths": list(result.paths),
    }


@contextmanager
def ingest_run(command: str, arguments: Mapping[str, Any], *, dry_run: bool = False) -> Iterator[Run]:
    """Record a run from start to end; `arguments` must be JSON. A dry run is not recorded.

    The outcome is failed if an input or the block failed, interrupted after Control-C, else succeeded.
    """
    if dry_run:
        yield Run(None)
        return
    mark_interrupted()
    with transaction.atomic():
        row = IngestRun.objects.create(command=command, actor=_actor(), arguments=dict(arguments))
        _query("SELECT pg_advisory_lock(%s, %s)", row.pk)
    run = Run(row.pk)
    outcome = IngestRun.Outcome.FAILED
    try:
        yield run
        if not run.failed:
            outcome = IngestRun.Outcome.SUCCEEDED
    except KeyboardInterrupt:
        outcome = IngestRun.Outcome.INTERRUPTED
        raise
    finally:
        row.outcome, row.finished, row.summary = outcome, timezone.now(), run.summary
        row.save(update_fields=["outcome", "finished", "summary"])
        _query("SELECT pg_advisory_unlock(%s, %s)", row.pk)


def mark_interrupted() -> None:
    """Mark as interrupted the runs that are marked as running although no process holds their lock."""
    # Background jobs hold locks of their parts, and go on with another worker.
    for row in IngestRun.objects.filter(outcome=IngestRun.Outcome.RUNNING, queued=None):
        if _query("SELECT pg_try_advisory_lock(%s, %s)", row.pk):
            # Nobody else can finish the run while this lock is held.
            IngestRun.objects.filter(pk=row.pk, outcome=IngestRun.Outcome.RUNNING).update(
                outcome=IngestRun.Outcome.INTERRUPTED, finished=timezone.now()
            )
            _query("SELECT pg_advisory_unlock(%s, %s)", row.pk)


def _query(sql: str, pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [_LOCK_CLASS, pk % 2**31])
        (answer,) = cursor.fetchone()
        return answer is True


def _actor() -> str:
    """Return the account of the desk that asks for the run, or that of the process."""
    actor = current_context().actor
    return process_account() if actor.account is None else actor.name
