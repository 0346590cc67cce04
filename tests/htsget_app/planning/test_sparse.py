"""Regions between records, contigs without any, empty BGZF blocks, positions beyond 32 bits: answers, not errors."""

import random
from itertools import pairwise
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from catalogue.formats.intervals import MAX_POSITION, NO_END, Region
from htsget_app.planning.parts import Limits, Selection
from htsget_app.planning.plan import plan
from tests.htsget_app.made_served import Served, check
from tests.made_bgzf import EOF_MARKER, MadeFile, bgzf_block, reader_of, uncompressed_of
from tests.made_files import KINDS
from tests.made_reads import index_bam, make_bam, make_bam_header, make_read
from tests.made_variants import index_vcf, make_vcf, make_vcf_header

LENGTH = 60_000_000
CONTIGS = {"one": LENGTH, "empty": 50_000, "last": LENGTH}
REGIONS = 300
SHAPES = (Limits(), Limits(inline=0, scan=1, join_gap=0))


def structural_variants(path: Path) -> Path:
    """Some thousand deletions, short and long, far enough apart that many windows hold none."""
    rng = random.Random(1)
    lines = [make_vcf_header(CONTIGS, samples=0).replace("\tFORMAT", "")]
    for contig in ("one", "last"):
        for number, position in enumerate(sorted(rng.randrange(1, LENGTH) for _ in range(1500))):
            length = rng.choice((1, 50, 300, 1000, 5000, 20_000))
            info = f"SVLEN=-{length};END={min(position + length, LENGTH)}"
            lines.append(f"{contig}\t{position}\tv{number}\tA\t<DEL>\t.\tPASS\t{info}\n")
    return make_vcf(path, "".join(lines).encode())


def long_reads(path: Path) -> Path:
    """Reads of up to 100 kb, far apart."""
    header = make_bam_header(CONTIGS)
    rng = random.Random(2)
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for contig in (0, 2):
            for number, start in enumerate(sorted(rng.randrange(LENGTH) for _ in range(120))):
                length = rng.choice((100, 5000, 20_000, 100_000))
                cigar = [(0, 50), (2, length), (0, 50)]
                file.write(make_read(header, f"r{number}", contig=contig, start=start, cigar=cigar, rng=rng))
    return path


SPARSE = {
    "structural variants with tbi": lambda folder: index_vcf(structural_variants(folder / "sv.vcf.gz")),
    "structural variants with csi": lambda folder: index_vcf(
        structural_variants(folder / "sv.vcf.gz"), csi=14
    ),
    "long reads with bai": lambda folder: index_bam(long_reads(folder / "long.bam")),
    "long reads with csi": lambda folder: index_bam(long_reads(folder / "long.bam"), csi=10),
}


@pytest.fixture(scope="module", params=SPARSE)
def sparse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("sparse")
    return Served(SPARSE[request.param](folder), folder)


def hundred_bases(seed: str) -> list[Region]:
    """Random regions of 100 bases, some of them beyond the last record of their contig."""
    rng = random.Random(seed)
    starts = [rng.randrange(LENGTH + 400_000) for _ in range(REGIONS)]
    return [Region(rng.choice((0, 0, 0, 1, 2)), start, start + 100) for start in starts]


def test_regions_between_records(sparse: Served) -> None:
    for number, region in enumerate(hundred_bases(str(sparse.made))):
        check(sparse, Selection((region,)), sparse.truth([region]), SHAPES[number % len(SHAPES)])


def test_exact_answers_between_records(sparse: Served) -> None:
    for region in hundred_bases(f"{sparse.made} exact")[:100]:
        assert answered(sparse, Selection((region,), within=(region,))) == sparse.truth([region])


def answered(served: Served, selection: Selection, limits: Limits = SHAPES[0]) -> list[str]:
    parts = plan(served.planned, selection, read_range=reader_of(served.data), limits=limits)
    return [text for *_, text in served.read(served.join(parts))[1]]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("make", [index_bam, index_vcf])
def test_a_file_that_is_nothing_but_a_header(tmp_path: Path, make: object, exact: bool) -> None:
    if make is index_bam:
        with pysam.AlignmentFile(str(tmp_path / "none.bam"), "wb", header=make_bam_header(CONTIGS)):
            pass
        served = Served(index_bam(tmp_path / "none.bam"), tmp_path)
    else:
        served = Served(
            index_vcf(make_vcf(tmp_path / "none.vcf.gz", make_vcf_header(CONTIGS).encode())), tmp_path
        )
    for region in (Region(0), Region(1, 0, 1), Region(2, LENGTH, LENGTH + 1)):
        within = (region,) if exact else None
        assert answered(served, Selection((region,), within=within)) == []
    assert answered(served, Selection(unplaced=True)) == answered(served, Selection(whole=True)) == []


# ---- empty blocks


def blocks_of(data: bytes) -> list[bytes]:
    """The BGZF blocks of a file."""
    begins = [0]
    while begins[-1] < len(data):
        begins.append(begins[-1] + int.from_bytes(data[begins[-1] + 16 : begins[-1] + 18], "little") + 1)
    return [data[begin:end] for begin, end in pairwise(begins)]


def without_trailing_count(made: MadeFile) -> None:
    """Removes the number of reads without a position, which an index need not have (SAMv1 §5.2)."""
    assert made.index is not None
    made.index.write_bytes(made.index.read_bytes()[:-8])


@pytest.mark.parametrize("unplaced", [0, 30])
@pytest.mark.parametrize("markers", [1, 2, 40])
def test_unplaced_reads_before_several_eof_markers(tmp_path: Path, unplaced: int, markers: int) -> None:
    made = index_bam(make_bam(tmp_path / "file.bam", count=200, unplaced=unplaced))
    without_trailing_count(made)
    made.path.write_bytes(made.path.read_bytes() + EOF_MARKER * (markers - 1))
    served = Served(made, tmp_path)
    expected = [text for contig, *_, text in served.everything[1] if contig == "*"]
    assert len(expected) == unplaced
    for limits in SHAPES:
        assert answered(served, Selection(unplaced=True), limits) == expected
        assert answered(served, Selection((Region(3),), unplaced=True), limits)[-len(expected) or None :] == (
            expected or served.truth([Region(3, 0, 2**31 - 1)])
        )


def test_blocks_that_hold_nothing_in_the_middle(tmp_path: Path) -> None:
    """Each block is followed by one or more empty ones, of which some are end-of-file markers."""
    source = KINDS["bam by htslib"](tmp_path)
    rng = random.Random(5)
    path = tmp_path / "gaps.bam"
    with path.open("wb") as file:
        for block in blocks_of(source.path.read_bytes())[:-1]:
            file.write(block)
            for _ in range(rng.randint(1, 5)):
                file.write(rng.choice((EOF_MARKER, bgzf_block(b"", level=0))))
        file.write(EOF_MARKER)
    assert uncompressed_of(path) == uncompressed_of(source.path)
    served = Served(index_bam(path), tmp_path)
    for number in range(100):
        region = served.random_region(rng)
        limits = SHAPES[number % len(SHAPES)]
        assert set(served.truth([region])) <= set(answered(served, Selection((region,)), limits))
        assert answered(served, Selection((region,), within=(region,))) == served.truth([region])


# ---- positions beyond 32 bits


def test_positions_beyond_32_bits(tmp_path: Path) -> None:
    """A request without an end gives what lies beyond the last position that an end could name."""
    positions = (100, 2**31, MAX_POSITION - 1, MAX_POSITION, 2**32, 2**32 + 1, 5_000_000_000, 8_999_999_999)
    lines = [f"long\t{position}\tv{position}\tA\tC\t9\tPASS\t.\tGT\t0/1\t0/0\n" for position in positions]
    text = make_vcf_header({"long": 9_000_000_000}) + "".join(lines)
    path = make_vcf(tmp_path / "long.vcf.gz", text.encode())
    pysam.bcftools.index("-f", "-c", str(path))
    served = Served(MadeFile(path, Path(f"{path}.csi")), tmp_path)
    for start, count in ((0, 8), (MAX_POSITION - 2, 6), (MAX_POSITION, 4)):
        region = Region(0, start)
        assert region.end == NO_END
        for selection in (Selection((region,)), Selection((region,), within=(region,))):
            assert answered(served, selection) == served.truth([Region(0, start, 2**62)])[-count:]
            assert len(answered(served, selection)) == count
    bounded = Selection((Region(0, 0, MAX_POSITION),))
    assert len(answered(served, bounded)) == 4
