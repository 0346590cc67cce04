"""The record of who ingested what, when, and with which outcome.

A run holds a lock of the database session for as long as it lasts. A run that is marked as running while nobody holds
its lock was killed; the next run notices and says so in its row.
"""

import getpass
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from catalogue.models import IngestedFile, IngestRun

# The first of the two numbers of the advisory lock; the second is the run's.
_LOCK_OF_RUNS = 0x72756E73
_LONGEST_SOURCE = int(IngestedFile._meta.get_field("source").max_length or 1)


class Run:
    """A run that is going on: collects the outcomes of its inputs.

    `summary` (JSON) is kept with it; set `failed` for a fault that is not of one input.
    """

    def __init__(self, row: IngestRun) -> None:
        self._row = row
        self.summary: dict[str, Any] = {}
        self.failed = False

    def file(
        self,
        source: str,
        outcome: IngestedFile.Outcome,
        *,
        message: str = "",
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Records what became of one input, in the transaction of its rows where there is one."""
        IngestedFile.objects.create(
            run=self._row,
            source=source[-_LONGEST_SOURCE:],
            outcome=outcome,
            message=message,
            counts=dict(counts or {}),
        )
        self.failed |= outcome == IngestedFile.Outcome.FAILED


@contextmanager
def ingest_run(command: str, arguments: Mapping[str, Any]) -> Iterator[Run]:
    """Records a run from its start to its end; `arguments` must be JSON.

    It failed when an input or the block did, was interrupted by Control-C, and succeeded otherwise.
    """
    _mark_interrupted()
    with transaction.atomic():
        row = IngestRun.objects.create(command=command, actor=_actor(), arguments=dict(arguments))
        _query("SELECT pg_advisory_lock(%s, %s)", row.pk)
    run = Run(row)
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


def _mark_interrupted() -> None:
    for row in IngestRun.objects.filter(outcome=IngestRun.Outcome.RUNNING):
        if _query("SELECT pg_try_advisory_lock(%s, %s)", row.pk):
            # Only now nobody else can finish it.
            IngestRun.objects.filter(pk=row.pk, outcome=IngestRun.Outcome.RUNNING).update(
                outcome=IngestRun.Outcome.INTERRUPTED, finished=timezone.now()
            )
            _query("SELECT pg_advisory_unlock(%s, %s)", row.pk)


def _query(sql: str, pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [_LOCK_OF_RUNS, pk % 2**31])
        (answer,) = cursor.fetchone()
        return answer is True


def _actor() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return f"uid {os.getuid()}"
