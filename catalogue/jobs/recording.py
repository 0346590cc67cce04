"""Records the outcomes and the progress of a job while it runs, and tells its kind when to stop."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from catalogue.ingest.outcomes import InputResult
from catalogue.ingest.runs import Run, recorded_fields, recorded_source
from catalogue.jobs.locks import Session
from catalogue.models import IngestedFile, IngestRun, RunProgress

_MAX_PHASE: Final = int(RunProgress._meta.get_field("phase").max_length or 1)
_ADD_FAULT: Final = """
    UPDATE catalogue_ingestrun
    SET summary = jsonb_set(summary, '{faults}', coalesce(summary -> 'faults', '[]') || to_jsonb(%s::text))
    WHERE id = %s AND NOT coalesce(summary -> 'faults', '[]') ? %s"""
# Seconds between two writes of the progress.
_EVERY: Final = 1.0


class Stopped(BaseException):
    """The job is to stop between two of its inputs; derived as KeyboardInterrupt is, because it is no error."""


class JobRun(Run):
    """The record of the inputs of a job. Each outcome is recorded once, whoever comes first.

    Raises LockLost once the lock of the part is lost; within the transaction of an input, that takes it back.
    """

    def __init__(self, row: IngestRun, session: Session) -> None:
        super().__init__(row.pk)
        self._dry_run = row.dry_run
        self.session = session

    def record(self, result: InputResult) -> None:
        # The transaction of an input is rolled back in a dry run; the observer records it then.
        if not self._dry_run:
            self.store(result)

    def store(self, result: InputResult) -> None:
        """Record the outcome of an input that has none yet."""
        self.session.verify()
        self.failed |= result.failed
        waiting = IngestedFile.objects.filter(run=self.pk, outcome=IngestedFile.Outcome.WAITING)
        waiting.filter(source=recorded_source(result.source)).update(**recorded_fields(result))

    def add_to_summary(self, values: Mapping[str, Any]) -> None:
        """Add values to the summary of the run."""
        _execute(
            "UPDATE catalogue_ingestrun SET summary = summary || %s WHERE id = %s", Jsonb(values), self.pk
        )

    def add_fault(self, reason: str) -> None:
        """Record a fault that concerns no single input; the job fails."""
        self.failed = True
        _execute(_ADD_FAULT, reason, self.pk, reason)


class JobObserver:
    """Records progress, and raises Stopped between two inputs when the job is cancelled or `stopping` says so."""

    def __init__(self, row: IngestRun, run: JobRun, *, unit: str, stopping: Callable[[], bool]) -> None:
        self._row, self._run, self._unit = row, run, unit
        self._stopping = stopping
        self._next = time.monotonic() + _EVERY
        self._notes: dict[str, list[str]] = {}

    def progressed(self, label: str, done: int, total: int | None) -> None:
        """Take note of progress within one input; what is stored counts inputs."""

    def noted(self, source: str, message: str) -> None:
        """Keep a note, which becomes part of the message of the input."""
        self._notes.setdefault(source, []).append(message)

    def finished(self, result: InputResult) -> None:
        """Record an input of a dry run, and the progress; raise Stopped if the job is to stop."""
        if self._row.dry_run:
            notes = self._notes.pop(result.source, [])
            message = "; ".join(filter(None, (result.message, *notes)))
            self._run.store(replace(result, message=message))
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            count_progress(self._row.pk, self._unit)
        if self._stopping() or is_cancelled(self._row.pk):
            raise Stopped


def is_cancelled(run: int) -> bool:
    """Return whether somebody asked for the end of a run."""
    return IngestRun.objects.filter(pk=run).exclude(cancel_requested=None).exists()


def note_phase(run: int, phase: str) -> None:
    """Store what a job does at the moment."""
    RunProgress.objects.filter(run=run).update(phase=phase[:_MAX_PHASE], updated=timezone.now())


def count_progress(run: int, unit: str) -> None:
    """Store how many of the inputs of a job are done."""
    inputs = IngestedFile.objects.filter(run=run)
    total = inputs.count()
    waiting = inputs.filter(outcome=IngestedFile.Outcome.WAITING).count()
    RunProgress.objects.filter(run=run).update(
        done=total - min(waiting, total), total=total, unit=unit, updated=timezone.now()
    )


def _execute(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
