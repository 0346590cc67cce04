"""The examination of a site: each fault is found, said with a remedy, and told by the exit status."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import checks
from django.db import OperationalError, connection
from django.test import override_settings

from catalogue.doctor import CHECKS, Finding, Level, database, examine
from catalogue.models import DataFile, IngestRun, RunPart
from catalogue.storage import FILES, SEQUENCES, storage
from tests.catalogue.lab import Lab, make_reads_file
from tests.catalogue.made_rows import make_sequence
from tests.catalogue.management.made_runs import run
from tests.object_faults import Fault
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db


def found(check: str) -> dict[str, list[Finding]]:
    """The findings of a check by their subjects."""
    findings: dict[str, list[Finding]] = {}
    for finding in examine([check]):
        findings.setdefault(finding.subject, []).append(finding)
    return findings


def only(check: str) -> Finding:
    (finding,) = examine([check])
    return finding


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level.value for finding in findings]


def test_every_finding_that_is_not_well_says_what_to_do(lab: Lab) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    for finding in examine():
        assert bool(finding.remedy) == (finding.level is not Level.OK), finding
        assert str(lab.stored) not in finding.message


def test_a_site_that_is_well_has_the_status_0_and_a_failure_1(lab: Lab) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    make_sequence(b"ACGT")
    well = ["--only", "database", "--only", "storages", "--only", "files", "--only", "migrations"]
    ran = run("doctor", *well)
    assert ran.status == 0, ran.out
    assert ran.out.splitlines()[-1].endswith(" ok, 0 warnings, 0 failures")
    DataFile.objects.update(state="missing")
    ran = run("doctor", *well)
    assert (ran.status, "1 missing of 1 files" in ran.out) == (0, True)
    assert run("doctor", *well, "--strict").status == 1
    DataFile.objects.update(storage="gone")
    ran = run("doctor", *well, "--json")
    assert ran.status == 1
    assert ran.json["failed"] is True
    (gone,) = [one for one in ran.json["findings"] if one["subject"] == "storage gone"]
    assert (gone["level"], "HTSGETSITE_STORAGES" in gone["remedy"]) == ("failure", True)
    assert ran.json["counts"] == {"ok": len(ran.json["findings"]) - 2, "warning": 1, "failure": 1}


def test_a_database_that_does_not_answer_is_a_failure_of_each_check_that_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> None:
        raise OperationalError("connection refused\n  Is the server running?")

    monkeypatch.setattr("catalogue.doctor.database.connection.cursor", refused)
    monkeypatch.setattr(connection, "close", lambda: None)
    finding = only("database")
    assert (finding.level, "connection refused Is the server running?" in finding.message) == (
        Level.FAILURE,
        True,
    )
    assert "DATABASE_URL" in finding.remedy
    assert run("doctor", "--only", "database", "--only", "clocks").last == "0 ok, 0 warnings, 2 failures"


def test_migrations_that_lack_or_are_unknown_are_told() -> None:
    assert only("migrations").level is Level.OK
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('catalogue', '9999_later', now())"
        )
    finding = only("migrations")
    assert (finding.level, "catalogue.9999_later" in finding.message) == (Level.WARNING, True)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '9999_later'")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'catalogue' AND name > '0080'")
    finding = only("migrations")
    assert (finding.level, finding.remedy) == (Level.FAILURE, "Run manage.py migrate.")


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0, "ok"), (1.5, "ok"), (10, "warning"), (-10, "warning"), (90, "failure"), (-90, "failure")],
)
def test_clocks_that_differ_are_told(ahead: float, level: str) -> None:
    finding = database.compared("clock", 1000 + ahead, since=1000, until=1000.2)
    assert finding.level == level
    if level != "ok":
        assert ("ahead of" if ahead > 0 else "behind") in finding.message


def test_the_clocks_of_the_database_and_of_a_bucket_are_read(
    stored_in_s3: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only("clocks").level is Level.OK
    assert found("storages")[f"clock of storage {FILES}"][0].level is Level.OK
    real = time.time
    monkeypatch.setattr("catalogue.doctor.database.time.time", lambda: real() - 300)
    assert only("clocks").level is Level.FAILURE
    monkeypatch.undo()
    place = storage(FILES)
    put = place.put
    monkeypatch.setattr(
        place,
        "put",
        lambda path, key: (stat := put(path, key)).__class__(stat.size, stat.etag, stat.modified + 10),
    )
    assert found("storages")[f"clock of storage {FILES}"][0].level is Level.WARNING


def test_storages_are_read_and_the_sites_own_are_written_to_without_a_trace(
    lab: Lab, stored_in_s3: ObjectStore, settings: Any
) -> None:
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "lab": lab.stored.as_uri()}
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    lab.bam(make_reads_file(lab.outside / "b.bam"), "--copy")
    before = [sorted(key for key, _ in storage(name).list()) for name in (FILES, SEQUENCES, "lab")]
    findings = found("storages")
    assert levels(findings[f"storage {FILES}"]) == ["ok", "ok"]
    assert levels(findings[f"storage {SEQUENCES}"]) == ["ok", "ok"]
    # The site does not write to a storage from which it only serves.
    assert [finding.message for finding in findings["storage lab"]] == [
        "reached, and a registered object was read"
    ]
    assert [sorted(key for key, _ in storage(name).list()) for name in (FILES, SEQUENCES, "lab")] == before


def test_a_bucket_that_refuses_is_a_failure_that_names_no_secret(stored_in_s3: ObjectStore) -> None:
    stored_in_s3.gate.fail(Fault.DENIED, only=lambda seen: seen.method in {"PUT", "POST"})
    findings = found("storages")[f"storage {FILES}"]
    assert levels(findings) == ["ok", "failure"]
    assert "cannot be written to" in findings[1].message
    assert "write and delete" in findings[1].remedy
    stored_in_s3.gate.fail(Fault.DENIED)
    (finding,) = found("storages")[f"storage {FILES}"]
    assert (finding.level, finding.message) == (Level.FAILURE, f"cannot be reached: storage {FILES!r} failed")


def test_an_object_that_vanished_is_told(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    path.unlink()
    (finding,) = found("storages")["storage lab"]
    assert (finding.level, "verify_files --storage lab" in finding.remedy) == (Level.WARNING, True)


def test_a_storage_that_gives_other_bytes_than_were_written_is_a_failure(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage(FILES), "read_range", lambda key, offset, length, **_: bytes(length))
    assert "other bytes than were written" in found("storages")[f"storage {FILES}"][-1].message


def test_a_storage_that_cannot_be_used_is_a_failure(settings: Any, tmp_path: Path) -> None:
    settings.HTSGETSITE_STORAGES = {
        **settings.HTSGETSITE_STORAGES, "ftp": "ftp://host/x", "gone": (tmp_path / "gone").as_uri(),
    }  # fmt: skip
    findings = found("storages")
    assert levels(findings["storage ftp"]) == levels(findings["storage gone"]) == ["failure"]


def test_little_space_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((100 << 30, "ok"), (5 << 30, "warning"), (1 << 29, "failure")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert only("space").level == level


def test_workers_are_told_alive_or_dead() -> None:
    assert only("workers").level is Level.WARNING
    run_row = IngestRun.objects.create(command="x", actor="x", queued="2026-01-01T00:00Z", outcome="queued")
    RunPart.objects.create(run=run_row, step="plan", number=0)
    finding = only("workers")
    assert (finding.level, "manage.py work" in finding.remedy) == (Level.FAILURE, True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '1 hour')"
        )
    finding = only("workers")
    assert (finding.level, finding.message) == (
        Level.OK, "1 alive, 1 other without a heartbeat; 1 part of jobs to do",
    )  # fmt: skip


def test_orphans_are_told_and_left_to_another_command(lab: Lab) -> None:
    orphan = lab.files / "data" / "ab" / f"{'c' * 62}.bam"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x" * 1234)
    assert levels(found("orphans")[f"orphans in {FILES}"]) == ["ok"]
    os.utime(orphan, (1, 1))
    (finding,) = found("orphans")[f"orphans in {FILES}"]
    assert "1 object of 1,234 bytes" in finding.message
    assert finding.remedy == "Run manage.py remove_orphans."
    assert orphan.exists()


def test_system_checks_are_told_with_their_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[Any] = [
        checks.Warning("slow", hint="Be quick.", id="x.W1"),
        checks.Error("broken", id="x.E1"),
    ]
    monkeypatch.setattr(checks, "run_checks", lambda **_: messages)
    assert list(examine(["settings"])) == [
        Finding("settings", Level.WARNING, "slow (x.W1)", "Be quick."),
        Finding("settings", Level.FAILURE, "broken (x.E1)", "See docs/settings.md."),
    ]
    messages.clear()
    assert only("settings").level is Level.OK


def test_the_command_starts_where_system_checks_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(HTSGETSITE_STORAGES={"files": "nonsense:", "sequences": "nonsense:"}):
        ran = run("doctor", "--only", "settings", "--only", "space", "--only", "orphans")
    assert ran.status == 1
    assert "catalogue.E001" in ran.out
    assert "space" in ran.out


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_runs_on_a_new_site(check: str) -> None:
    assert list(examine([check]))


def test_documents_name_every_check() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operate.md").read_text("utf-8")
    assert all(f"| `{check}` |" in page for check in CHECKS)
