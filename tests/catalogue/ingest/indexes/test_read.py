"""An index is accepted if it belongs to its file, whatever program wrote it, and rejected if not."""

from pathlib import Path

import pysam
import pytest

from catalogue.formats import FormatError
from catalogue.formats.cram import read_cram
from catalogue.formats.headers import FileFormat
from catalogue.formats.registry import read_header, sniff
from catalogue.ingest.indexes.read import FileIndex, index_keys, read_binning_index, read_cram_index
from tests.catalogue.lab import make_cram_file, make_reads_file, make_variants_file
from tests.made_bgzf import EOF_MARKER, bgzf_block, reader_of, uncompressed_of
from tests.made_crams import LAYOUTS, VERSIONS, make_cram, make_reference, make_sam
from tests.made_files import KINDS
from tests.made_reads import index_bam, make_bam
from tests.paths import SHARED_DATA

DATA = SHARED_DATA
REAL = [path for path in sorted(DATA.rglob("*")) if path.suffix in (".bam", ".cram", ".gz", ".bcf")]


def read(path: Path, index: Path) -> FileIndex:
    data = path.read_bytes()
    read_range = reader_of(data)
    if sniff(read_range) is FileFormat.CRAM:
        return read_cram_index(
            index.read_bytes(), file=read_cram(read_range, size=len(data)), read_range=read_range
        )
    header = read_header(read_range)
    return read_binning_index(index.read_bytes(), header=header, read_range=read_range, size=len(data))


def test_every_kind_of_index_is_proved_to_be_of_its_file(tmp_path: Path) -> None:
    for make in KINDS.values():
        made = make(tmp_path)
        assert made.index is not None
        read(made.path, made.index)


def test_every_layout_of_cram_is_proved(tmp_path: Path) -> None:
    reference, sam = make_reference(tmp_path), make_sam()
    for version in VERSIONS:
        for number, options in enumerate(LAYOUTS.values()):
            made = make_cram(
                tmp_path,
                reference=reference,
                sam=sam,
                version=version,
                options=options,
                name=f"{version}.{number}",
            )
            assert read(made.path, made.index).contigs


@pytest.mark.skipif(not REAL, reason="no ../shared/data beside the project")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_real_files_are_proved(path: Path) -> None:
    suffixes = (".bai", ".crai", ".tbi", ".csi")
    (index,) = [found for suffix in suffixes if (found := Path(f"{path}{suffix}")).exists()]
    assert read(path, index).contigs


def test_counts_come_from_the_index(tmp_path: Path) -> None:
    path = make_reads_file(tmp_path / "a.bam")
    index = read(path, Path(f"{path}.bai"))
    assert [(one.mapped, one.unmapped) for one in index.contigs.values()] == [(2, 0), (1, 0), (0, 0)]
    assert index.unplaced == 1
    assert index.unplaced_begin is not None


def test_an_index_of_other_reads_on_the_same_contigs_is_refused(tmp_path: Path) -> None:
    path = make_bam(tmp_path / "a.bam", seed=1, count=400)
    for seed in range(2, 7):
        other = index_bam(make_bam(tmp_path / f"{seed}.bam", seed=seed, count=400))
        assert other.index is not None
        with pytest.raises(FormatError):
            read(path, other.index)


@pytest.mark.parametrize(
    ("places", "reason"),
    [
        ([("one", 10), ("one", 2000), ("two", 5), ("two", 9), ("*", -1)], "records that it does not know"),
        ([("one", 10), ("two", 5), ("*", -1)], "no record of its contig"),
        ([("none", 10)], "no record of its contig"),
        ([], "beyond the file's end|records that it does not know|no record"),
    ],
)
def test_small_files_of_one_block_are_told_apart(
    tmp_path: Path, places: list[tuple[str, int]], reason: str
) -> None:
    path = make_reads_file(tmp_path / "a.bam", places=places)
    other = make_reads_file(tmp_path / "b.bam")
    with pytest.raises(FormatError, match=reason):
        read(path, Path(f"{other}.bai"))


def test_a_file_that_grew_since_it_was_indexed_is_told(tmp_path: Path) -> None:
    path = make_reads_file(tmp_path / "a.bam", places=[("one", 10)])
    longer = make_reads_file(tmp_path / "b.bam", places=[("one", 10), ("one", 30)], index=None)
    more = uncompressed_of(longer)[len(uncompressed_of(path)) :]
    path.write_bytes(path.read_bytes().removesuffix(EOF_MARKER) + bgzf_block(more) + EOF_MARKER)
    with pytest.raises(FormatError, match="does not know"):
        read(path, Path(f"{path}.bai"))


def test_a_record_in_another_bin_is_told(tmp_path: Path) -> None:
    index = Path(f"{make_reads_file(tmp_path / 'a.bam', places=[('one', 10)])}.bai")
    moved = make_reads_file(tmp_path / "b.bam", places=[("one", 40_000)], index=None)
    with pytest.raises(FormatError, match="no record of its contig"):
        read(moved, index)


def test_header_and_index_must_agree_on_contigs(tmp_path: Path) -> None:
    index = Path(f"{make_reads_file(tmp_path / 'a.bam')}.bai")
    more = "@HD\tVN:1.6\n" + "".join(f"@SQ\tSN:{name}\tLN:50000\n" for name in ("one", "two", "none", "more"))
    more += "@RG\tID:1\tSM:a\n"
    with pytest.raises(FormatError, match="knows 3 contigs, the header 4"):
        read(make_reads_file(tmp_path / "b.bam", header=more, index=None), index)


def test_variants_of_other_contigs_are_told(tmp_path: Path) -> None:
    index = Path(f"{make_variants_file(tmp_path / 'a.vcf.gz')}.tbi")
    other = make_variants_file(tmp_path / "b.vcf.gz", places=[("two", 10), ("none", 2000)], index=None)
    with pytest.raises(FormatError):
        read(other, index)
    for places in ([("one", 10), ("two", 5)], [("one", 10), ("one", 2000), ("two", 5), ("none", 1)]):
        with pytest.raises(FormatError):
            read(make_variants_file(tmp_path / "c.vcf.gz", places=places, index=None), index)
        bcf = make_variants_file(tmp_path / "d.bcf", index="csi")
        with pytest.raises(FormatError):
            read(make_variants_file(tmp_path / "e.bcf", places=places, index=None), Path(f"{bcf}.csi"))


def test_lines_with_too_few_columns_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf.gz"
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    for fields, whole in ((8, True), (5, False), (7, False)):
        line = "\t".join(["one", "10", "v", "A", "C", "9", "PASS", "."][:fields])
        text = "\n".join(["##fileformat=VCFv4.3", "\t".join(columns), line, ""])
        path.write_bytes(bgzf_block(text.encode()) + EOF_MARKER)
        pysam.tabix_index(str(path), seq_col=0, start_col=1, end_col=1, meta_char="#", force=True)
        if whole:
            assert read(path, Path(f"{path}.tbi")).contigs
        else:
            with pytest.raises(FormatError, match="no record of its contig"):
                read(path, Path(f"{path}.tbi"))


def test_an_index_by_other_columns_is_refused(tmp_path: Path) -> None:
    path = make_variants_file(tmp_path / "a.vcf.gz", index=None)
    pysam.tabix_index(str(path), seq_col=0, start_col=1, end_col=1, meta_char="#", zerobased=True)
    with pytest.raises(FormatError, match="other columns"):
        read(path, Path(f"{path}.tbi"))


def test_a_cram_index_of_another_file_is_refused(tmp_path: Path) -> None:
    index = Path(f"{make_cram_file(tmp_path / 'a.cram', slices=1)}.crai")
    with pytest.raises(FormatError):
        read(make_cram_file(tmp_path / "b.cram", slices=4, index=None), index)


def test_a_cram_file_out_of_order_is_refused(tmp_path: Path) -> None:
    # htslib notices a step back within a reference, but not a reference that comes again.
    path = make_cram_file(tmp_path / "a.cram", places=[("one", 10), ("two", 5), ("one", 500)], slices=1)
    with pytest.raises(FormatError, match="not in coordinate order"):
        read(path, Path(f"{path}.crai"))


def test_indexes_are_looked_for_under_every_usual_name() -> None:
    assert index_keys("run/a.bam", FileFormat.BAM) == [
        "run/a.bam.bai", "run/a.bam.csi", "run/a.bai", "run/a.csi",
    ]  # fmt: skip
    assert index_keys("a.cram", FileFormat.CRAM) == ["a.cram.crai", "a.crai"]
    assert index_keys("a.vcf.gz", FileFormat.VCF)[:2] == ["a.vcf.gz.tbi", "a.vcf.gz.csi"]
    assert {"a.tbi", "a.vcf.tbi"} < set(index_keys("a.vcf.gz", FileFormat.VCF))
    assert index_keys("a.bcf", FileFormat.BCF) == ["a.bcf.csi", "a.csi"]
    assert index_keys("noname", FileFormat.BCF) == ["noname.csi"]
