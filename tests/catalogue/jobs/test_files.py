"""Jobs that register reads and variants."""

from typing import Any

import pytest
from django.core.management import call_command

from catalogue import jobs
from catalogue.errors import StorageUnavailable
from catalogue.jobs.parts import work_part
from catalogue.models import DataFile, Dataset, IngestRun, RunPart
from catalogue.storage.object_ref import ObjectRef
from tests.catalogue.lab import CONTIGS, Lab, make_reads_file, make_sam_header
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_fasta import make_fasta, make_residues
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


def reads(*files: Any, **options: Any) -> dict[str, Any]:
    return {"kind": "reads", "dataset": "trial", "files": [str(file) for file in files], **options}


def outcomes(run: IngestRun) -> dict[str, str]:
    return {one.source.rsplit("/", 1)[-1]: one.outcome for one in run.files.all()}


def test_a_job_registers_a_folder(lab: Lab) -> None:
    for name in ("a", "b", "c"):
        make_reads_file(lab.stored / f"{name}.bam")
    (lab.stored / "bad.bam").write_bytes(b"nothing")
    run = jobs.start("ingest_bam", reads(lab.stored))
    assert (run.outcome, run.progress.phase) == ("queued", "waiting for a worker")
    done = do_job(run)
    assert outcomes(done) == {"a.bam": "added", "b.bam": "added", "c.bam": "added", "bad.bam": "failed"}
    assert (done.outcome, done.summary) == (
        "failed",
        {"added": 3, "failed": 1, "counts": {"contigs": 9, "samples": 6}},
    )
    assert (done.progress.done, done.progress.total, done.progress.phase) == (4, 4, "")
    assert {file.htsget_id for file in DataFile.objects.all()} == {"a", "b", "c"}
    assert not RunPart.objects.exists()
    again = do_job(jobs.start("ingest_bam", reads(lab.stored)))
    assert again.summary == {"unchanged": 3, "failed": 1}


def test_a_preview_writes_nothing(lab: Lab) -> None:
    make_reads_file(lab.stored / "a.bam")
    done = do_job(jobs.start("ingest_bam", reads(lab.stored), dry_run=True))
    assert (done.outcome, outcomes(done)) == ("succeeded", {"a.bam": "added"})
    assert done.files.get().counts["contigs"] == 3
    assert not Dataset.objects.exists()


def test_a_preview_links_what_the_run_links(lab: Lab) -> None:
    """Each file is a part of its own, and the first that is sound tells the collection of the new dataset."""
    genome = {name: "ACGTTGCAAC" * (length // 10) for name, length in CONTIGS.items()}
    path = make_fasta(lab.outside / "genome.fa", {name: text.encode() for name, text in genome.items()})
    call_command("ingest_fasta", str(path), "--collection=lab genome", verbosity=0)
    (lab.stored / "a.bam").write_bytes(b"nothing")
    for name in ("b", "c", "d"):
        make_reads_file(lab.stored / f"{name}.bam")
    preview, done = (
        do_job(jobs.start("ingest_bam", reads(lab.stored), dry_run=dry)) for dry in (True, False)
    )
    assert preview.summary == done.summary
    assert done.summary["counts"]["linked"] == 9


def test_files_of_two_assemblies_are_linked_alike_in_whatever_order_workers_take_them(lab: Lab) -> None:
    """The second part has the first file that can be read; the last one fits another assembly."""
    old = make_collection("old", {name: make_residues(length) for name, length in CONTIGS.items()})
    sizes = {**CONTIGS, "two": 20_100}
    make_collection("new", {name: make_residues(length) for name, length in sizes.items()})
    (lab.stored / "a.bam").write_bytes(b"nothing")
    make_reads_file(lab.stored / "b.bam")
    make_reads_file(lab.stored / "c.bam", header=make_sam_header(sizes))
    first, last, done = (
        do_job(jobs.start("ingest_bam", reads(lab.stored), dry_run=dry), order=order)
        for dry, order in ((True, "number"), (True, "-number"), (False, "-number"))
    )
    for run in (first, last, done):
        by_name = {one.source.rsplit("/", 1)[-1]: one for one in run.files.all()}
        assert by_name["b.bam"].counts["linked"] == 3 and by_name["c.bam"].counts["linked"] == 2
        assert "made with collection 'old'" in by_name["b.bam"].message
    assert Dataset.objects.get().collection == old


def test_a_file_whose_storage_does_not_answer_waits_in_a_run_and_fails_in_a_preview(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_reads_file(lab.stored / "a.bam")
    look = ObjectRef.stat

    def unreachable(ref: ObjectRef) -> Any:
        raise StorageUnavailable("storage lab does not answer")

    monkeypatch.setattr(ObjectRef, "stat", unreachable)
    preview = do_job(jobs.start("ingest_bam", reads(lab.stored / "a.bam"), dry_run=True))
    assert (preview.outcome, outcomes(preview)) == ("failed", {"a.bam": "failed"})
    run = jobs.start("ingest_bam", reads(lab.stored / "a.bam"))
    for step in ("plan", "work"):
        work_part(RunPart.objects.get(run=run, step=step).pk)
    assert outcomes(run) == {"a.bam": "waiting"}
    monkeypatch.setattr(ObjectRef, "stat", look)
    assert outcomes(do_job(run)) == {"a.bam": "added"}


def test_a_retry_does_what_failed(lab: Lab) -> None:
    make_reads_file(lab.stored / "a.bam")
    bad = lab.stored / "bad.bam"
    bad.write_bytes(b"nothing")
    first = do_job(jobs.start("ingest_bam", reads(lab.stored)))
    make_reads_file(bad)
    second = do_job(jobs.retry(first))
    assert (second.outcome, outcomes(second)) == ("succeeded", {"bad.bam": "added"})
    with pytest.raises(jobs.NotPossible, match="nothing left"):
        jobs.retry(second)


def test_a_cancelled_job_is_not_begun(lab: Lab) -> None:
    run = jobs.start("ingest_bam", reads(lab.stored))
    assert jobs.cancel(run).outcome == "cancelled"
    assert not RunPart.objects.exists()
    with pytest.raises(jobs.NotPossible, match="over"):
        jobs.cancel(run)
