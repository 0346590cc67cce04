"""Who may see, cancel and retry jobs, and when that is possible."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.utils import timezone

from catalogue import access, jobs
from catalogue.ingest.runs import ingest_run, mark_interrupted
from catalogue.models import Dataset, Grant, IngestRun, RunPart
from tests.catalogue.lab import Lab, make_reads_file
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


def reads(dataset: str = "trial", **options: Any) -> dict[str, Any]:
    return {"kind": "reads", "dataset": dataset, "files": ["lab:"], **options}


def test_arguments_are_checked_before_anything_is_queued() -> None:
    for arguments in (
        {},
        {**reads(), "colour": "red"},
        {**reads(), "files": []},
        {**reads(), "kind": "songs"},
    ):
        with pytest.raises(jobs.JobRefused):
            jobs.start("ingest_bam", arguments)
    with pytest.raises(jobs.UnknownKind, match="there is no kind of job 'dance'"):
        jobs.start("dance", {})
    assert not IngestRun.objects.exists()


def test_a_job_that_waits_is_not_queued_twice() -> None:
    first = jobs.start("ingest_bam", reads())
    assert jobs.start("ingest_bam", reads()) == first
    others = [
        jobs.start("ingest_bam", reads("other")),
        jobs.start("ingest_bam", reads(), dry_run=True),
        jobs.start("ingest_bam", reads(), account=make_user("anna").pk),
    ]
    assert len({first.pk, *(other.pk for other in others)}) == 4
    jobs.cancel(first)
    assert jobs.start("ingest_bam", reads()) != first


def test_a_job_is_visible_to_whom_it_concerns() -> None:
    managed, other = Dataset.objects.create(slug="managed"), Dataset.objects.create(slug="other")
    steward, starter, auditor, admin = (
        make_user(name) for name in ("steward", "starter", "auditor", "admin")
    )
    make_grant(managed, steward, role=Grant.Role.STEWARD)
    see = Permission.objects.get(codename="view_ingestrun")
    auditor.user_permissions.add(see)
    admin.user_permissions.add(see, Permission.objects.get(codename="change_ingestrun"))
    mine = jobs.start("ingest_bam", reads(managed.slug), account=starter.pk)
    theirs = jobs.start("ingest_bam", reads(other.slug))
    both = jobs.start("ingest_bam", reads())
    IngestRun.objects.filter(pk=both.pk).update(arguments={"datasets": ["managed", "other"]})
    with ingest_run("ingest_bam", reads(managed.slug)):
        command = IngestRun.objects.get(queued=None)
    every = {mine, theirs, both, command}
    for user, seen, controlled in (
        (steward, {mine, command}, {mine}),
        (starter, {mine}, {mine}),
        (auditor, every, set()),
        (admin, every, every - {command}),
        (AnonymousUser(), set(), set()),
    ):
        assert set(access.visible_runs(user)) == seen, user
        assert set(access.controllable_runs(user)) == controlled, user
    make_grant(other, steward, role=Grant.Role.STEWARD)
    assert set(access.visible_runs(steward)) == every


def test_what_is_possible_depends_on_the_state(lab: Lab) -> None:
    make_reads_file(lab.stored / "a.bam")
    with ingest_run("ingest_bam", {}):
        command = IngestRun.objects.get()
    queued = jobs.start("ingest_bam", reads())
    assert (jobs.can_cancel(queued), jobs.can_retry(queued)) == (True, False)
    assert (jobs.can_cancel(command), jobs.can_retry(command)) == (False, False)
    for run in (command, queued):
        with pytest.raises(jobs.NotPossible):
            jobs.retry(run)
    with pytest.raises(jobs.NotPossible):
        jobs.cancel(command)
    succeeded = do_job(queued)
    assert (jobs.can_cancel(succeeded), jobs.can_retry(succeeded)) == (False, False)
    cancelled = jobs.cancel(jobs.start("ingest_bam", reads()))
    assert (cancelled.outcome, jobs.can_retry(cancelled)) == ("cancelled", True)
    again = jobs.retry(cancelled, actor="anna")
    assert (again.retry_of, again.actor, again.outcome) == (cancelled, "anna", "queued")
    with pytest.raises(jobs.NotPossible, match="retried already"):
        jobs.retry(cancelled)
    assert do_job(again).summary["unchanged"] == 1


def test_a_job_without_a_worker_is_not_taken_for_an_interrupted_command() -> None:
    run = jobs.start("ingest_bam", reads())
    IngestRun.objects.filter(pk=run.pk).update(outcome="running", started=timezone.now())
    mark_interrupted()
    assert IngestRun.objects.get(pk=run.pk).outcome == "running"
    assert RunPart.objects.filter(run=run).exists()


def test_inputs_that_cannot_be_found_fail_the_job(lab: Lab) -> None:
    run = do_job(jobs.start("ingest_bam", {**reads(), "files": ["/nowhere/a.bam"]}))
    assert (run.outcome, run.files.get().message) == ("failed", "nothing to read here")
    refused = do_job(jobs.start("ingest_bam", reads("not a slug")))
    assert refused.outcome == "failed"
    assert "cannot be the name of a dataset" in refused.summary["faults"][0]
