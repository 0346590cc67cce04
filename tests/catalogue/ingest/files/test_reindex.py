"""Indexing registered files again."""

import os
from pathlib import Path

import pysam
import pytest
from django.test import Client

from catalogue.ingest.files.reindex import ReindexFiles
from catalogue.ingest.files.verify import VerifyFiles
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.models import AuditEvent, Contig, DataFile
from catalogue.storage import FILES, storage
from tests.catalogue.lab import Lab, contigs_of, make_cram_file, make_reads_file, make_variants_file
from tests.catalogue.made_rows import make_sequence
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db

MANY = [(contig, start) for contig in ("one", "two") for start in range(0, 19_000, 7)]


def reindex(*, build: bool = False) -> InputResult:
    (one,) = ReindexFiles(DataFile.objects.all(), build=build).apply().inputs
    return one


def row() -> DataFile:
    return DataFile.objects.get()


def verified() -> bool:
    return not VerifyFiles(DataFile.objects.all(), deep=True).apply().failed


def test_a_newer_index_next_to_the_file_is_read(lab: Lab, client: Client) -> None:
    path = make_reads_file(lab.stored / "a.bam", places=MANY)
    lab.bam(path, "--public")
    assert row().index_kind == "BAI"
    before = client.get("/reads/a?referenceName=two&start=100&end=300").json()
    Path(f"{path}.bai").unlink()
    pysam.index("-c", "-o", f"{path}.csi", str(path))
    assert "will be read again" in ReindexFiles(DataFile.objects.all()).plan().effects[0]
    result = reindex()
    assert (result.outcome, result.counts) == (Outcome.CHANGED, {"contigs": 3, "built": 0})
    assert (row().index_kind, row().index_built) == ("CSI", False)
    assert client.get("/reads/a?referenceName=two&start=100&end=300").json() == before
    event = AuditEvent.objects.get(detail__change="indexed")
    assert (event.detail["from"], event.detail["to"]) == ("lab:a.bam.bai", "lab:a.bam.csi")
    assert verified()


@pytest.mark.parametrize("name", ["a.bam", "a.cram", "a.vcf.gz", "a.bcf"])
def test_a_file_without_an_index_gets_one(lab: Lab, name: str) -> None:
    path = lab.stored / name
    if name.endswith("am"):
        (make_cram_file if name == "a.cram" else make_reads_file)(path, places=MANY, index=None)
        lab.bam(path, "--no-build-index")
    else:
        make_variants_file(path, places=[(one, start + 1) for one, start in MANY], index=None)
        lab.vcf(path, "--no-build-index")
    assert row().index_kind == ""
    assert reindex().counts["built"] == 1
    assert row().index_built
    assert len(lab.kept()) == 1
    assert verified()


def test_with_build_an_index_is_built_whatever_lies_there(lab: Lab) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam", places=MANY))
    assert "reads all" in ReindexFiles(DataFile.objects.all(), build=True).plan().effects[0]
    assert reindex(build=True).counts["built"] == 1
    assert (row().index_kind, row().index_built) == ("CSI", True)
    assert verified()


@pytest.mark.django_db(transaction=True)
def test_a_copy_stays_a_copy_and_its_built_index_goes_when_another_is_read(lab: Lab) -> None:
    path = make_reads_file(lab.outside / "a.bam", places=MANY, index=None)
    lab.bam(path, "--copy")
    before = row()
    pysam.index(str(path))
    assert reindex().counts["built"] == 0
    after = row()
    assert (after.source, after.source_etag, after.key) == (before.source, before.source_etag, before.key)
    assert lab.kept() == [after.key]
    path.unlink()
    Path(f"{path}.bai").unlink()
    assert reindex().counts["built"] == 1
    assert len(lab.kept()) == 2
    assert lab.bam(make_reads_file(path, places=MANY, index=None), "--copy").status == 0
    assert verified()


def test_copies_in_a_bucket_are_indexed_again(lab: Lab, stored_in_s3: ObjectStore) -> None:
    lab.bam(make_reads_file(lab.outside / "a.bam", places=MANY), "--copy")
    assert reindex(build=True).counts["built"] == 1
    assert len(list(storage(FILES).list())) == 2
    assert verified()


def test_what_a_steward_chose_stays(lab: Lab) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam", places=MANY))
    chosen = make_sequence(b"C" * 50_000)
    Contig.objects.filter(name="one").update(sequence=chosen, chosen=True)
    reindex()
    assert contigs_of("a")[0].sequence == chosen


def test_a_wrong_index_or_a_changed_file_leaves_everything_as_it_was(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam", places=MANY)
    lab.bam(path)
    indexes = [bytes(contig.index) for contig in contigs_of("a")]
    other = make_reads_file(lab.outside / "b.bam", places=[("two", 3)])
    Path(f"{path}.bai").write_bytes(Path(f"{other}.bai").read_bytes())
    result = reindex()
    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("its index stays as it was: its index lab:a.bam.bai is not usable")
    os.utime(path, (1, 1))
    assert "is not the registered one; ingest it again" in reindex().message
    path.unlink()
    assert "its index stays as it was" in reindex().message
    assert [bytes(contig.index) for contig in contigs_of("a")] == indexes
    assert not AuditEvent.objects.filter(detail__change="indexed").exists()
