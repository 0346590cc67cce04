"""Which files an ingest finds, where they lie, and the ids they get."""

import os
from typing import Any

import pysam
import pytest

from catalogue.models import (
    DataFile,
)
from tests.catalogue.lab import (
    Lab,
    make_cram_file,
    make_reads_file,
    make_variants_file,
    registered,
)

pytestmark = pytest.mark.django_db


def test_a_file_outside_every_storage_is_refused_unless_copied(lab: Lab) -> None:
    path = make_reads_file(lab.outside / "a.bam")
    said = lab.bam(path)
    assert said.status == 1
    assert "it lies in none of the configured storages; --copy takes a copy into one" in said.told
    assert lab.kept() == []
    assert lab.bam(path, "--copy").status == 0
    row = DataFile.objects.get()
    assert (row.storage, row.source) == ("files", str(path))
    assert lab.kept() == [row.key]
    assert (lab.files / row.key).read_bytes() == path.read_bytes()
    assert (row.index_kind, row.index_source) == ("BAI", f"{path}.bai")
    assert row.etag != row.source_etag
    assert not lab.staged()


def test_a_copy_into_a_named_storage(lab: Lab) -> None:
    path = make_reads_file(lab.outside / "a.bam")
    assert lab.bam(path, "--copy", "--storage", "lab").status == 0
    row = DataFile.objects.get()
    assert (row.storage, (lab.stored / row.key).read_bytes()) == ("lab", path.read_bytes())
    assert "no storage is named 'nowhere'" in lab.bam(path, "--copy", "--storage", "nowhere").summary


def test_a_storage_that_is_named_must_hold_the_file(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    said = lab.bam(path, "--storage", "files")
    assert "it lies in the storage lab, not in files" in said.told
    assert lab.bam(path, "--storage", "lab").status == 0


def test_the_inner_storage_is_taken_unless_the_outer_is_named(lab: Lab, settings: Any) -> None:
    path = make_reads_file(lab.stored / "inner" / "a.bam")
    inner = (lab.stored / "inner").as_uri()
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "inner": inner}
    lab.bam(path)
    lab.bam(path, "--storage", "lab", "--id", "outer")
    places = DataFile.objects.order_by("htsget_id").values_list("storage", "key")
    assert list(places) == [("inner", "a.bam"), ("lab", "inner/a.bam")]


def test_objects_are_named_by_key_or_prefix(lab: Lab) -> None:
    for name in ("run/a.bam", "run/deep/b.bam", "run2/c.bam"):
        make_reads_file(lab.stored / name)
    assert lab.bam("lab:run/a.bam").status == 0
    assert registered() == ["reads/a BAM"]
    assert lab.bam("lab:run/", "--id-prefix", "x-").status == 0
    assert registered() == ["reads/a BAM", "reads/x-a BAM", "reads/x-deep/b BAM"]
    for nothing in (
        "lab:run",
        "lab:gone.bam",
        "lab:gone/",
        "lab:../outside/",
        "nowhere:run/",
        str(lab.stored / "*.x"),
    ):
        said = lab.bam(nothing)
        assert said.status == 1
        assert said.told.startswith(f"{nothing}: failed: ")


def test_links_are_followed_and_keep_the_index_beside_either_end(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "pool" / "x1.bam", index=None)
    (lab.stored / "named").mkdir()
    link = lab.stored / "named" / "anna.bam"
    link.symlink_to(path)
    pysam.index("-o", f"{link}.bai", str(path))
    assert lab.bam(link).status == 0
    row = DataFile.objects.get()
    assert (row.htsget_id, row.key, row.index_source) == ("anna", "pool/x1.bam", f"{link}.bai")
    assert not row.index_built


def test_ids_are_paths_below_a_folder_and_names_elsewhere(lab: Lab) -> None:
    for name in ("r1/s.bam", "r2/s.bam", "top.bam"):
        make_reads_file(lab.stored / name)
    (lab.stored / "r1" / "notes.txt").write_text("no reads")
    (lab.stored / ".hidden.bam").write_text("no reads")
    said = lab.bam(lab.stored, "--id-prefix", "cohort/")
    assert said.summary.startswith("3 added, 1 passed over in dataset trial")
    assert registered() == ["reads/cohort/r1/s BAM", "reads/cohort/r2/s BAM", "reads/cohort/top BAM"]
    assert lab.bam(lab.stored / "r1" / "*.bam").status == 0
    assert "reads/s BAM" in registered()


@pytest.mark.parametrize(
    ("name", "htsget_id"),
    [("a.b.vcf.gz", "a.b"), ("a.g.VCF.GZ", "a.g"), ("a.vcf.bgz", "a"), ("a.gvcf.gz", "a"), ("a", "a")],
)
def test_format_suffixes_are_no_part_of_ids(lab: Lab, name: str, htsget_id: str) -> None:
    os.rename(make_variants_file(lab.stored / "made.vcf.gz", index=None), lab.stored / name)
    assert lab.vcf(lab.stored / name).status == 0
    assert registered() == [f"variants/{htsget_id} VCF"]


def test_one_id_may_have_several_formats_but_not_one_format_twice(lab: Lab) -> None:
    bam, cram = make_reads_file(lab.stored / "a.bam"), make_cram_file(lab.stored / "b.cram")
    assert lab.bam(bam, cram, "--id", "anna").status == 0
    assert registered() == ["reads/anna BAM", "reads/anna CRAM"]
    first, second = (make_reads_file(lab.stored / run / "s.bam") for run in ("r1", "r2"))
    good = make_reads_file(lab.stored / "good.bam")
    said = lab.bam(first, second, good)
    assert said.status == 1
    assert said.summary.startswith("1 added, 2 failed")
    assert f"{first}: failed: it would have the same id (s, BAM) as {second}" in said.told
    assert f"{second}: failed: it would have the same id (s, BAM) as {first}" in said.told
    assert "reads/good BAM" in registered()
    assert "reads/s BAM" not in registered()


def test_an_id_that_is_taken_is_not_taken_over_by_another_file(lab: Lab) -> None:
    first, second = (make_reads_file(lab.stored / run / "s.bam") for run in ("r1", "r2"))
    lab.bam(first)
    said = lab.bam(second)
    assert said.status == 1
    assert "reads/s (BAM) is lab:r1/s.bam already; give --replace to put this file in its place" in said.told
    assert DataFile.objects.get().key == "r1/s.bam"
    assert lab.bam(second, "--replace").summary.startswith("0 added, 1 replaced")
    assert DataFile.objects.get().key == "r2/s.bam"
    second.rename(lab.stored / "moved.bam")
    said = lab.bam(lab.stored / "moved.bam", "--id", "s")
    assert said.summary.startswith("0 added, 1 replaced")
    assert DataFile.objects.get().key == "moved.bam"


@pytest.mark.parametrize("wrong", ["", "service-info", "a//b", "../a", "a\nb", "x" * 256])
def test_ids_that_no_client_could_ask_for_are_refused(lab: Lab, wrong: str) -> None:
    path = make_reads_file(lab.stored / "service-info.bam")
    said = lab.bam(path, *(("--id", wrong) if wrong else ()))
    assert said.status == 1
    assert "choose another with --id" in said.told
    assert not registered()
