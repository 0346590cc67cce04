"""How an ingest finds, builds and refuses the index of a data file."""

import os
import shutil

import pysam
import pytest

from catalogue.models import (
    DataFile,
    IngestedFile,
)
from tests.catalogue.lab import (
    Lab,
    make_cram_file,
    make_reads_file,
    make_sam_header,
    make_variants_file,
    registered,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "index", "kind"),
    [
        ("a.bam", "a.bam.bai", "BAI"),
        ("a.bam", "a.bai", "BAI"),
        ("a.bam", "a.bam.csi", "CSI"),
        ("a.bam", "a.csi", "CSI"),
        ("a.cram", "a.cram.crai", "CRAI"),
        ("a.cram", "a.crai", "CRAI"),
    ],
)
def test_an_index_of_reads_is_found_under_any_usual_name(lab: Lab, name: str, index: str, kind: str) -> None:
    make = make_cram_file if kind == "CRAI" else make_reads_file
    path = make(lab.stored / name, index=kind.lower())
    os.rename(f"{path}.{kind.lower()}", lab.stored / index)
    assert lab.bam(path).told == ""
    row = DataFile.objects.get()
    assert (row.index_kind, row.index_source, row.index_built) == (kind, f"lab:{index}", False)


@pytest.mark.parametrize(
    ("name", "index", "kind"),
    [
        ("a.vcf.gz", "a.vcf.gz.tbi", "TBI"),
        ("a.vcf.gz", "a.vcf.tbi", "TBI"),
        ("a.vcf.gz", "a.tbi", "TBI"),
        ("a.vcf.gz", "a.vcf.gz.csi", "CSI"),
        ("a.bcf", "a.bcf.csi", "CSI"),
        ("a.bcf", "a.csi", "CSI"),
    ],
)
def test_an_index_of_variants_is_found_under_any_usual_name(
    lab: Lab, name: str, index: str, kind: str
) -> None:
    path = make_variants_file(lab.stored / name, index=kind.lower())
    os.rename(f"{path}.{kind.lower()}", lab.stored / index)
    assert lab.vcf(path).told == ""
    row = DataFile.objects.get()
    assert (row.index_kind, row.index_source) == (kind, f"lab:{index}")


def test_a_missing_index_is_built_into_managed_storage(lab: Lab) -> None:
    reads = [
        make_reads_file(lab.stored / "a.bam", index=None),
        make_cram_file(lab.stored / "a.cram", index=None),
    ]
    variants = [make_variants_file(lab.stored / name, index=None) for name in ("b.vcf.gz", "b.bcf")]
    assert lab.bam(*reads).told == lab.vcf(*variants).told == ""
    assert lab.kept() == [
        f"index/lab/{name}" for name in ("a.bam.csi", "a.cram.crai", "b.bcf.csi", "b.vcf.gz.csi")
    ]
    for row in DataFile.objects.all():
        assert row.index_built
        assert row.index_source.startswith("files:index/lab/")
        assert any(contig.index for contig in row.contigs.all())
    assert not lab.staged()
    assert lab.bam(*reads).summary.startswith("0 added, 2 unchanged")


def test_whole_file_access_needs_no_index(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam", index=None)
    said = lab.bam(path, "--no-build-index")
    assert said.status == 0
    assert "without an index, only the whole file is served" in said.told
    row = DataFile.objects.get()
    assert (row.index_kind, row.unplaced_begin, lab.kept()) == ("", None, [])
    assert lab.bam(path, "--no-build-index").summary.startswith("0 added, 1 unchanged")
    # Asked without the option the index is built after all.
    assert lab.bam(path).summary.startswith("0 added, 1 replaced")
    assert DataFile.objects.get().index_kind == "CSI"


@pytest.mark.parametrize("format", ["bam", "cram", "vcf.gz", "bcf"])
def test_an_unsorted_file_is_served_whole_or_not_at_all(lab: Lab, format: str) -> None:
    path = lab.stored / f"a.{format}"
    places = [("one", 500), ("one", 10), ("two", 5), ("one", 1000)]
    if format in ("bam", "cram"):
        header = make_sam_header(order="unsorted")
        make = make_cram_file if format == "cram" else make_reads_file
        make(path, places=places, header=header, index=None)
        ingest = lab.bam
    else:
        make_variants_file(path, places=places, index=None)
        ingest = lab.vcf
    said = ingest(path)
    assert said.status == 1
    assert "not in coordinate order" in said.told
    assert not registered()
    assert not lab.kept()
    assert ingest(path, "--no-build-index").status == 0
    assert DataFile.objects.get().index_kind == ""


def test_an_index_older_than_its_file_is_told(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    os.utime(f"{path}.bai", (1, 1))
    said = lab.bam(path)
    assert said.status == 0
    assert "its index lab:a.bam.bai is older than the file" in said.told
    assert "older than the file" in IngestedFile.objects.get().message
    # A fresh one of another kind is preferred.
    pysam.index("-c", str(path))
    assert "older" not in lab.bam(path).told
    assert DataFile.objects.get().index_kind == "CSI"


def test_a_foreign_index_is_refused_and_the_others_stay(lab: Lab) -> None:
    good = make_reads_file(lab.stored / "good.bam")
    bad = make_reads_file(lab.stored / "bad.bam", places=[("two", 9), ("none", 2)])
    shutil.copy(f"{good}.bai", f"{bad}.bai")
    said = lab.bam(good, bad)
    assert said.status == 1
    assert said.summary.startswith("1 added, 1 failed")
    assert f"{bad}: failed: its index lab:bad.bam.bai is not usable: " in said.told
    assert registered() == ["reads/good BAM"]


def test_what_is_no_index_is_refused(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam", index=None)
    for content in (b"", b"BAI\1", b"<html>no</html>", path.read_bytes()):
        (lab.stored / "a.bam.bai").write_bytes(content)
        said = lab.bam(path)
        assert said.status == 1
        assert "its index lab:a.bam.bai is not usable" in said.told


def test_a_sort_order_that_denies_the_index_is_told(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam", header=make_sam_header(order="queryname"))
    assert "its header says SO:queryname, yet it has an index" in lab.bam(path).told
