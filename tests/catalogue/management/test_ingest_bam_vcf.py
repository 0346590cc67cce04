"""Dry runs, recorded runs and failures of `ingest_bam` and `ingest_vcf`."""

import os
from typing import Any

import pytest

from catalogue.models import (
    DataFile,
    Dataset,
    IngestedFile,
    IngestRun,
    Sequence,
)
from tests.catalogue.lab import (
    Lab,
    make_reads_file,
    make_sam_header,
    registered,
)

pytestmark = pytest.mark.django_db


def test_a_dry_run_writes_nothing(lab: Lab) -> None:
    good = make_reads_file(lab.outside / "good.bam", index=None)
    with_md5 = make_reads_file(
        lab.outside / "md5.bam", header=make_sam_header({"one": 50_000}, tags="\tM5:" + "ab" * 16), places=[]
    )
    bad = lab.outside / "bad.bam"
    bad.write_bytes(b"nothing")
    said = lab.bam(good, with_md5, bad, "--copy", "--dry-run")
    assert said.status == 1
    assert said.summary.startswith("Dry run, nothing is written. 2 added, 1 failed in dataset trial")
    for model in (Dataset, DataFile, Sequence, IngestRun, IngestedFile):
        assert not model.objects.exists()
    assert lab.kept() == []
    assert not lab.staged()
    taken = make_reads_file(lab.stored / "r1" / "s.bam")
    lab.bam(taken)
    assert "--replace" in lab.bam(make_reads_file(lab.stored / "r2" / "s.bam"), "--dry-run").told


def test_a_run_is_recorded_with_every_file(lab: Lab) -> None:
    good = make_reads_file(lab.stored / "good.bam")
    (lab.stored / "bad.bam").write_bytes(b"nothing")
    lab.bam(lab.stored, "--jobs", "2")
    run = IngestRun.objects.get()
    assert (run.command, run.outcome) == ("ingest_bam", "failed")
    assert run.arguments["dataset"] == "trial"
    assert run.arguments["files"] == [str(lab.stored)]
    assert run.summary == {"added": 1, "replaced": 0, "unchanged": 0, "passed_over": 0, "failed": 1}
    files = {file.source: file for file in run.files.all()}
    assert files[str(good)].counts == {"contigs": 3, "linked": 0, "samples": 2, "replaced": 0}
    assert files[str(lab.stored / "bad.bam")].message == "not a BAM, CRAM, VCF or BCF file"
    lab.bam(good)
    assert IngestRun.objects.first().outcome == "succeeded"  # type: ignore[union-attr]


def test_a_storage_that_fails_is_told_file_by_file(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalogue.errors import StorageUnavailable
    from catalogue.storage import LocalStorage

    def refuse(*_: object, **__: object) -> bytes:
        raise StorageUnavailable("storage 'lab' failed: Input/output error")

    path = make_reads_file(lab.stored / "a.bam")
    monkeypatch.setattr(LocalStorage, "read_range", refuse)
    said = lab.bam(path)
    assert said.told == f"{path}: failed: storage 'lab' failed: Input/output error\n"
    assert said.status == 1


def test_a_file_that_crashes_its_reader_fails_alone(
    lab: Lab, reader_processes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [make_reads_file(lab.stored / f"{number}.bam") for number in range(12)]
    parent = os.getpid()

    def crash(*arguments: Any, **options: Any) -> Any:
        if os.getpid() != parent and arguments[0].key == "5.bam":
            os._exit(1)
        return original(*arguments, **options)

    from catalogue.storage.object_ref import ObjectRef

    original = ObjectRef.reader
    monkeypatch.setattr(ObjectRef, "reader", crash)
    said = lab.bam(*paths, "--jobs", "3")
    assert said.summary.startswith("11 added, 1 failed")
    assert said.told == f"{paths[5]}: failed: htslib crashed on it\n"
    assert len(registered()) == 11
