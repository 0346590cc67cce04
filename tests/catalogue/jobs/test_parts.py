"""Parts of jobs that are stopped, fail unexpectedly, or lose their worker."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from catalogue import jobs
from catalogue.errors import CatalogueError, StorageUnavailable
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.jobs import kinds, locks, parts, queue
from catalogue.jobs.kinds import Input, Job, Kind, Plan
from catalogue.jobs.parts import DELAYS, MAX_ATTEMPTS, work_part
from catalogue.jobs.recovery import recover
from catalogue.models import IngestedFile, IngestRun, RunPart
from catalogue.queries.runs import state_of
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Callable[..., IngestRun]:
    """Start a job of a kind of which `work` does each input; a short job has one part."""
    monkeypatch.setattr(parts, "_SHARES", 1)

    def start(work: Callable[[str], None], count: int = 4) -> IngestRun:
        def do(job: Job, inputs: Sequence[IngestedFile]) -> None:
            for one in inputs:
                try:
                    work(one.source)
                    result = InputResult(one.source, Outcome.ADDED, counts={"done": 1})
                except StorageUnavailable as error:
                    result = InputResult(one.source, Outcome.FAILED, str(error), may_recover=True)
                job.run.record(result)
                job.observer.finished(result)

        kind = Kind(
            name="trial",
            title="Trial",
            check=lambda arguments, dry_run: None,
            plan=lambda job: Plan([Input(f"i{number}") for number in range(count)]),
            work=do,
        )
        monkeypatch.setitem(kinds.KINDS, "trial", kind)
        return jobs.start("trial", {})

    return start


def outcomes(run: IngestRun) -> list[str]:
    return list(run.files.order_by("pk").values_list("outcome", flat=True))


def work_parts(run: IngestRun, **options: Any) -> None:
    for part in list(RunPart.objects.filter(run=run).order_by("number")):
        work_part(part.pk, **options)


def test_a_worker_that_stops_leaves_the_rest_to_another(trial: Callable[..., IngestRun]) -> None:
    seen: list[str] = []
    run = trial(seen.append)
    work_parts(run)
    work_parts(run, stopping=lambda: len(seen) == 2)
    part = RunPart.objects.get(run=run)
    assert (seen, outcomes(run)) == (["i0", "i1"], ["added", "added", "waiting", "waiting"])
    assert (part.attempts, queue.queued([part.pk])) == (0, {part.pk})
    assert do_job(run).summary == {"added": 4, "counts": {"done": 4}}
    assert seen == ["i0", "i1", "i2", "i3"]


def test_a_running_job_is_cancelled_between_two_inputs(trial: Callable[..., IngestRun]) -> None:
    def cancel_at(source: str) -> None:
        if source == "i1":
            # The part is locked by its worker, so that it is left to the worker to end it; here both are one.
            IngestRun.objects.filter(pk=run.pk).update(cancel_requested=run.queued)

    run = trial(cancel_at)
    done = do_job(run)
    assert (done.outcome, outcomes(run)) == ("cancelled", ["added", "added", "cancelled", "cancelled"])
    again = do_job(jobs.retry(done))
    assert again.files.count() == 2
    assert (again.outcome, again.summary["added"]) == ("succeeded", 2)


def test_an_error_nobody_expected_fails_one_input_only(trial: Callable[..., IngestRun]) -> None:
    def fail_at(source: str) -> None:
        if source == "i2":
            raise ZeroDivisionError("a fault of the program")

    done = do_job(trial(fail_at))
    assert outcomes(done) == ["added", "added", "failed", "added"]
    assert done.files.get(outcome="failed").message == "ZeroDivisionError: a fault of the program"


@pytest.mark.parametrize(
    ("error", "traces"),
    [(OperationalError("no space\nHINT: wait"), False), (OSError("full"), False), (KeyError("x"), True)],
)
def test_only_a_bug_has_a_traceback(
    trial: Callable[..., IngestRun], caplog: pytest.LogCaptureFixture, error: Exception, traces: bool
) -> None:
    def fail(source: str) -> None:
        raise error

    assert outcomes(do_job(trial(fail, 1))) == ["failed"]
    [line] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert bool(line.exc_info) == traces and "\n" not in line.getMessage()


def test_an_error_of_the_catalogue_fails_what_was_not_done(trial: Callable[..., IngestRun]) -> None:
    def fail_at(source: str) -> None:
        if source == "i1":
            raise CatalogueError("the dataset is gone")

    done = do_job(trial(fail_at))
    assert outcomes(done) == ["added", "failed", "failed", "failed"]


def test_inputs_whose_storage_does_not_answer_are_tried_again_later(trial: Callable[..., IngestRun]) -> None:
    down = [True]

    def fail_at(source: str) -> None:
        if source == "i1" and down:
            raise StorageUnavailable("storage far does not answer")

    run = trial(fail_at)
    work_parts(run)
    work_parts(run)
    part = RunPart.objects.get(run=run)
    assert (outcomes(run), part.postponed) == (["added", "waiting", "added", "added"], 1)
    queued = ProcrastinateJob.objects.get(args={"part": part.pk}, scheduled_at__isnull=False)
    assert 50 < (queued.scheduled_at - timezone.now()).total_seconds() <= DELAYS[0]
    assert recover() == 0
    run.refresh_from_db()
    state = state_of(run)
    assert (
        state.told == f"3 of 4 files, waiting for a storage, next attempt at {queued.scheduled_at:%H:%M} UTC"
    )
    assert run.files.get(outcome="waiting").message == "storage far does not answer"
    down.clear()
    done = do_job(run)
    assert (done.outcome, outcomes(run)) == ("succeeded", ["added"] * 4)
    assert not run.files.exclude(message="").exists()


def test_a_storage_that_stays_away_fails_its_inputs_in_the_end(trial: Callable[..., IngestRun]) -> None:
    attempts: list[str] = []

    def fail(source: str) -> None:
        attempts.append(source)
        raise StorageUnavailable("storage far does not answer")

    run = trial(fail, 1)
    while RunPart.objects.filter(run=run).exists():
        work_parts(run)
    run.refresh_from_db()
    assert (run.outcome, outcomes(run), len(attempts)) == ("failed", ["failed"], len(DELAYS) + 1)
    again = jobs.retry(run)
    work_parts(again)
    work_parts(again)
    assert jobs.cancel(again).outcome == "cancelled"


def test_an_input_that_ends_every_worker_is_given_up(trial: Callable[..., IngestRun]) -> None:
    class Killed(BaseException):
        pass

    def kill_at(source: str) -> None:
        if source == "i1":
            raise Killed

    run = trial(kill_at)
    work_parts(run)
    for _ in range(MAX_ATTEMPTS + 1):
        part = RunPart.objects.filter(run=run, step=RunPart.Step.WORK).first()
        if part is None:
            break
        try:
            work_part(part.pk)
        except Killed:
            continue
    done = do_job(run)
    assert outcomes(done) == ["added", "failed", "added", "added"]
    assert "ended before" in done.files.get(outcome="failed").message


def test_a_part_is_done_by_one_worker_at_a_time(
    trial: Callable[..., IngestRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trial(lambda source: None)
    work_parts(run)
    (part,) = RunPart.objects.filter(run=run)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [locks._LOCK_CLASS, part.pk])
        work_part(part.pk)
        assert set(outcomes(run)) == {"waiting"}
        assert recover() == 0
        jobs.cancel(run)
        assert IngestRun.objects.get(pk=run.pk).outcome == "running"
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [locks._LOCK_CLASS, part.pk])
    finally:
        other.close()
    work_part(part.pk)
    assert IngestRun.objects.get(pk=run.pk).outcome == "cancelled"


def test_a_part_without_a_worker_is_queued_again(trial: Callable[..., IngestRun]) -> None:
    run = trial(lambda source: None)
    assert recover() == 0
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert (recover(), recover()) == (1, 0)
    do_job(run)
    assert recover() == 0


def test_a_worker_without_its_lock_records_nothing(trial: Callable[..., IngestRun]) -> None:
    def lose(source: str) -> None:
        if source == "i1":
            session.goes_on_for_test = False

    class Lossy(locks.Session):
        goes_on_for_test = True

        @property
        def goes_on(self) -> bool:
            return self.goes_on_for_test

    run = trial(lose)
    work_parts(run)
    part = RunPart.objects.select_related("run").get(run=run)
    session = Lossy()
    with pytest.raises(locks.LockLost):
        parts._work_part(part, session, lambda: False)
    assert outcomes(run) == ["added", "waiting", "waiting", "waiting"]
    assert do_job(run).summary == {"added": 4, "counts": {"done": 4}}


def test_a_long_job_is_shared_by_many_parts() -> None:
    rows = [Input(str(number)) for number in range(1000)]
    run = IngestRun.objects.create(command="trial", queued="2026-01-01T00:00Z", outcome="queued")
    made = parts._save_plan(run, Plan(rows))
    assert len(made) == 63
    assert run.files.filter(part=1).count() == 16
    together = IngestRun.objects.create(command="trial", queued="2026-01-01T00:00Z", outcome="queued")
    assert len(parts._save_plan(together, Plan(rows, together=True))) == 1
