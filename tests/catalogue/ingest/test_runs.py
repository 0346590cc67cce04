"""The row of a run after every kind of end."""

import pytest
from django.db import connection
from django.utils import timezone

from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.ingest.runs import ingest_run
from catalogue.models import IngestedFile, IngestRun

pytestmark = pytest.mark.django_db


def outcome() -> str:
    return IngestRun.objects.latest("pk").outcome


def test_a_run_that_succeeds() -> None:
    with ingest_run("trial", {"files": ["a"]}) as run:
        assert outcome() == "running"
        run.record(InputResult("a" * 2000, Outcome.REPLACED, counts={"records": 2}))
        run.summary = {"records": 2}
    row = IngestRun.objects.get()
    assert (row.outcome, row.summary, row.arguments) == ("succeeded", {"records": 2}, {"files": ["a"]})
    assert row.finished is not None and row.finished <= timezone.now()
    assert row.files.get().source == "a" * 1024


def test_a_run_with_a_file_that_failed() -> None:
    with ingest_run("trial", {}) as run:
        run.record(InputResult("a", Outcome.FAILED, "why"))
        run.record(InputResult("b", Outcome.ADDED))
        run.record(InputResult("c", Outcome.PASSED_OVER))
    assert outcome() == "failed"
    assert list(IngestedFile.objects.order_by("pk").values_list("source", "outcome", "message")) == [
        ("a", "failed", "why"),
        ("b", "added", ""),
    ]


def test_of_a_dry_run_nothing_is_recorded() -> None:
    with ingest_run("trial", {}, dry_run=True) as run:
        run.record(InputResult("a", Outcome.FAILED))
    assert run.failed
    assert not IngestRun.objects.exists()


def test_a_run_that_says_it_failed() -> None:
    with ingest_run("trial", {}) as run:
        run.failed = True
    assert outcome() == "failed"


@pytest.mark.parametrize(("error", "expected"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_a_run_that_ends_with_an_error(error: type[BaseException], expected: str) -> None:
    with pytest.raises(error), ingest_run("trial", {}):
        raise error
    assert outcome() == expected


def test_a_run_that_nobody_runs_any_more_was_interrupted() -> None:
    left = IngestRun.objects.create(command="other")
    with ingest_run("trial", {}):
        left.refresh_from_db()
        assert left.outcome == "interrupted"
        assert left.finished is not None


@pytest.mark.django_db(transaction=True)
def test_a_run_that_goes_on_elsewhere_is_left_alone() -> None:
    going_on = IngestRun.objects.create(command="trial")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [0x72756E73, going_on.pk])
        with ingest_run("trial", {}):
            pass
        going_on.refresh_from_db()
        assert going_on.outcome == "running"
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()
    with ingest_run("trial", {}):
        pass
    going_on.refresh_from_db()
    assert going_on.outcome == "interrupted"


def test_no_lock_outlives_its_run() -> None:
    with ingest_run("trial", {}):
        pass
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s", [0x72756E73]
        )
        assert cursor.fetchone() == (0,)
