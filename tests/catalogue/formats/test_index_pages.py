"""Indexes in pages answer as whole ones do, from few bytes, and are whole again when joined."""

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from catalogue.formats import FormatError, binning_pages, crai
from catalogue.formats.binning import ContigIndex
from catalogue.formats.crai import containers_overlapping, pack
from catalogue.formats.index_pages import FIRST_READ, Directory, read_directory
from catalogue.formats.intervals import ByteRange
from tests.catalogue.formats.made_indexes import make_contig_index, make_crai_rows, make_human_index

LENGTH = 20_000_000
SPANS = {"short": (150,), "spliced": (100, 5000), "a few long": (50,) * 200 + (400_000,)}


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every index have pages that can."""
    monkeypatch.setattr(binning_pages, "MAX_WHOLE", 0)
    monkeypatch.setattr(crai, "MAX_WHOLE", 0)


def paged(packed: bytes) -> tuple[Directory, Callable[[int], bytes], bytes]:
    """The directory of an index, its pages by number, and its head."""
    directory = read_directory(packed)
    assert directory is not None
    head = directory.head

    def page(number: int) -> bytes:
        where = directory.page(number)
        return packed[where.begin : where.end]

    return directory, page, packed[head.begin : head.end]


def regions(rng: random.Random) -> Iterator[list[tuple[int, int]]]:
    """One region or several, some of them beyond the last record."""
    for _ in range(120):
        starts = [rng.randrange(int(LENGTH * 1.1)) for _ in range(rng.choice((1, 1, 3)))]
        yield [
            (start, start + rng.choice((1, 100, 16_384, 1 << 20, 3 << 20, 2**31, 2**62))) for start in starts
        ]


def pages_of(directory: Directory, asked: list[tuple[int, int]], *, every: bool) -> set[int]:
    which = directory.covering if every else directory.edges
    return {number for region in asked for number in which(*region)}


@pytest.mark.parametrize("spans", sorted(SPANS))
@pytest.mark.parametrize(("min_shift", "depth"), [(14, 5), (11, 6)])
@pytest.mark.parametrize("csi", [False, True])
@pytest.mark.parametrize("unmapped", [0, 3, None])
@pytest.mark.usefixtures("small_pages")
def test_pages_answer_as_the_whole_index(
    spans: str, min_shift: int, depth: int, csi: bool, unmapped: int | None
) -> None:
    seed = f"{spans} {min_shift} {csi} {unmapped}"
    index = make_contig_index(
        np.random.default_rng(len(seed)), length=LENGTH, records=20_000, spans=SPANS[spans],
        min_shift=min_shift, depth=depth, csi=csi, unmapped=unmapped,
    )  # fmt: skip
    packed = binning_pages.pack_index(index)
    directory, page, head = paged(packed)
    assert len(packed) <= 2 * len(index.pack())
    for at, asked in enumerate(regions(random.Random(seed))):
        numbers = pages_of(directory, asked, every=at % 3 == 0)
        joined = ContigIndex.unpack(
            binning_pages.join_pages(head, {number: page(number) for number in numbers})
        )
        for start, end in asked:
            assert joined.query(start, end) == index.query(start, end), (start, end)
            assert joined.tail_offset(end) == index.tail_offset(end)
            assert joined.limit_offset(end) == index.limit_offset(end)
            assert joined.first_offset(start) == index.first_offset(start)
    assert binning_pages.unpack_index(packed).pack() == index.pack()


def test_a_linear_index_that_goes_back_is_looked_up_the_same(small_pages: None) -> None:
    """Writers differ in what they give for windows without records; unmapped reads make earlier windows matter."""
    rng = np.random.default_rng(1)
    index = make_contig_index(rng, length=LENGTH, records=20_000, unmapped=3)
    index.linear.flags.writeable = True
    swapped = rng.integers(1, len(index.linear) - 1, 200)
    index.linear[swapped] = index.linear[swapped - 1] - np.uint64(1)
    directory, page, head = paged(binning_pages.pack_index(index))
    for asked in regions(random.Random(1)):
        numbers = pages_of(directory, asked, every=False)
        joined = ContigIndex.unpack(
            binning_pages.join_pages(head, {number: page(number) for number in numbers})
        )
        assert all(joined.first_offset(start) == index.first_offset(start) for start, _ in asked)


def test_a_human_chromosome_is_read_in_few_bytes() -> None:
    index = make_human_index(np.random.default_rng(2))
    packed = binning_pages.pack_index(index)
    directory, page, _ = paged(packed)
    assert len(index.pack()) > 700_000 and len(packed) < 1.2 * len(index.pack())
    assert directory.head.end <= FIRST_READ
    assert max(len(page(number)) for number in directory.pages) < 8_000
    assert len(set(directory.edges(0, 2**62))) == len(set(directory.edges(10**7, 10**8))) == 2


def test_short_indexes_and_those_that_pages_would_multiply_are_whole() -> None:
    rng = np.random.default_rng(3)
    short = make_contig_index(rng, length=LENGTH, records=200)
    assert binning_pages.pack_index(short) == short.pack()
    # Each record lies alone in a bin of a high level, and reaches into many pages.
    long = make_contig_index(rng, length=LENGTH, records=4000, spans=(9_000_000, 11_000_000))
    assert binning_pages.pack_index(long) == long.pack()


@pytest.mark.parametrize("unknown", [0, 3])
@pytest.mark.parametrize("span", [30_000, 900_000])
@pytest.mark.usefixtures("small_pages")
def test_pages_of_containers_answer_as_the_whole_table(unknown: int, span: int) -> None:
    rng = np.random.default_rng(4)
    rows = make_crai_rows(rng, length=LENGTH, containers=600, span=span, unknown=unknown)
    data = ByteRange(30, 30 + 500 * 600)
    packed = pack(rows, data=data, contigs=1).contigs[0]
    directory, page, head = paged(packed)
    for asked in regions(random.Random(span)):
        numbers = pages_of(directory, asked, every=False)
        joined = crai.join_pages(head, {number: page(number) for number in numbers}, shift=directory.shift)
        for start, end in asked:
            found = containers_overlapping(joined, start=start, end=end)
            assert found == containers_overlapping(packed, start=start, end=end)
            held = {at for piece in found for at in range(piece.begin, piece.end, 500)}
            assert held == {row.container for row in rows if row.start < end and row.end > start}


@pytest.mark.usefixtures("small_pages")
def test_damaged_pages_are_told() -> None:
    index = make_contig_index(np.random.default_rng(5), length=LENGTH, records=5000)
    packed = binning_pages.pack_index(index)
    directory, _, _ = paged(packed)
    for length in (4, 11, 12, 40, directory.head.end, len(packed) - 1):
        with pytest.raises(FormatError, match="cut short"):
            binning_pages.unpack_index(packed[:length])
    for at, value in ((8, 0), (11, 255), (13, 255), (20, 255)):
        with pytest.raises(FormatError):
            binning_pages.unpack_index(packed[:at] + bytes([value]) + packed[at + 1 :])
