"""The joined bytes of tickets, read by htslib, against htslib's reading of the stored file."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalogue.formats import FormatError
from catalogue.formats.bgzf import MAX_COMPRESSED
from catalogue.formats.binning import ContigIndex
from catalogue.formats.intervals import Region
from catalogue.formats.records import Records
from htsget_app.planning.parts import Inline, Limits, PartClass, Selection, StoredRange
from htsget_app.planning.plan import plan
from htsget_app.planning.scan import Scan
from tests.htsget_app.made_served import Served, bytes_of, check, each_file, some_files
from tests.made_bgzf import reader_of, recut, uncompressed_of
from tests.made_files import KINDS
from tests.made_reads import index_bam, make_bam

UNPACK = ContigIndex.unpack
#: Limits that make the most of the small files here: as usual, all inline, nothing inline and little read.
SHAPES = (
    Limits(),
    Limits(inline=10**8),
    Limits(inline=0, scan=1, join_gap=0),
    Limits(inline=2000, scan=200_000),
)


@pytest.mark.parametrize("count", [24, pytest.param(1_000, marks=pytest.mark.long)])
@each_file
def test_random_regions(served: Served, count: int) -> None:
    rng = random.Random(str(served.made))
    for number in range(count):
        region = served.random_region(rng)
        check(served, Selection((region,)), served.truth([region]), SHAPES[number % len(SHAPES)])


@some_files(3)
def test_several_regions(served: Served) -> None:
    rng = random.Random(str(served.made) + "several")
    for number in range(10):
        regions = tuple(served.random_region(rng) for _ in range(rng.randint(2, 12)))
        limits = SHAPES[number % len(SHAPES)]
        check(served, Selection(regions), served.truth(regions), limits)


@some_files(3, 1)
def test_whole_file_header_and_nothing(served: Served) -> None:
    everything = [text for *_, text in served.everything[1]]
    for limits in SHAPES:
        check(served, Selection(whole=True), everything, limits)
        check(served, Selection(), [], limits)
        check(served, Selection((Region(0, 5, 5),)), [], limits)
    unplaced = [text for contig, *_, text in served.everything[1] if contig == "*"]
    if served.is_bam:
        for limits in SHAPES:
            check(served, Selection(unplaced=True), unplaced, limits)


# ---- what it costs


@dataclass
class Counted:
    """A stored file that counts what is read of it."""

    data: bytes
    reads: int = 0
    length: int = 0

    def read_range(self, offset: int, length: int) -> bytes:
        assert offset + length <= len(self.data) + 2 * MAX_COMPRESSED
        self.reads += 1
        self.length += length
        return self.data[offset : offset + length]


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Some 4 MB of reads as of a genome, thirty deep in its first 100 kb."""
    folder = tmp_path_factory.mktemp("deep")
    contigs = {"one": 400_000, "empty": 1000}
    served = Served(
        index_bam(make_bam(folder / "deep.bam", count=36_000, contigs=contigs, simple=True)), folder
    )
    yield served
    served.close()


def test_random_regions_of_a_deep_file(deep: Served) -> None:
    """Where a window of the index holds many blocks, and an answer a few of them."""
    rng = random.Random(9)
    for number in range(60):
        start = rng.randrange(100_000)
        region = Region(0, start, start + rng.choice((1, 30, 500, 2000)))
        limits = (Limits(inline=0), Limits(inline=0, scan=1), Limits(inline=3000), Limits())[number % 4]
        check(deep, Selection((region,)), deep.truth([region]), limits)


def test_small_answers_across_windows_are_exact_throughout(deep: Served, tmp_path: Path) -> None:
    """With nothing meant to be inline, answers of two cut blocks are inline all the same."""
    cut = Served(
        index_bam(recut(deep.made.path, tmp_path / "cut.bam", seed=8, sizes=(9000, 20_000))), tmp_path
    )
    rng = random.Random(1)
    for _ in range(60):
        window = rng.randint(1, 6) * 2**14
        region = Region(0, window - rng.randint(1, 3), window + rng.randint(1, 40))
        check(cut, Selection((region,)), cut.truth([region]), Limits(inline=0))


def test_a_region_costs_two_reads_at_most(deep: Served) -> None:
    rng = random.Random(3)
    for width in (1, 100, 5000, 50_000, 200_000, 400_000):
        for _ in range(12):
            start = rng.randrange(max(1, 100_000 - width // 2))
            file = Counted(deep.data)
            plan(deep.planned, Selection((Region(0, start, start + width),)), read_range=file.read_range)
            assert file.reads <= 2 and file.length <= 2 * (Limits().scan + 2 * MAX_COMPRESSED)


def test_no_read_for_whole_files_headers_and_empty_answers(deep: Served) -> None:
    assert deep.header.end.uoffset == 0
    for selection in (
        Selection(),
        Selection(whole=True),
        Selection((Region(1, 0, 1000),)),
        Selection((Region(0, 7, 7),)),
    ):
        file = Counted(deep.data)
        plan(deep.planned, selection, read_range=file.read_range)
        assert file.reads == 0


def test_little_is_fetched_beside_what_is_wanted(deep: Served) -> None:
    """Regions of ten kilobases and more: at most a tenth more than the wanted records make by themselves."""
    rng = random.Random(4)
    for width in (10_000, 40_000):
        for _ in range(8):
            start = rng.randrange(80_000 - width)
            region = Region(0, start, start + width)
            blocks = plan(deep.planned, Selection((region,)), read_range=reader_of(deep.data))
            path = deep.join(block for block in blocks if block.part_class is PartClass.BODY)
            uncompressed, wanted = len(uncompressed_of(path)), sum(len(text) for text in deep.truth([region]))
            records = [text for *_, text in deep.everything[1]]
            assert uncompressed / wanted < 1.1 * len(uncompressed_of(deep.made.path)) / sum(map(len, records))


def test_records_that_are_sure_to_be_wanted_are_not_looked_at(
    deep: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large answer has the same parts when every record at its begin is looked at, and costs less."""
    rng = random.Random(11)
    looked_at = dict.fromkeys((True, False), 0)
    looked: list[int] = []
    note = Scan._note

    def noted(scan: Scan, records: Records, known: int) -> None:
        looked.append(known)
        note(scan, records, known)

    monkeypatch.setattr(Scan, "_note", noted)
    for _ in range(40):
        start = rng.randrange(60_000)
        selection = Selection((Region(0, start, start + rng.choice((10_000, 40_000))),))
        planned = {}
        for sure in (True, False):
            looked.clear()
            with monkeypatch.context() as turned:
                if not sure:
                    turned.setattr(Scan, "sure_stored", 0)
                planned[sure] = plan(deep.planned, selection, read_range=reader_of(deep.data))
            looked_at[sure] += sum(looked)
        assert planned[True] == planned[False]
    assert looked_at[True] < looked_at[False]


def test_long_blocks_are_split(deep: Served) -> None:
    limits = Limits(max_part_bytes=100_000)
    for selection in (Selection(whole=True), Selection((Region(0, 20_000, 90_000),))):
        usual = plan(deep.planned, selection, read_range=reader_of(deep.data))
        split = plan(deep.planned, selection, read_range=reader_of(deep.data), limits=limits)
        assert max(block.byte_range.length for block in split if isinstance(block, StoredRange)) == 100_000
        assert len(split) > len(usual)
        joined = [b"".join(bytes_of(block, deep.data) for block in blocks) for blocks in (usual, split)]
        assert joined[0] == joined[1]


def test_long_headers_are_not_sent_inline(tmp_path: Path) -> None:
    for kind in ("bam with long header", "bam with long header cut"):
        folder = tmp_path / kind
        folder.mkdir()
        served = Served(KINDS[kind](folder), folder)
        first, *_ = plan(served.planned, Selection(), read_range=reader_of(served.data))
        assert (
            isinstance(first, StoredRange)
            and first.part_class is PartClass.HEADER
            and first.byte_range.begin == 0
        )


def test_a_header_is_the_same_in_every_ticket(deep: Served) -> None:
    """Clients may keep it, so that its blocks must hold nothing else."""
    tickets = [
        plan(deep.planned, selection, read_range=reader_of(deep.data))
        for selection in (Selection(), Selection(whole=True), Selection((Region(0, 5, 5000),)))
    ]
    headers = [[block for block in blocks if block.part_class is PartClass.HEADER] for blocks in tickets]
    assert headers[0] == headers[1] == headers[2] == [Inline(deep.header.packed, PartClass.HEADER)]


def test_many_regions_make_few_ranges_and_spare_what_lies_between(deep: Served) -> None:
    regions = tuple(Region(0, start, start + 10) for start in range(0, 400_000, 20_000))
    blocks = check(deep, Selection(regions), deep.truth(regions), Limits())
    assert sum(len(bytes_of(block, deep.data)) for block in blocks) < len(deep.data) / 10
    few = check(deep, Selection(regions), deep.truth(regions), Limits(inline=0, join_gap=0, max_ranges=3))
    body = [block for block in few if block.part_class is PartClass.BODY]
    assert 1 <= sum(isinstance(block, StoredRange) for block in body) <= 3


def test_a_file_that_changed_is_noticed(deep: Served) -> None:
    """A file shorter than it was, and one whose blocks lie elsewhere."""
    region = Selection((Region(0, 50_000, 50_100),))
    for data in (deep.data[: len(deep.data) // 4], deep.data[1:], b"x" * len(deep.data)):
        with pytest.raises(FormatError):
            plan(deep.planned, region, read_range=reader_of(data))


@pytest.mark.parametrize("exact", [False, True])
def test_many_regions_cost_little_more_than_one(
    deep: Served, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    """A contig's index is unpacked once, and regions near each other are read together."""
    unpacked = []

    def unpack(packed: bytes) -> ContigIndex:
        unpacked.append(packed)
        return UNPACK(packed)

    regions = tuple(Region(0, start, start + 10) for start in range(0, 100_000, 100))
    within = regions if exact else None
    monkeypatch.setattr(ContigIndex, "unpack", unpack)
    file = Counted(deep.data)
    parts = plan(deep.planned, Selection(regions, within=within), read_range=file.read_range)
    assert len(unpacked) == 1
    assert file.reads <= 2 + len(deep.data) // Limits().scan
    if exact:
        texts = [text for *_, text in deep.read(deep.join(parts))[1]]
        assert texts == deep.truth(regions)
