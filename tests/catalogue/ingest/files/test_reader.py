"""The ranges that an ingest reads of a data file, and its errors for damaged ones."""

import os
import random
import shutil
import string
from pathlib import Path
from typing import Any

import pysam
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue import queries
from catalogue.access import ANONYMOUS
from catalogue.errors import NotFound
from catalogue.formats.binning import ContigIndex
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import VirtualOffset
from catalogue.models import Alias, DataFile, Dataset, IngestedFile, Sequence
from tests.catalogue.lab import (
    Lab,
    contigs_of,
    make_cram_file,
    make_reads_file,
    make_sam_header,
    make_variants_file,
    registered,
)
from tests.made_bgzf import EOF_MARKER, bgzf_block, block_offsets, recut, uncompressed_of
from tests.paths import SHARED_DATA

pytestmark = pytest.mark.django_db


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


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="no ../shared/data beside the project")
def test_real_files(lab: Lab, settings: Any) -> None:
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "real": SHARED_DATA.as_uri()}
    assert lab.bam("real:").status == lab.vcf("real:").status == 0
    expected = [path for path in SHARED_DATA.rglob("*") if path.suffix in (".bam", ".cram", ".bcf", ".gz")]
    assert len(registered()) == len(expected) > 10
    assert not DataFile.objects.filter(index_kind="").exists()
    assert DataFile.objects.get(htsget_id="reads/htsnexus_test_NA12878", format="BAM").samples == ["NA12878"]


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
        copy = lab.outside / "plain"
        recut(path, copy, seed=1, sizes=(100, 400))
        shutil.copy(copy, path)
        os.utime(index, (1, 1))
        index.unlink()
        if indexed:
            _index_again(path, index)
    elif not indexed:
        index.unlink()
    whole = path.read_bytes()
    # Cut between two blocks, a file is whole but for its end-of-file marker, which is told and not refused.
    cuts = set(range(1, len(whole) - 60)) - (set(block_offsets(whole)) if format != "cram" else set())
    for cut in rng.sample(sorted(cuts), 4):
        path.write_bytes(whole[:cut])
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
    uncompressed = uncompressed_of(make_reads_file(lab.outside / "a.bam"))
    contents = {
        "empty.bam": (b"", "the file is empty"),
        "garbage.bam": (garbage, "not a BAM, CRAM, VCF or BCF file"),
        "plain.bam": (uncompressed, "not compressed"),
        "cut.bam": (bgzf_block(uncompressed)[:99], "cut off at byte 99, inside the BGZF block"),
        "size.bam": (
            bgzf_block(uncompressed)[:-4] + b"\7\0\0\0" + EOF_MARKER,
            "does not hold what it claims",
        ),
        "half.bam": (bgzf_block(uncompressed[:40]) + EOF_MARKER, "cut short"),
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


def test_contig_names_of_any_length_are_kept(lab: Lab) -> None:
    """Longer, too, than an index of the database takes; and names that differ in their last letter."""
    rng = random.Random(5)
    stem = "".join(rng.choices(string.ascii_letters + string.digits, k=6000))
    contigs = {f"{stem}{end}": 5000 for end in "ab"}
    places = [(name, position) for name in contigs for position in (10, 2000)]
    header = make_sam_header(contigs).replace("\tLN:", f"\tAN:{stem},short\tM5:{'1' * 32}\tLN:", 1)
    files = [
        make_reads_file(lab.stored / "a.bam", header=header, places=places),
        make_cram_file(lab.stored / "b.cram", header=header, places=places),
        make_variants_file(lab.stored / "c.vcf.gz", contigs=contigs, places=places),
        make_variants_file(lab.stored / "d.bcf", contigs=contigs, places=places, index="csi"),
    ]
    Dataset.objects.create(slug="trial", visibility=Dataset.Visibility.PUBLIC)
    said = lab.bam(*files[:2])
    assert said.status == lab.vcf(*files[2:]).status == 0, said.told
    for path in files:
        row = DataFile.objects.get(key=path.name)
        assert set(row.contigs.values_list("name", flat=True)) == set(contigs)
        assert not row.contigs.filter(index=b"").exists()
        stored = queries.find_file(
            viewer=ANONYMOUS, kind=row.kind, htsget_id=row.htsget_id, format=FileFormat(row.format)
        )
        for number, name in enumerate(contigs):
            assert queries.contigs_by_name(stored, [name])[name].number == number
        if row.kind == "reads":
            assert queries.contigs_by_name(stored, [stem])[stem].number == 0
        with pytest.raises(NotFound):
            queries.contigs_by_name(stored, [f"{stem}c"])
    assert list(Alias.objects.values_list("name", flat=True)) == ["short"]


def test_names_that_the_catalogue_cannot_keep_are_refused(lab: Lab) -> None:
    text = "##fileformat=VCFv4.3\n##contig=<ID=a,IDX=1>\n##contig=<ID=b,IDX=1>\n"
    text += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    uncompressed = b"BCF\2\2" + (len(text) + 1).to_bytes(4, "little") + text.encode() + b"\0"
    (lab.stored / "a.bcf").write_bytes(bgzf_block(uncompressed) + EOF_MARKER)
    assert "the contig b cannot have the number 1" in lab.vcf(lab.stored / "a.bcf").told
    assert not registered()
