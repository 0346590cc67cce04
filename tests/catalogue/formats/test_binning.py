"""Binning indexes, compared with the offsets of records in htslib."""

import gzip
import random
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest

from catalogue.formats import FormatError
from catalogue.formats.binning import BinningIndex, ContigIndex, unite_offsets
from catalogue.formats.index_files import MAX_INDEX, read_index
from catalogue.formats.intervals import Chunk, VirtualOffset, unite_chunks
from tests.made_bgzf import MadeFile
from tests.made_files import KINDS
from tests.made_variants import index_vcf, make_vcf, make_vcf_text

# Some of the files have no end-of-file marker, which htslib remarks upon.
pytestmark = pytest.mark.filterwarnings("ignore:no BGZF EOF marker")

BAMS = sorted(kind for kind in KINDS if kind.startswith("bam"))
Placed = tuple[int, int, int, int, int]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MadeFile]:
    return {kind: KINDS[kind](tmp_path_factory.mktemp("made")) for kind in KINDS}


def index_of(file: MadeFile) -> BinningIndex:
    assert file.index is not None
    return read_index(file.index.read_bytes())


def places_of(file: MadeFile) -> Iterator[Placed]:
    """Each record's contig, start, end, and its begin and end as virtual offsets."""
    with pysam.AlignmentFile(str(file.path), ignore_truncation=True) as reads:
        begin = reads.tell()
        for read in reads.fetch(until_eof=True):
            length = 0 if read.is_unmapped else read.reference_length or 0
            end = reads.tell()
            start = read.reference_start
            if read.reference_id >= 0:
                yield read.reference_id, start, start + max(1, length), begin, end
            begin = end


def same(one: ContigIndex | None, other: ContigIndex | None) -> bool:
    return one is other is None or (one is not None and other is not None and one.pack() == other.pack())


@pytest.mark.parametrize("kind", BAMS)
def test_queries_name_chunks_that_hold_every_overlapping_record(kind: str, made: dict[str, MadeFile]) -> None:
    index = index_of(made[kind])
    places = np.array(list(places_of(made[kind])), dtype=np.uint64).reshape(-1, 5)
    rng = random.Random(kind)
    for number, contig in enumerate(index.contigs):
        _, firsts, lasts, begins, ends = places[places[:, 0] == np.uint64(number)].T
        assert (contig is None) == (len(begins) == 0)
        if contig is None:
            continue
        assert contig.begin <= begins[0] and contig.end >= ends[-1]
        for _ in range(60):
            start = (
                int(rng.choice(firsts)) + rng.randint(0, 200) if rng.random() < 0.7 else rng.randrange(2**27)
            )
            end = start + rng.choice((1, 50, 5000, 100_000, 2**29))
            chunks = contig.query(start, end)
            overlapping = (firsts < end) & (lasts > start)
            held = np.zeros(len(begins), dtype=np.bool_)
            for chunk in chunks:
                held |= (begins >= int(chunk.begin)) & (ends <= int(chunk.end))
                assert chunk.begin < chunk.end and int(chunk.begin) in begins
            assert held[overlapping].all()
            assert contig.tail_offset(end) in begins
            assert (firsts[begins >= contig.limit_offset(end)] >= end).all()


@pytest.mark.parametrize("kind", BAMS)
def test_counts_are_those_htslib_reports(kind: str, made: dict[str, MadeFile]) -> None:
    index = index_of(made[kind])
    path, beside = str(made[kind].path), str(made[kind].index)
    with pysam.AlignmentFile(path, index_filename=beside, ignore_truncation=True) as file:
        for number, told in enumerate(file.get_index_statistics()):
            contig = index.contigs[number]
            assert (
                (contig.mapped, contig.unmapped) == (told.mapped, told.unmapped)
                if contig
                else told.total == 0
            )
        assert index.unplaced == file.nocoordinate


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_packed_indexes_are_the_same_and_small(kind: str, made: dict[str, MadeFile]) -> None:
    index = index_of(made[kind])
    for contig in index.contigs:
        if contig is None:
            continue
        again = ContigIndex.unpack(memoryview(contig.pack()))
        assert same(again, contig)
        rng = random.Random(1)
        for _ in range(20):
            start = rng.randrange(200_000)
            end = start + rng.randint(1, 100_000)
            assert again.query(start, end) == contig.query(start, end)
            assert again.tail_offset(end) == contig.tail_offset(end)
    index.verify_extent(made[kind].path.stat().st_size)
    if any(index.contigs):
        with pytest.raises(FormatError, match="beyond the file's end"):
            index.verify_extent(100)


def test_only_the_changes_of_a_linear_index_are_kept(made: dict[str, MadeFile]) -> None:
    """The "wide" contig has 2,442 windows of which few hold where a read begins."""
    file = made["bam by htslib"]
    wide = index_of(file).contigs[2]
    assert wide is not None and file.index is not None
    assert len(wide.windows) < 400 and len(wide.pack()) < 14_000 < file.index.stat().st_size


def test_tabix_names_its_contigs(made: dict[str, MadeFile]) -> None:
    for kind in ("vcf by htslib", "vcf with csi", "vcf with undeclared contigs"):
        index = index_of(made[kind])
        assert index.names == ("one", "wide", "last")
        assert index.columns is not None
        assert (index.columns.format, index.columns.sequence, index.columns.begin) == (2, 1, 2)
        assert (index.columns.meta, index.columns.skip) == ("#", 0)
    assert index_of(made["bam by htslib"]).columns is None
    assert index_of(made["bcf by htslib"]).names == ()
    assert [index_of(made[kind]).kind for kind in ("vcf by htslib", "vcf with csi", "bam by htslib")] == [
        *("TBI", "CSI", "BAI")
    ]


def test_compressed_and_plain_indexes_are_one(tmp_path: Path) -> None:
    made = index_vcf(make_vcf(tmp_path / "a.vcf.gz", make_vcf_text(count=100)))
    assert made.index is not None
    data = made.index.read_bytes()
    uncompressed = gzip.decompress(data)
    for form in (
        uncompressed,
        gzip.compress(uncompressed),
        gzip.compress(uncompressed[:100]) + gzip.compress(uncompressed[100:]),
    ):
        again = read_index(form)
        assert all(
            same(one, other) for one, other in zip(again.contigs, read_index(data).contigs, strict=True)
        )
        assert again.names == ("one", "wide", "last")


def test_a_window_left_empty_by_old_writers_is_that_before_it(made: dict[str, MadeFile]) -> None:
    """Without that, reading would start at the file's beginning, or worse."""
    (contig, *_) = (contig for contig in index_of(made["bam by htslib"]).contigs if contig)
    gap = replace(contig, windows=contig.windows[[0, 2]], linear=contig.linear[[0, 2]], unmapped=0)
    full = replace(contig, unmapped=0)
    assert gap.first_offset(1 << 14) == full.first_offset(0)
    assert gap.first_offset(2 << 14) == full.first_offset(2 << 14)
    assert gap.first_offset(2**31) == full.first_offset(2 << 14)


def test_unmapped_reads_before_the_first_mapped_of_a_window_are_found() -> None:
    """The linear index passes over them, so an earlier window's offset has to serve."""
    uncompressed = struct.pack(
        "<4siiIiQQIi4Qi2Q", *(b"BAI\1", 1, 2, 4681, 1, 100 << 16, 900 << 16),
        *(37450, 2, 100 << 16, 900 << 16, 5, 1), 2, 100 << 16, 500 << 16,
    )  # fmt: skip
    (contig,) = read_index(uncompressed).contigs
    assert contig is not None and contig.unmapped == 1
    assert contig.first_offset(1 << 14) == 100 << 16
    assert replace(contig, unmapped=0).first_offset(1 << 14) == 500 << 16
    assert replace(contig, unmapped=None).first_offset(1 << 14) == 100 << 16


def bai(*parts: bytes) -> bytes:
    return b"BAI\1" + b"".join(parts)


def ints(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}i", *numbers)


def offsets(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a BAI, CSI or TBI"),
        (b"BAI\2" + ints(0), "not a BAI, CSI or TBI"),
        (bai(), "cut short"),
        (bai(ints(2**31 - 1)), "claims"),
        (bai(ints(-1)), "claims"),
        (bai(ints(1, 2**31 - 1), bytes(99)), "claims"),
        (bai(ints(1, 1, 0, 2**31 - 1), bytes(64)), "cut short"),
        (bai(ints(1, 1, 0, -1), bytes(64)), "cut short"),
        (bai(ints(1, 1, 99_999, 1), bytes(64)), "bin number 99999"),
        (bai(ints(1, 1, 37450, 1), bytes(64)), "pseudo-bin"),
        (bai(ints(1, 1, 5, 1), offsets(9, 3), ints(0)), "ends before it begins"),
        (bai(ints(1, 2, 5, 1), offsets(1, 3), ints(5, 1), offsets(1, 3), ints(0)), "twice"),
        (bai(ints(1, 1, 5, 1), offsets(1, 3), ints(2**30)), "claims"),
        (b"CSI\1" + ints(0, 5, 0, 0), "min_shift 0"),
        (b"CSI\1" + ints(14, 99, 0, 0), "depth 99"),
        (b"CSI\1" + ints(14, 5, 2**30, 0), "cut short"),
        (b"TBI\1" + ints(1, 2, 1, 2, 0, 35, 0, 0) + ints(0, 0), "0 names"),
        (gzip.compress(bai(ints(0)), mtime=0)[:-9], "cut short"),
        (gzip.compress(bai(ints(0)), mtime=0)[:10] + b"\xff" * 20, "inflate"),
    ],
)
def test_what_is_wrong_with_an_index_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_index(data)


def test_an_index_that_swells_is_refused() -> None:
    bomb = gzip.compress(bytes(MAX_INDEX + 1), compresslevel=1)
    with pytest.raises(FormatError, match="longer than"):
        read_index(bomb)


@pytest.mark.parametrize("cut", [0, 3, 60, -1])
def test_packed_indexes_are_checked(cut: int, made: dict[str, MadeFile]) -> None:
    (contig, *_) = (contig for contig in index_of(made["bam by htslib"]).contigs if contig)
    with pytest.raises(FormatError, match="packed"):
        ContigIndex.unpack(contig.pack()[:cut])


def test_places_are_virtual_offsets(made: dict[str, MadeFile]) -> None:
    index = index_of(made["bam by htslib"])
    assert isinstance(index.placed_end(), VirtualOffset)
    assert index_of(made["bam of one header"]).placed_end() is None


def test_chunks_are_united_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    for count in range(40):
        begins = rng.integers(0, 1 << 22, count, dtype=np.uint64)
        ends = begins + rng.integers(1, 1 << 18, count, dtype=np.uint64)
        one_by_one = [
            Chunk(VirtualOffset(begin), VirtualOffset(end))
            for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        ]
        assert unite_offsets(begins, ends) == unite_chunks(one_by_one)
