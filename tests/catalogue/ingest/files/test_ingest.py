"""A second ingest of the same files: what it reads, replaces and keeps."""

import shutil
from pathlib import Path
from typing import Any

import pysam
import pytest

from catalogue.models import (
    DataFile,
)
from catalogue.storage import storage
from tests.catalogue.lab import (
    Lab,
    contigs_of,
    make_reads_file,
    make_sam_header,
)

pytestmark = pytest.mark.django_db


def test_an_unchanged_file_is_not_read_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [make_reads_file(lab.stored / f"{number}.bam") for number in range(3)]
    lab.bam(*paths)
    before = list(DataFile.objects.order_by("pk").values_list("pk", "ingested"))
    monkeypatch.setattr("catalogue.storage.object_ref.ObjectRef.reader", None)
    said = lab.bam(*paths)
    assert (said.status, said.told) == (0, "")
    assert said.summary.startswith("0 added, 3 unchanged")
    assert list(DataFile.objects.order_by("pk").values_list("pk", "ingested")) == before


@pytest.mark.parametrize("copy", [True, False])
def test_a_changed_file_takes_the_place_of_its_former_self(
    lab: Lab, copy: bool, django_capture_on_commit_callbacks: Any
) -> None:
    options = ["--copy"] if copy else []
    path = make_reads_file((lab.outside if copy else lab.stored) / "a.bam", index=None)
    lab.bam(path, *options)
    (before,) = DataFile.objects.all()
    DataFile.objects.update(state="changed", state_reason="it differs")
    make_reads_file(path, header=make_sam_header({"one": 50_000}), places=[("one", 3)], index=None)
    with django_capture_on_commit_callbacks(execute=True):
        said = lab.bam(path, *options)
    assert said.summary.startswith("0 added, 1 replaced")
    (row,) = DataFile.objects.all()
    assert (row.pk, row.state, row.state_reason) == (before.pk, "ready", "")
    assert row.etag != before.etag
    assert [contig.name for contig in contigs_of("a")] == ["one"]
    # Nothing of the former one is kept.
    assert len(lab.kept()) == 1 + copy
    assert row.index_source.removeprefix("files:") in lab.kept()
    assert lab.bam(path, *options).summary.startswith("0 added, 1 unchanged")


def test_a_file_that_is_itself_again_is_ready_again(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    DataFile.objects.update(state="missing", state_reason="gone")
    assert "it was missing, and is as it was registered again" in lab.bam(path).told
    assert DataFile.objects.get().state == "ready"
    # Size and ETag do not tell that bytes are corrupt, so that reading it again has to.
    DataFile.objects.update(state="corrupt")
    assert lab.bam(path).summary.startswith("0 added, 1 replaced")
    assert DataFile.objects.get().state == "ready"


def test_a_new_index_beside_the_file_is_noticed(lab: Lab, django_capture_on_commit_callbacks: Any) -> None:
    path = make_reads_file(lab.stored / "a.bam", index=None)
    lab.bam(path)
    pysam.index(str(path))
    with django_capture_on_commit_callbacks(execute=True):
        assert lab.bam(path).summary.startswith("0 added, 1 replaced")
    row = DataFile.objects.get()
    assert (row.index_kind, row.index_built, lab.kept()) == ("BAI", False, [])
    Path(f"{path}.bai").unlink()
    assert lab.bam(path).summary.startswith("0 added, 1 unchanged")


def test_a_changed_file_that_fails_leaves_the_former_row(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    before = DataFile.objects.values().get()
    path.write_bytes(b"no reads any more")
    assert lab.bam(path).status == 1
    assert DataFile.objects.values().get() == before


def test_a_lost_copy_is_made_again(lab: Lab) -> None:
    path = make_reads_file(lab.outside / "a.bam")
    lab.bam(path, "--copy")
    row = DataFile.objects.get()
    (lab.files / row.key).unlink()
    assert lab.bam(path, "--copy").summary.startswith("0 added, 1 replaced")
    assert lab.kept() == [row.key]


def test_copies_of_one_content_are_one_object_that_stays_as_it_is(
    lab: Lab, django_capture_on_commit_callbacks: Any
) -> None:
    first = make_reads_file(lab.outside / "a.bam")
    second = shutil.copy(first, lab.outside / "b.bam")
    shutil.copy(f"{first}.bai", f"{second}.bai")
    lab.bam(first, "--copy")
    lab.bam(second, "--copy")
    a, b = DataFile.objects.order_by("htsget_id")
    assert (a.key, a.etag) == (b.key, b.etag)
    assert storage("files").stat(a.key).etag == a.etag
    assert lab.kept() == [a.key]
    # It stays as long as one of them is served from it.
    make_reads_file(first, places=[("one", 3)])
    with django_capture_on_commit_callbacks(execute=True):
        lab.bam(first, "--copy")
    assert b.key in lab.kept()
    # One that went bad is put anew.
    (lab.files / b.key).write_bytes(b"x" * b.size)
    DataFile.objects.filter(htsget_id="b").update(state="corrupt")
    assert lab.bam(second, "--copy").summary.startswith("0 added, 1 replaced")
    b.refresh_from_db()
    assert (lab.files / b.key).read_bytes() == Path(second).read_bytes()
    assert (storage("files").stat(b.key).etag, b.state) == (b.etag, "ready")
