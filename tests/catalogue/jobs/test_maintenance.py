"""Jobs that keep a site in order, those of the night, and those about registered files."""

import os
import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from catalogue import audit, jobs
from catalogue.audit import Event, Kind
from catalogue.jobs.nightly import start_nightly
from catalogue.models import AuditEvent, DataFile, Dataset, Grant, IngestRun
from tests.catalogue.lab import Lab, make_reads_file
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_fasta import make_fasta, make_residues
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


def test_states_are_refreshed(lab: Lab) -> None:
    paths = {name: make_reads_file(lab.stored / f"{name}.bam") for name in ("good", "gone", "changed")}
    lab.bam(lab.stored)
    stat = paths["changed"].stat()
    paths["gone"].unlink()
    paths["changed"].write_bytes(b"else")
    run = do_job(jobs.start("refresh_states", {}))
    assert (run.outcome, run.summary["counts"]) == ("failed", {"files": 3, "missing or changed": 2})
    states = dict(DataFile.objects.values_list("htsget_id", "state"))
    assert states == {"good": "ready", "gone": "missing", "changed": "changed"}
    make_reads_file(paths["changed"])
    os.utime(paths["changed"], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    DataFile.objects.filter(htsget_id="gone").delete()
    again = do_job(jobs.start("refresh_states", {}))
    assert DataFile.objects.get(htsget_id="changed").state in {"ready", "changed"}
    assert again.summary["counts"]["files"] == 2


def test_sequences_are_verified(settings: Any, tmp_path: Path) -> None:
    folder = tmp_path / "residues"
    folder.mkdir()
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}
    fasta = make_fasta(
        tmp_path / "a.fa", {"long": make_residues(200_000), "short": make_residues(50, seed=1)}
    )
    call_command("ingest_fasta", fasta, stdout=StringIO())
    sound = do_job(jobs.start("verify_sequences", {}))
    assert (sound.outcome, sound.summary["counts"]) == ("succeeded", {"residues": 200_050, "sequences": 2})
    largest = max(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    largest.chmod(0o600)
    largest.write_bytes(b"A" * 200_000)
    broken = do_job(jobs.start("verify_sequences", {}))
    assert (broken.outcome, broken.summary["counts"]["differences"]) == ("failed", 1)
    assert "md5" in broken.files.get().message


def test_collections_are_digested() -> None:
    make_collection("whole", {"a": b"ACGT", "b": b"AC"}, digested=False)
    make_collection("part", {"a": b"ACGT", "c": b"GG"}, md5_only=["c"], digested=False)
    run = do_job(jobs.start("digest_collections", {}))
    told = {one.source.split(" ")[0]: (one.outcome, "md5 only" in one.message) for one in run.files.all()}
    assert told == {"whole": ("changed", False), "part": ("unchanged", True)}


def test_orphans_are_removed(lab: Lab) -> None:
    orphan = lab.files / "data" / "ab" / ("cd" * 31 + ".bam")
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"of a killed ingest")
    past = time.time() - 3600
    os.utime(orphan, (past, past))
    preview = do_job(jobs.start("remove_orphans", {"older_than": 0.5}, dry_run=True))
    assert (preview.summary["counts"]["objects"], orphan.exists()) == (1, True)
    assert do_job(jobs.start("remove_orphans", {})).summary["unchanged"] == 2
    run = do_job(jobs.start("remove_orphans", {"older_than": 0.5}))
    assert (run.summary["counts"]["bytes"], orphan.exists()) == (18, False)


def test_the_audit_is_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    audit.record(Event(Kind.ADMIN, target="old"))
    run = do_job(jobs.start("prune_audit", {"days": 2}))
    assert (run.outcome, run.summary.get("unchanged")) == ("succeeded", 1)
    later = timezone.now() + timedelta(days=3)
    monkeypatch.setattr("catalogue.jobs.maintenance.timezone.now", lambda: later)
    assert do_job(jobs.start("prune_audit", {"days": 2})).summary["counts"]["events"] >= 1
    assert not AuditEvent.objects.filter(target="old").exists()
    with pytest.raises(jobs.JobRefused):
        jobs.start("prune_audit", {"days": 0})


def test_jobs_of_the_night_start_once_a_night(settings: Any) -> None:
    settings.NIGHTLY_REFRESH_STATES, settings.NIGHTLY_VERIFY_FILES = clock(2, 0), None
    settings.NIGHTLY_REMOVE_ORPHANS, settings.NIGHTLY_PRUNE_AUDIT = clock(23, 30), clock(3, 0)
    settings.AUDIT_DAYS = None
    night = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)

    def started(after: timedelta) -> list[str]:
        return [run.command for run in start_nightly(night + after)]

    assert started(timedelta(minutes=-1)) == ["remove_orphans"]
    assert started(timedelta(0)) == ["refresh_states"]
    assert started(timedelta(minutes=5)) == []
    settings.AUDIT_DAYS = 30
    assert started(timedelta(hours=2)) == ["prune_audit"]
    # A worker that comes too late leaves the night out.
    assert started(timedelta(days=1, hours=12)) == []
    assert started(timedelta(days=2)) == ["refresh_states", "remove_orphans"]
    (first, *_) = IngestRun.objects.filter(command="prune_audit")
    assert (first.actor, first.arguments["days"], first.account) == ("nightly", 30, None)
    assert do_job(first).outcome == "succeeded"


def test_files_are_verified_indexed_moved_and_removed_by_jobs(lab: Lab) -> None:
    for name in ("a", "b"):
        make_reads_file(lab.stored / f"{name}.bam")
    lab.bam(lab.stored, dataset="here")
    there = Dataset.objects.create(slug="there")
    (lab.stored / "b.bam").write_bytes(b"else")
    verified = do_job(jobs.start("verify_files", {"deep": True}))
    assert {one.source.split("/")[-1][0]: one.outcome for one in verified.files.all()} == {
        "a": "unchanged",
        "b": "failed",
    }
    indexed = do_job(jobs.start("index_files", {"filter": {"ids": ["a"]}}))
    assert (indexed.outcome, indexed.files.count()) == ("succeeded", 1)
    a = DataFile.objects.get(htsget_id="a")
    moved = do_job(jobs.start("move_files", {"files": [a.pk], "to": "there"}))
    assert (moved.summary["changed"], DataFile.objects.get(pk=a.pk).dataset) == (1, there)
    removed = do_job(jobs.start("remove_files", {"filter": {"datasets": ["here"]}}))
    assert (removed.summary["changed"], DataFile.objects.count()) == (1, 1)
    for kind, arguments in (
        ("move_files", {"to": "there"}),
        ("remove_files", {}),
        ("verify_files", {"deep": 1}),
        ("verify_files", {"filter": {"colours": []}}),
        ("export_manifest", {"format": "xml"}),
    ):
        with pytest.raises(jobs.JobRefused):
            jobs.start(kind, arguments)


def test_a_steward_changes_and_exports_what_they_manage_only(lab: Lab) -> None:
    for name in ("mine", "theirs"):
        lab.bam(make_reads_file(lab.stored / f"{name}.bam"), dataset=name)
    steward = make_user("s")
    make_grant(Dataset.objects.get(slug="mine"), steward, role=Grant.Role.STEWARD)
    every = list(DataFile.objects.values_list("pk", flat=True))
    verified = do_job(jobs.start("verify_files", {"files": every}, account=steward.pk))
    assert [one.source.split(" ")[0] for one in verified.files.all()] == ["reads/mine"]
    moved = do_job(jobs.start("move_files", {"files": every, "to": "theirs"}, account=steward.pk))
    assert (moved.outcome, "does not manage" in moved.files.get().message) == ("failed", True)
    exported = do_job(jobs.start("export_manifest", {"format": "jsonl"}, account=steward.pk))
    assert exported.attachment is not None
    text = exported.attachment["manifest"]
    assert (text.count("\n"), '"id": "mine"' in text) == (1, True)
    whole = do_job(jobs.start("export_manifest", {}))
    assert whole.attachment is not None
    assert whole.attachment["manifest"] == lab.export()
    steward.delete()
    orphaned = jobs.start("verify_files", {}, account=None)
    IngestRun.objects.filter(pk=orphaned.pk).update(of_account=True)
    assert "not active" in do_job(orphaned).summary["faults"][0]


def test_commands_queue_the_same(lab: Lab) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    for command, *options in (
        ("verify_files", "--deep"),
        ("index_files", "a"),
        ("verify_sequences",),
        ("digest_collections",),
        ("remove_orphans", "--dry-run"),
    ):
        said = lab._run(command, *options, "--background")
        assert said.status == 0, said
        run = IngestRun.objects.exclude(queued=None).latest("queued")
        assert (run.command, f"Job {run.pk} is queued" in said.summary) == (command, True)
        assert f"/admin/runs/{run.pk}/" in said.summary
        assert do_job(run).outcome == "succeeded", run.summary
    assert run.dry_run
    assert timezone.now() >= run.started
