"""Does one part of a job: finds its inputs, does some of them, or ends it.

A part is done when its row is gone. Whatever a killed worker had begun is begun again by another one; the outcome of an
input is recorded once, in the transaction that registers it.
"""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from catalogue import request_context
from catalogue.errors import CatalogueError, is_bug, one_line
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.ingest.runs import recorded_fields, recorded_source
from catalogue.jobs.kinds import Job, Kind, Plan, kind_of
from catalogue.jobs.locks import LockLost, Session, part_lock
from catalogue.jobs.queue import queue_parts
from catalogue.jobs.recording import JobObserver, JobRun, Stopped, count_progress, note_phase
from catalogue.models import IngestedFile, IngestRun, RunPart
from catalogue.models.violations import reason_of

log = logging.getLogger(__name__)

#: How often a part is begun without an input of it being done, before its next input counts as the cause.
MAX_ATTEMPTS: Final = 3
#: Upper bound of the inputs of a part; a short job has smaller parts, so that several workers share it.
MAX_PART: Final = 50
#: Seconds until inputs are tried again whose storage did not answer, after each attempt but the last.
DELAYS: Final = (60, 300, 900)
_SHARES: Final = 64
_WAITING: Final = IngestedFile.Outcome.WAITING
_ROWS: Final = 1000
_SUMS: Final = """
    SELECT each.key, sum(each.value::bigint)::bigint
    FROM catalogue_ingestedfile AS one CROSS JOIN jsonb_each_text(one.counts) AS each
    WHERE one.run_id = %s GROUP BY each.key HAVING sum(each.value::bigint) <> 0 ORDER BY each.key"""


def work_part(pk: int, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Do a part, unless it is done or another worker is at it.

    Stops between two inputs when `stopping` says so, and queues what is left. Raises django.db.Error when the database
    is lost: then another worker does the rest.
    """
    with part_lock(pk) as session:
        if session is None:
            return
        part = RunPart.objects.select_related("run", "run__progress").filter(pk=pk).first()
        if part is None:
            return
        with _context_of(part.run):
            try:
                _work_part(part, session, stopping)
            except LockLost:
                log.warning(
                    "run %s: part %s lost the database; a worker begins it again", part.run_id, part.number
                )


def _work_part(part: RunPart, session: Session, stopping: Callable[[], bool]) -> None:
    row = part.run
    if row.cancel_requested is not None or row.is_over:
        _end_part(part)
        return
    run = JobRun(row, session, may_postpone=not row.dry_run and part.postponed < len(DELAYS))
    try:
        kind = kind_of(row.command)
        job = Job(row, run, JobObserver(row, run, unit=kind.unit, stopping=stopping))
        _STEPS[RunPart.Step(part.step)](part, kind, job)
    except Stopped:
        _stop(part)
    except CatalogueError as error:
        _fail(part, run, str(error))
    except Exception as error:
        _verify_database(session)
        log.error("%s of run %s failed: %s", part.step, row.pk, one_line(error), exc_info=is_bug(error))
        _fail(part, run, reason_of(error))


def _verify_database(session: Session) -> None:
    """Raise LockLost if the error under way is one of the database connection."""
    if not session.goes_on or not connection.is_usable():
        raise LockLost


def _plan(part: RunPart, kind: Kind, job: Job) -> None:
    row = job.row
    IngestRun.objects.filter(pk=row.pk, outcome=IngestRun.Outcome.QUEUED).update(
        outcome=IngestRun.Outcome.RUNNING, started=timezone.now()
    )
    note_phase(row.pk, "finding the inputs")
    plan = kind.plan(job)
    with transaction.atomic():
        _locked(row.pk)
        if not RunPart.objects.filter(pk=part.pk).exists():
            # Another worker took this one for lost, and was quicker.
            raise LockLost
        parts = _save_plan(row, plan)
        parts = RunPart.objects.bulk_create(parts, batch_size=_ROWS)
        queue_parts(parts)
        _end_part(part)
    note_phase(row.pk, "working")
    count_progress(row.pk, kind.unit)
    log.info("run %s (%s): %s inputs in %s parts", row.pk, row.command, len(plan.inputs), len(parts))


def _save_plan(row: IngestRun, plan: Plan) -> list[RunPart]:
    """Store the rows of the inputs; return the parts to do them in, not saved."""
    done = _done_before(row)
    inputs = list(plan.inputs) if plan.together else [one for one in plan.inputs if one.source not in done]
    size = len(inputs) if plan.together else min(MAX_PART, math.ceil(len(inputs) / _SHARES))
    rows = [
        IngestedFile(run=row, source=recorded_source(result.source), **recorded_fields(result))
        for result in plan.refused
    ]
    rows += [
        IngestedFile(
            run=row,
            source=recorded_source(one.source),
            outcome=_WAITING,
            part=1 + index // size,
            work=dict(one.work),
        )
        for index, one in enumerate(inputs)
    ]
    IngestedFile.objects.bulk_create(rows, batch_size=_ROWS)
    count = math.ceil(len(inputs) / size) if inputs else 0
    return [RunPart(run=row, step=RunPart.Step.WORK, number=1 + index) for index in range(count)]


def _done_before(row: IngestRun) -> set[str]:
    """Return the names of the inputs that the jobs before this one finished: those that it retries."""
    done: set[str] = set()
    before = row.retry_of
    while before is not None:
        rows = before.files.exclude(outcome__in=(_WAITING, "failed", "cancelled"))
        done.update(rows.values_list("source", flat=True))
        before = before.retry_of
    return done


def _work(part: RunPart, kind: Kind, job: Job) -> None:
    inputs = IngestedFile.objects.filter(run=part.run_id, part=part.number).order_by("pk")
    if part.postponed:
        note_phase(part.run_id, "working")
    while (waiting := _waiting(inputs, job)).exists():
        part.attempts += 1
        part.save(update_fields=["attempts"])
        # What ended a worker twice is found by doing the inputs one by one.
        batch = list(waiting[:1] if part.attempts > 2 else waiting.all())
        if part.attempts > MAX_ATTEMPTS:
            _give_up(batch[0], job, "the workers that began with it ended before they were done")
        elif not _try(kind, job, batch):
            part.attempts = 2
            continue
        for one in _waiting(inputs, job).filter(pk__in=[one.pk for one in batch]):
            _give_up(one, job, "the job did nothing with it")
        part.attempts = 0 if part.attempts <= 2 else 2
    count_progress(part.run_id, kind.unit)
    if job.run.postponed:
        _postpone(part, len(job.run.postponed))
        return
    log.info(
        "run %s (%s): part %s done, %s inputs", part.run_id, part.run.command, part.number, inputs.count()
    )
    _end_part(part)


def _waiting(inputs: QuerySet[IngestedFile], job: Job) -> QuerySet[IngestedFile]:
    return inputs.filter(outcome=_WAITING).exclude(source__in=job.run.postponed)


def _postpone(part: RunPart, count: int) -> None:
    """Queue a part for later; what is left of it waits for a storage."""
    at = timezone.now() + timedelta(seconds=DELAYS[part.postponed])
    with transaction.atomic():
        RunPart.objects.filter(pk=part.pk).update(attempts=0, postponed=part.postponed + 1)
        queue_parts([part], at=at)
    note_phase(part.run_id, f"waiting for a storage, next attempt at {at:%H:%M} UTC")
    log.warning(
        "run %s: part %s waits for a storage, with %s inputs; attempt %s of %s is at %s",
        part.run_id, part.number, count, part.postponed + 2, len(DELAYS) + 1, at.isoformat(timespec="seconds"),
    )  # fmt: skip


def _try(kind: Kind, job: Job, batch: Sequence[IngestedFile]) -> bool:
    """Process a batch; return False if an unexpected error ended one of several inputs, to be tried one by one."""
    alone = job.row.files.count() == 1
    try:
        with job.observer.telling_bytes() if alone else nullcontext():
            kind.work(job, batch)
    except CatalogueError as error:
        reason = str(error)
    except Exception as error:
        _verify_database(job.run.session)
        log.error("an input of run %s failed: %s", job.row.pk, one_line(error), exc_info=is_bug(error))
        if len(batch) > 1:
            return False
        reason = reason_of(error)
    else:
        return True
    for one in batch:
        _give_up(one, job, reason)
    return True


def _give_up(one: IngestedFile, job: Job, reason: str) -> None:
    job.run.store(InputResult(one.source, Outcome.FAILED, reason))


def _finish(part: RunPart, kind: Kind, job: Job) -> None:
    note_phase(part.run_id, "finishing")
    job.run.add_to_summary(kind.finish(job))
    _end_part(part)


_STEPS: Final[dict[RunPart.Step, Callable[[RunPart, Kind, Job], None]]] = {
    RunPart.Step.PLAN: _plan,
    RunPart.Step.WORK: _work,
    RunPart.Step.FINISH: _finish,
}


def _stop(part: RunPart) -> None:
    """End a part of a cancelled job; queue that of another one again, because its worker stops."""
    if IngestRun.objects.filter(pk=part.run_id).exclude(cancel_requested=None).exists():
        _end_part(part)
        return
    with transaction.atomic():
        RunPart.objects.filter(pk=part.pk).update(attempts=0)
        queue_parts([part])


def _fail(part: RunPart, run: JobRun, reason: str) -> None:
    """End a job whose inputs cannot be found, or that cannot be ended as it should."""
    run.add_fault(reason)
    # Inputs that wait are not begun any more.
    RunPart.objects.filter(run=part.run_id, step=RunPart.Step.WORK).delete()
    _end_part(part)


def _end_part(part: RunPart) -> None:
    """Remove a part, and go on: after the last one comes the end of the job, after that the job is over."""
    with transaction.atomic():
        row = _locked(part.run_id)
        RunPart.objects.filter(pk=part.pk).delete()
        if row.is_over or RunPart.objects.filter(run=row).exists():
            return
        unplanned = bool(row.summary.get("faults")) and part.step == RunPart.Step.PLAN
        stopped = unplanned or row.cancel_requested is not None
        if stopped or part.step == RunPart.Step.FINISH:
            end_run(row)
        else:
            queue_parts([RunPart.objects.create(run=row, step=RunPart.Step.FINISH, number=part.number + 1)])


def end_run(row: IngestRun) -> None:
    """Store the outcome of a job without parts. Call it in the transaction that locked the row."""
    row.files.filter(outcome=_WAITING).update(outcome=IngestedFile.Outcome.CANCELLED)
    counts = dict(row.files.values_list("outcome").annotate(count=Count("pk")).order_by())
    failed = bool(counts.get("failed") or row.summary.get("faults"))
    row.outcome = IngestRun.Outcome.FAILED if failed else IngestRun.Outcome.SUCCEEDED
    if row.cancel_requested is not None:
        row.outcome = IngestRun.Outcome.CANCELLED
    row.finished = timezone.now()
    outcomes = {outcome.replace(" ", "_"): count for outcome, count in counts.items()}
    row.summary = {**outcomes, **({"counts": sums} if (sums := _sums(row)) else {}), **row.summary}
    kept = row.dry_run or kind_of(row.command).keeps_attachment
    if row.outcome == IngestRun.Outcome.SUCCEEDED and not kept:
        # Nobody can retry it; a preview can be started for good.
        row.attachment = None
    row.save(update_fields=["outcome", "finished", "summary", "attachment"])
    note_phase(row.pk, "")
    count_progress(row.pk, row.progress.unit)
    log.info("run %s (%s) %s: %s", row.pk, row.command, row.outcome, row.summary)


def _sums(row: IngestRun) -> dict[str, int]:
    """Return the sum of each count of the inputs that is not 0."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [row.pk])
        return dict(cursor.fetchall())


def _locked(run: int) -> IngestRun:
    return IngestRun.objects.select_for_update().get(pk=run)


@contextmanager
def _context_of(row: IngestRun) -> Iterator[None]:
    """Let the audit record changes as those of the account that started the job."""
    actor = request_context.Actor(row.actor, row.account_id)
    request_context.begin(request_context.RequestContext(session=lambda: actor))
    try:
        yield
    finally:
        request_context.end()
