"""`ingest_bam` and `ingest_vcf`, as a steward uses them."""

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pysam
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.formats.binning import ContigIndex
from catalogue.formats.intervals import VirtualOffset
from catalogue.models import (
    Alias,
    CollectionMember,
    DataFile,
    Dataset,
    IngestedFile,
    IngestRun,
    Sequence,
    SequenceCollection,
)
from catalogue.storage import storage
from tests.catalogue.lab import (
    Lab,
    contigs_of,
    make_cram_file,
    make_lab,
    make_reads_file,
    make_sam_header,
    make_variants_file,
    registered,
)
from tests.catalogue.made_rows import make_sequence
from tests.made_files import EOF_MARKER, bgzf_block, plain_of, recut
from tests.paths import SHARED_DATA

DATA = SHARED_DATA

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab(settings: Any, tmp_path: Path) -> Lab:
    return make_lab(settings, tmp_path)


# ---- what is read


def test_reads_are_registered_with_all_that_their_header_and_index_tell(lab: Lab) -> None:
    tags = "\tM5:" + "ab" * 16 + "\tAN:chr1,1\tAS:GRCh38"
    header = make_sam_header({"one": 50_000}, tags=tags)
    path = make_reads_file(
        lab.stored / "run" / "s1.bam", header=header, places=[("one", 10), ("*", -1), ("*", -1)]
    )
    said = lab.bam(path)
    assert (said.status, said.told) == (0, "")
    assert said.summary.startswith("1 added in dataset trial")
    row = DataFile.objects.get()
    assert (row.kind, row.htsget_id, row.format) == ("reads", "s1", "BAM")
    assert (row.storage, row.key, row.source) == ("lab", "run/s1.bam", "")
    assert row.size == path.stat().st_size
    assert row.samples == ["anna", "boris"]
    assert (row.sort_order, row.version, row.assembly) == ("coordinate", "1.6", "GRCh38")
    assert (row.index_kind, row.index_source, row.index_built) == ("BAI", "lab:run/s1.bam.bai", False)
    assert (row.has_eof, row.unplaced, row.state) == (True, 2, "ready")
    (contig,) = contigs_of("s1")
    assert (contig.number, contig.name, contig.length) == (0, "one", 50_000)
    assert (contig.mapped, contig.unmapped) == (1, 0)
    assert bytes(contig.md5 or b"") == b"\xab" * 16
    index = ContigIndex.unpack(bytes(contig.index))
    assert VirtualOffset(row.header_end) == index.begin
    assert row.unplaced_begin == index.end
    # The header, ready to send, is a whole BAM file once it is ended.
    sent = lab.outside / "header.bam"
    sent.write_bytes(bytes(row.header) + EOF_MARKER)
    with pysam.AlignmentFile(str(sent)) as file, pysam.AlignmentFile(str(path)) as original:
        assert str(file.header) == str(original.header)
        assert not list(file.fetch(until_eof=True))


def test_cram_needs_no_reference(lab: Lab) -> None:
    lab.bam(make_cram_file(lab.stored / "s1.cram"))
    row = DataFile.objects.get()
    assert (row.format, row.index_kind, row.version, row.samples) == (
        "CRAM",
        "CRAI",
        "3.1",
        ["anna", "boris"],
    )
    assert [bool(contig.index) for contig in contigs_of("s1", "CRAM")] == [True, True, False]
    assert [contig.mapped for contig in contigs_of("s1", "CRAM")] == [None, None, None]
    assert row.unplaced_begin is not None


def test_variants_are_registered_in_both_formats_under_one_id(lab: Lab) -> None:
    for name, index in (("v.vcf.gz", "tbi"), ("v.bcf", "csi")):
        make_variants_file(lab.stored / name, index=index, tags=",assembly=GRCh38,md5=" + "cd" * 16)
    assert lab.vcf(lab.stored).status == 0
    assert registered() == ["variants/v BCF", "variants/v VCF"]
    for row in DataFile.objects.all():
        assert (row.samples, row.sort_order, row.assembly) == (["anna", "boris"], "", "GRCh38")
        assert (row.unplaced, row.unplaced_begin) == (0, None)
        assert [contig.mapped for contig in row.contigs.order_by("number")] == [2, 1, 0]


def test_contigs_that_only_an_index_names_are_kept_and_told(lab: Lab) -> None:
    said = lab.vcf(make_variants_file(lab.stored / "v.vcf.gz", declared=False))
    assert (said.status, said.told) == (0, "")
    assert [(contig.name, contig.length) for contig in contigs_of("v", "VCF")] == [
        ("one", None),
        ("two", None),
    ]


def test_format_is_told_by_content_not_by_name(lab: Lab) -> None:
    os.rename(make_reads_file(lab.stored / "a.bam", index=None), lab.stored / "a.cram")
    os.rename(make_cram_file(lab.stored / "b.cram", index=None), lab.stored / "b.vcf.gz")
    os.rename(make_reads_file(lab.stored / "c.bam", index=None), lab.stored / "c")
    assert lab.bam(*(lab.stored / name for name in ("a.cram", "b.vcf.gz", "c"))).status == 0
    assert registered() == ["reads/a BAM", "reads/b CRAM", "reads/c BAM"]


def test_each_command_refuses_the_other_ones_files(lab: Lab) -> None:
    reads, variants = (
        make_reads_file(lab.stored / "a.bam"),
        make_variants_file(lab.stored / "b.bcf", index="csi"),
    )
    said = lab.vcf(reads)
    assert said.status == 1
    assert f"{reads}: failed: it is BAM, which ingest_bam takes" in said.told
    assert "it is BCF, which ingest_vcf takes" in lab.bam(variants).told
    assert not registered()


def test_three_thousand_contigs(lab: Lab) -> None:
    contigs = {f"HLA*{number}": 1000 for number in range(3000)}
    header = "@HD\tVN:1.6\n" + "".join(
        f"@SQ\tSN:{name}\tLN:1000\tM5:{number:032x}\n" for number, name in enumerate(contigs)
    )
    places = [(f"HLA*{number}", 7) for number in range(0, 3000, 2)]
    path = make_reads_file(lab.stored / "a.bam", header=header + "@RG\tID:1\tSM:a\n", places=places)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert lab.bam(path).status == 0
    assert len(queries) < 60
    contigs_read = contigs_of("a")
    assert [contig.name for contig in contigs_read] == list(contigs)
    assert [bool(contig.index) for contig in contigs_read] == [True, False] * 1500
    assert all(contig.sequence_id for contig in contigs_read)
    assert Sequence.objects.count() == 3000


@pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data beside the project")
def test_real_files(lab: Lab, settings: Any) -> None:
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "real": DATA.as_uri()}
    assert lab.bam("real:").status == lab.vcf("real:").status == 0
    expected = [path for path in DATA.rglob("*") if path.suffix in (".bam", ".cram", ".bcf", ".gz")]
    assert len(registered()) == len(expected) > 10
    assert not DataFile.objects.filter(index_kind="").exists()
    assert DataFile.objects.get(htsget_id="reads/htsnexus_test_NA12878", format="BAM").samples == ["NA12878"]


# ---- where files lie


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


# ---- ids


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


# ---- indexes


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


# ---- files that are not what they should be


def test_a_file_without_its_end_is_told(lab: Lab) -> None:
    bam = make_reads_file(lab.stored / "a.bam")
    bam.write_bytes(bam.read_bytes().removesuffix(EOF_MARKER))
    os.utime(bam, (1, 1))
    cram = make_cram_file(lab.stored / "b.cram")
    cram.write_bytes(cram.read_bytes()[:-38])
    os.utime(cram, (1, 1))
    said = lab.bam(bam, cram)
    assert said.status == 0
    assert said.told.count("it lacks the end-of-file marker and may have been cut short") == 2
    assert {row.has_eof for row in DataFile.objects.all()} == {False}


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("format", ["bam", "cram", "vcf.gz", "bcf"])
def test_a_file_that_was_cut_short_anywhere_is_refused(lab: Lab, format: str, indexed: bool) -> None:
    path = lab.stored / f"a.{format}"
    rng = random.Random(format)
    places = [("one", position) for position in sorted(rng.randrange(1, 40_000) for _ in range(300))]
    if format in ("bam", "cram"):
        make = make_cram_file if format == "cram" else make_reads_file
        make(path, places=places, index={"cram": "crai"}.get(format, "bai"))
        ingest = lab.bam
    else:
        make_variants_file(path, places=places, index="csi")
        ingest = lab.vcf
    (index,) = (found for found in lab.stored.iterdir() if found != path)
    if format != "cram":
        plain = lab.outside / "plain"
        recut(path, plain, seed=1, sizes=(100, 400))
        shutil.copy(plain, path)
        os.utime(index, (1, 1))
        index.unlink()
        if indexed:
            _index_again(path, index)
    elif not indexed:
        index.unlink()
    whole = path.read_bytes()
    for _ in range(8):
        path.write_bytes(whole[: rng.randrange(1, len(whole) - 60)])
        said = ingest(path, "--no-build-index")
        assert said.status == 1, said
        assert "Traceback" not in said.told
    assert not registered()


def _index_again(path: Path, index: Path) -> None:
    if path.suffix == ".bam":
        pysam.index("-o", str(index), str(path))
    else:
        pysam.bcftools.index("-f", "-c", "-o", str(index), str(path))


def test_files_that_cannot_be_read_at_all(lab: Lab) -> None:
    garbage = random.Random(0).randbytes(3000)
    plain = plain_of(make_reads_file(lab.outside / "a.bam"))
    contents = {
        "empty.bam": (b"", "the file is empty"),
        "garbage.bam": (garbage, "not a BAM, CRAM, VCF or BCF file"),
        "plain.bam": (plain, "not compressed"),
        "half.bam": (bgzf_block(plain[:40]) + EOF_MARKER, "cut short"),
        "cram.cram": (b"CRAM\3\0" + garbage, ""),
        "future.cram": (b"CRAM\4\0" + garbage, "version 4.0 is not supported"),
    }
    for name, (content, reason) in contents.items():
        (lab.stored / name).write_bytes(content)
        said = lab.bam(lab.stored / name)
        assert said.status == 1
        assert said.told.startswith(f"{lab.stored / name}: failed: ")
        assert reason in said.told
        assert "Traceback" not in said.told
    assert not registered()
    assert IngestedFile.objects.filter(outcome="failed").count() == len(contents)


def test_names_that_the_catalogue_cannot_keep_are_refused(lab: Lab) -> None:
    header = make_sam_header({"x" * 256: 100})
    said = lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[]))
    assert "has a name of more than 255 characters" in said.told
    text = "##fileformat=VCFv4.3\n##contig=<ID=a,IDX=1>\n##contig=<ID=b,IDX=1>\n"
    text += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    plain = b"BCF\2\2" + (len(text) + 1).to_bytes(4, "little") + text.encode() + b"\0"
    (lab.stored / "a.bcf").write_bytes(bgzf_block(plain) + EOF_MARKER)
    assert "the contig b cannot have the number 1" in lab.vcf(lab.stored / "a.bcf").told
    assert not registered()


# ---- sequences


def test_md5s_make_sequences_that_are_known_but_not_held(lab: Lab) -> None:
    held = make_sequence(b"ACGT" * 5)
    md5, other = bytes(held.md5).hex(), "ef" * 16
    header = (
        f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:20\tM5:{md5.upper()}\tAN:chr1,CM000663.2\n@SQ\tSN:2\tLN:30\tM5:{other}\n"
    )
    header += "@SQ\tSN:3\tLN:40\tAN:chr3\n@RG\tID:1\tSM:a\n"
    lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[]))
    first, second, third = contigs_of("a")
    assert first.sequence == held
    assert second.sequence is not None
    assert (bytes(second.sequence.md5).hex(), second.sequence.length) == (other, 30)
    assert second.sequence.blob is None
    assert second.sequence.sha512t24u is None
    assert third.sequence is None
    names = Alias.objects.order_by("name").values_list("authority__name", "name", "sequence_id")
    assert list(names) == [("sam", "CM000663.2", held.pk), ("sam", "chr1", held.pk)]


def test_an_md5_with_another_length_is_not_linked(lab: Lab) -> None:
    held = make_sequence(b"ACGT" * 5)
    header = f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:21\tM5:{bytes(held.md5).hex()}\tAN:chr1\n@RG\tID:1\tSM:a\n"
    said = lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[]))
    assert said.status == 0
    assert "a length of 21, known with 20" in said.told
    assert contigs_of("a")[0].sequence is None
    assert not Alias.objects.exists()


def test_contigs_without_md5_are_linked_by_name_and_length_within_the_collection(lab: Lab) -> None:
    collection = SequenceCollection.objects.create(name="GRCtest")
    other = SequenceCollection.objects.create(name="other")
    sequence, longer = make_sequence(b"ACGT" * 5), make_sequence(b"ACGT" * 6)
    CollectionMember.objects.create(collection=collection, position=0, name="1", sequence=sequence)
    CollectionMember.objects.create(collection=collection, position=1, name="2", sequence=longer)
    CollectionMember.objects.create(collection=other, position=0, name="2", sequence=sequence)
    header = make_sam_header({"1": 20, "2": 20})
    path = make_reads_file(lab.stored / "a.bam", header=header, places=[])
    assert "there is no collection named 'none'" in lab.bam(path, "--collection", "none").summary
    lab.bam(path)
    assert [contig.sequence for contig in contigs_of("a")] == [None, None]
    # Told later, it links what is there already.
    assert lab.bam(path, "--collection", "GRCtest").summary.startswith("0 added, 1 unchanged")
    assert [contig.sequence for contig in contigs_of("a")] == [sequence, None]
    # Another one undoes that.
    lab.bam(path, make_reads_file(lab.stored / "b.bam", header=header, places=[]), "--collection", "other")
    assert Dataset.objects.get().collection == other
    for htsget_id in "ab":
        assert [contig.sequence for contig in contigs_of(htsget_id)] == [None, sequence]


# ---- again


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


# ---- datasets


def test_a_new_dataset_is_controlled_unless_public(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path, "--title", "The trial", "--licence", "CC0", dataset="closed")
    lab.bam(path, "--public", "--id", "open", dataset="open")
    closed, open_ = Dataset.objects.order_by("slug")
    assert (closed.visibility, closed.title, closed.licence) == ("controlled", "The trial", "CC0")
    assert open_.visibility == "public"


def test_an_ingest_never_opens_a_dataset(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    said = lab.bam(path, "--public")
    assert said.summary == "the dataset trial exists and is controlled; only the admin can make it public"
    assert Dataset.objects.get().visibility == "controlled"
    said = lab.bam(path, "--public", dataset="other")
    assert "reads/a (BAM) belongs to the dataset trial; move it there, or choose another id" in said.told
    assert DataFile.objects.get().dataset.slug == "trial"
    assert "is no name of a dataset" in lab.bam(path, dataset="a b").summary


def test_a_dataset_is_not_made_for_files_that_fail(lab: Lab) -> None:
    (lab.stored / "a.bam").write_bytes(b"nothing")
    assert lab.bam(lab.stored / "a.bam").status == 1
    assert not Dataset.objects.exists()


# ---- runs


def test_a_dry_run_writes_nothing(lab: Lab) -> None:
    good = make_reads_file(lab.outside / "good.bam", index=None)
    with_md5 = make_reads_file(
        lab.outside / "md5.bam", header=make_sam_header({"one": 50_000}, tags="\tM5:" + "ab" * 16), places=[]
    )
    bad = lab.outside / "bad.bam"
    bad.write_bytes(b"nothing")
    said = lab.bam(good, with_md5, bad, "--copy", "--dry-run")
    assert said.status == 1
    assert said.summary.startswith("2 added, 1 failed in dataset trial")
    assert said.summary.endswith("(dry run: nothing was written)")
    assert "an index would be built" in said.told
    for model in (Dataset, DataFile, Sequence, IngestRun, IngestedFile):
        assert not model.objects.exists()
    assert list(lab.files.rglob("*")) == []
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


def test_a_file_that_crashes_its_reader_fails_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
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
