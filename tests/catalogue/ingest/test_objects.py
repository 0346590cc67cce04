"""Objects made by the site are removed with the last row that refers to them; orphans are removed."""

import json
import os
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks

from catalogue.ingest.objects import residue_writes
from catalogue.ingest.runs import ingest_run
from catalogue.models import DataFile, ResidueBlob, Sequence
from catalogue.storage import FILES, SEQUENCES, Storage, storage
from tests.catalogue.lab import Lab, make_reads_file
from tests.catalogue.made_fasta import make_fasta, make_residues
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db

COPY = "data/ab/" + "c" * 62 + ".bam"
INDEX = "index/lab/run/a.bam.csi"
BLOB = "ab/cd/" + "e" * 28
PACK = "packed/ab/" + "c" * 46
FOREIGN = ("notes.txt", "data/mine.bam", "ab/cd/short", "index/readme")


def put(place: Storage, key: str) -> None:
    staged = place.staging() / "made"
    staged.write_bytes(b"0123456789")
    place.put(staged, key)


def keys(name: str) -> set[str]:
    return {entry.key for entry in storage(name).list()}


def sweep(*arguments: str, **options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("remove_orphans", *arguments, json=True, stdout=out, stderr=StringIO(), **options)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


@pytest.fixture
def sequences(lab: Lab, settings: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "sequences"
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}
    return folder


@pytest.mark.parametrize("how", ["row", "queryset"])
def test_a_deleted_file_takes_its_copy_and_its_built_index_along(
    lab: Lab, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, how: str
) -> None:
    path = make_reads_file(lab.outside / "a.bam", index=None)
    lab.bam(path, "--copy")
    lab.bam(path, "--copy", "--id", "b", dataset="other")
    assert len(lab.kept()) == 2
    for count, row in ((2, DataFile.objects.get(htsget_id="a")), (0, DataFile.objects.get(htsget_id="b"))):
        with django_capture_on_commit_callbacks(execute=True):
            row.delete() if how == "row" else DataFile.objects.filter(pk=row.pk).delete()
            assert len(lab.kept()) == 2
        assert len(lab.kept()) == count
    assert path.exists()


def test_a_deleted_file_leaves_what_the_site_did_not_make(
    lab: Lab, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    with django_capture_on_commit_callbacks(execute=True):
        DataFile.objects.all().delete()
    assert path.exists() and path.with_name("a.bam.bai").exists()


def test_a_deletion_that_is_rolled_back_removes_nothing(
    lab: Lab, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    lab.bam(make_reads_file(lab.outside / "a.bam"), "--copy")
    with django_capture_on_commit_callbacks(execute=True), connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before")
        DataFile.objects.all().delete()
        cursor.execute("ROLLBACK TO SAVEPOINT before")
    # The callback ran, as it would after a commit by others, and found the row.
    assert len(lab.kept()) == 1


def test_deleted_sequences_take_their_blob_along_once_it_holds_no_other(
    sequences: Path, tmp_path: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    fasta = make_fasta(tmp_path / "x.fa", {"a": b"ACGT", "b": b"CCCC", "c": make_residues(70_000)})
    call_command("ingest_fasta", str(fasta), stdout=StringIO())
    short = list(Sequence.objects.filter(length=4))
    for left, row in ((2, short[0]), (1, short[1]), (0, Sequence.objects.get(length=70_000))):
        with django_capture_on_commit_callbacks(execute=True):
            row.delete()
        assert len(keys(SEQUENCES)) == ResidueBlob.objects.count() == left


def test_orphans_are_removed_and_nothing_else(lab: Lab, sequences: Path, tmp_path: Path) -> None:
    lab.bam(make_reads_file(lab.outside / "a.bam", index=None), "--copy")
    call_command(
        "ingest_fasta",
        str(make_fasta(tmp_path / "x.fa", {"a": b"AC", "b": make_residues(70_000)})),
        stdout=StringIO(),
    )
    files, residues = keys(FILES), keys(SEQUENCES)
    for name, orphans in ((FILES, (COPY, INDEX)), (SEQUENCES, (BLOB, PACK))):
        for key in (*orphans, *FOREIGN):
            put(storage(name), key)
    assert sweep()["objects"] == []
    told = sweep(older_than=0, dry_run=True)
    assert told["objects"] == [f"sequences:{BLOB}", f"sequences:{PACK}", f"files:{COPY}", f"files:{INDEX}"]
    assert COPY in keys(FILES)
    assert sweep(older_than=0) == {**told, "dry_run": False}
    assert keys(FILES) == files | set(FOREIGN)
    assert keys(SEQUENCES) == residues | set(FOREIGN)
    assert sweep(older_than=0)["objects"] == []


def test_other_storages_are_swept_only_when_named(lab: Lab, sequences: Path) -> None:
    put(storage("lab"), COPY)
    assert sweep(older_than=0)["objects"] == []
    assert sweep("--storage", "lab", older_than=0)["objects"] == [f"lab:{COPY}"]
    with pytest.raises(CommandError, match="no storage is named 'nowhere'"):
        sweep("--storage", "nowhere")


def test_what_a_running_ingest_may_register_stays(
    lab: Lab, sequences: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its lock is of this session, which would get it again.
    monkeypatch.setattr("catalogue.ingest.orphans.mark_interrupted", lambda: None)
    put(storage(FILES), INDEX)
    os.utime(lab.files / INDEX, (1e9, 1e9))
    with ingest_run("ingest_bam", {}):
        put(storage(FILES), COPY)
        assert sweep(older_than=0)["objects"] == [f"files:{INDEX}"]
    assert sweep(older_than=0)["objects"] == [f"files:{COPY}"]


@pytest.mark.django_db(transaction=True)
def test_residues_stay_while_an_ingest_stores_some(sequences: Path) -> None:
    put(storage(SEQUENCES), BLOB)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [0x72657369])
        with residue_writes():
            pass
        assert sweep(older_than=0)["objects"] == []
    finally:
        other.close()
    assert sweep(older_than=0)["objects"] == [f"sequences:{BLOB}"]


def test_an_object_that_was_written_again_since_it_was_listed_stays(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(storage(FILES), COPY)
    os.utime(lab.files / COPY, (1e9, 1e9))

    def write_again(name: str, entries: list[Any]) -> Any:
        monkeypatch.undo()
        put(storage(FILES), COPY)
        from catalogue.ingest.orphans import _unreferenced

        return _unreferenced(name, entries)

    monkeypatch.setattr("catalogue.ingest.orphans._unreferenced", write_again)
    monkeypatch.setattr("catalogue.ingest.orphans.OWN_STORAGES", (FILES,))
    monkeypatch.setattr("catalogue.management.commands.remove_orphans.OWN_STORAGES", (FILES,))
    assert sweep(older_than=1)["objects"] == []
    assert COPY in keys(FILES)


@pytest.mark.parametrize("removals", [1, 2])
def test_an_object_that_was_removed_before_its_registration_is_copied_once_more(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, removals: int
) -> None:
    """As when an ingest finds its copy there already, and a sweep takes it for the orphan that it was."""
    from catalogue.ingest.files import rows

    real = rows.Register._lock_row
    left = [None] * removals

    def removed(self: Any, reading: Any, *arguments: Any, **options: Any) -> Any:
        if left:
            left.pop()
            reading.place.backend.delete(reading.place.key)
        return real(self, reading, *arguments, **options)

    monkeypatch.setattr(rows.Register, "_lock_row", removed)
    said = lab.bam(make_reads_file(lab.outside / "a.bam"), "--copy")
    assert said.status == removals - 1
    if removals == 1:
        row = DataFile.objects.get()
        assert storage(row.storage).stat(row.key).etag == row.etag
    else:
        assert "is missing" in said.told
        assert not DataFile.objects.exists()


def test_orphans_and_unfinished_uploads_in_a_bucket(
    stored_in_s3: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, key in ((FILES, COPY), (SEQUENCES, PACK)):
        put(storage(name), key)
        put(storage(name), "mine")
    address = storage(FILES).address  # type: ignore[attr-defined]
    stored_in_s3.backstage.create_multipart_upload(Bucket=address.bucket, Key=f"{address.prefix}half")
    (storage(FILES).staging() / "ingest-left").mkdir()
    assert sweep(dry_run=True)["objects"] == []
    later = time.time() + 60
    monkeypatch.setattr("catalogue.ingest.orphans._cutoff", lambda *_, **__: later)
    told = sweep(dry_run=True)
    assert told["objects"] == [f"sequences:{PACK}", f"files:{COPY}"]
    assert (told["uploads"], told["folders"]) == (1, 1)
    assert COPY in keys(FILES)
    assert sweep() == {**told, "dry_run": False}
    assert keys(FILES) == keys(SEQUENCES) == {"mine"}
    assert not stored_in_s3.backstage.list_multipart_uploads(Bucket=address.bucket).get("Uploads")
