"""Records the outcomes and the progress of a job while it runs, and tells its kind when to stop."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from django.db import DatabaseError, connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from catalogue.ingest.outcomes import InputResult
from catalogue.ingest.runs import Run, recorded_fields, recorded_source
from catalogue.jobs.locks import Session
from catalogue.models import IngestedFile, IngestRun, RunProgress

log = logging.getLogger(__name__)

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

    With `may_postpone` inputs whose storage does not answer have no outcome yet, and are `postponed`. Raises LockLost
    once the lock of the part is lost; within the transaction of an input, that takes it back.
    """

    def __init__(self, row: IngestRun, session: Session, *, may_postpone: bool) -> None:
        super().__init__(row.pk)
        self._dry_run = row.dry_run
        self.session = session
        self._may_postpone = may_postpone
        self.postponed: set[str] = set()

    def record(self, result: InputResult) -> None:
        # The transaction of an input is rolled back in a dry run; the observer records it then.
        if not self._dry_run:
            self.store(result)

    def record_all(self, results: Sequence[InputResult]) -> None:
        """Record the outcomes of some inputs, as `record` does."""
        for result in results:
            self.record(result)

    def store(self, result: InputResult) -> None:
        """Record the outcome of an input that has none yet."""
        self.session.verify()
        source = recorded_source(result.source)
        waiting = IngestedFile.objects.filter(
            run=self.pk, outcome=IngestedFile.Outcome.WAITING, source=source
        )
        if result.may_recover and self._may_postpone:
            self.postponed.add(source)
            waiting.update(message=result.message)
        else:
            self.failed |= result.failed
            waiting.update(**recorded_fields(result))

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
        self._within: tuple[str, int, int | None] | None = None

    @contextmanager
    def telling_bytes(self) -> Iterator[None]:
        """Store the progress within the only input of a job, in bytes, while the block lasts.

        A thread with a connection of its own does it, because the input is one long transaction.
        """
        ended = threading.Event()
        thread = threading.Thread(target=self._tell_bytes, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _tell_bytes(self, ended: threading.Event) -> None:
        told = None
        try:
            while not ended.wait(_EVERY):
                if self._within is not None and self._within != told:
                    label, done, total = told = self._within
                    # A pipe may hold more than its size says.
                    total = None if total is None or total < done else total
                    RunProgress.objects.filter(run=self._row.pk).update(
                        phase=f"reading {label}"[:_MAX_PHASE],
                        done=done,
                        total=total,
                        unit="bytes",
                        updated=timezone.now(),
                    )
        except DatabaseError:
            log.debug("the progress of run %s is not stored", self._row.pk, exc_info=True)
        finally:
            connection.close()

    def progressed(self, label: str, done: int, total: int | None) -> None:
        """Take note of progress within one input, which is stored where it is the only one of its job."""
        self._within = (label, done, total)

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
