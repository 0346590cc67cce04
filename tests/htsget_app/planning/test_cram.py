"""The joined bytes of CRAM answers, against every container decoded on its own by htslib."""

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pysam
import pytest

from catalogue.formats import FormatError
from catalogue.formats.intervals import ByteRange, Region
from htsget_app.planning.cram import plan_cram
from htsget_app.planning.parts import (
    Inline,
    Limits,
    PartClass,
    Selection,
    StoredRange,
)
from tests.htsget_app.made_served_crams import EVERYTHING, Read, ServedCram
from tests.made_crams import LAYOUTS, VERSIONS, MadeCram, make_cram, make_reference, make_sam, reader_of
from tests.paths import SHARED_DATA

REAL = SHARED_DATA
real_data = pytest.mark.skipif(not REAL.exists(), reason="../shared/data is not there")

NOTHING_INLINE = Limits(inline=0)
REGIONS = 80

HEADER = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:big\tLN:6000\n"

# All fields but bases and qualities: what can be read of a file whose reference is not at hand.
WITHOUT_BASES = ("required_fields=0x19ff", "decode_md=0")


def check(served: ServedCram, selections: Iterable[Selection]) -> None:
    """The differential test: exact bytes, decodable, nothing lost, nothing twice, in order."""
    everything = [read for _, reads in served.containers for read in reads]
    seen: dict[bytes, list[Read]] = {}
    for selection in selections:
        expected, overlapping = served.wanted(selection)
        for limits in (EVERYTHING, NOTHING_INLINE, Limits(inline=4000, max_part_bytes=3000)):
            assert served.join(served.plan(selection, limits)) == expected
        if expected not in seen:
            seen[expected] = served.reads(expected)
            # In the original's order, and so nothing twice.
            rest = iter(everything)
            assert all(read in rest for read in seen[expected])
        answered = seen[expected]
        names = [contig.name for contig in served.planned.contigs.values()]
        assert [read for read in answered if served.overlaps(read, selection, names)] == overlapping


def random_selections(served: ServedCram, *, count: int, seed: int) -> Iterable[Selection]:
    rng = random.Random(seed)
    names = [contig.name for contig in served.planned.contigs.values()]
    lengths = served.lengths
    places = [
        (names.index(read[1]), read[2]) for _, reads in served.containers for read in reads if read[1] != "*"
    ]
    for _ in range(count):
        regions = []
        for _ in range(rng.choice((1, 1, 1, 1, 2, 5))):
            contig, start = rng.randrange(len(names)), 0
            if places and rng.random() < 0.7:
                contig, start = rng.choice(places)
            start = (
                max(0, start + rng.randint(-60, 60)) if rng.random() < 0.6 else rng.randrange(lengths[contig])
            )
            length = rng.choice((0, 1, 1, 20, 300, 5000, lengths[contig]))
            regions.append(Region(contig, start, start + length))
        yield Selection(regions=tuple(regions), unplaced=rng.random() < 0.1)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reference(tmp_path_factory.mktemp("reference"))


def serve(folder: Path, reference: Path, **shape: Any) -> ServedCram:
    made: dict[str, Any] = {"sam": make_sam(seed=7), **shape}
    return ServedCram(make_cram(folder, reference=reference, **made), folder)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_answers_are_exact(tmp_path: Path, reference: Path, version: str, layout: str) -> None:
    served = serve(tmp_path, reference, version=version, options=LAYOUTS[layout])
    everything = [Selection(), Selection(whole=True), Selection(unplaced=True)]
    whole_contigs = [Selection(regions=(Region(contig),)) for contig in served.planned.contigs]
    check(served, [*everything, *whole_contigs])
    check(served, random_selections(served, count=REGIONS, seed=11))
    assert len(served.containers) > 2


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("unplaced", [0, 30])
def test_answers_of_files_without_eof_are_exact(
    tmp_path: Path, reference: Path, version: str, unplaced: int
) -> None:
    sam = make_sam(seed=8, unplaced=unplaced)
    served = serve(tmp_path, reference, version=version, sam=sam, options=["seqs_per_slice=15"], eof=False)
    assert not served.planned.stored.has_eof
    check(served, [Selection(), Selection(whole=True), Selection(unplaced=True)])
    check(served, random_selections(served, count=40, seed=12))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_without_reads_is_served(tmp_path: Path, reference: Path, version: str) -> None:
    served = serve(tmp_path, reference, version=version, sam=(HEADER, []))
    selections = [
        Selection(),
        Selection(whole=True),
        Selection(unplaced=True),
        Selection(regions=(Region(0),)),
    ]
    for selection in selections:
        for limits in (EVERYTHING, NOTHING_INLINE):
            assert served.join(served.plan(selection, limits)) == served.data
    assert served.reads(served.data) == []


def test_a_file_of_nothing_but_unplaced_reads_is_served(tmp_path: Path, reference: Path) -> None:
    _, lines = make_sam(unplaced=50)
    unplaced = [line for line in lines if line.startswith("unplaced")]
    served = serve(tmp_path, reference, sam=(HEADER, unplaced), options=["seqs_per_slice=20"])
    check(
        served,
        [Selection(whole=True), Selection(unplaced=True), Selection(regions=(Region(0),)), Selection()],
    )
    assert len(served.reads(served.join(served.plan(Selection(unplaced=True))))) == 50


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, reference: Path) -> ServedCram:
    return serve(tmp_path_factory.mktemp("served"), reference, options=["seqs_per_slice=12"])


def test_small_answers_travel_in_the_ticket_and_large_ones_do_not(served: ServedCram) -> None:
    selection = Selection(regions=(Region(0, 1000, 2000),))
    size = len(served.wanted(selection)[0]) - len(served.planned.header) - len(served.eof)
    fits = served.plan(selection, Limits(inline=size))
    assert [type(block) for block in fits] == [Inline, Inline]
    assert [block.part_class for block in fits] == [PartClass.HEADER, PartClass.BODY]
    exceeds = served.plan(selection, Limits(inline=size - 1))
    assert [type(block) for block in exceeds] == [Inline, *[StoredRange] * (len(exceeds) - 2), Inline]
    assert served.join(fits) == served.join(exceeds)


def test_large_headers_are_fetched(served: ServedCram) -> None:
    header = len(served.planned.header)
    (small, *_), (large, *_) = (
        served.plan(Selection(), Limits(inline=size)) for size in (header, header - 1)
    )
    assert small == Inline(served.planned.header, PartClass.HEADER)
    assert large == StoredRange(ByteRange(0, header), PartClass.HEADER)


def test_large_ranges_are_split(served: ServedCram) -> None:
    blocks = served.plan(Selection(whole=True), Limits(inline=0, max_part_bytes=1000))
    assert all(isinstance(block, StoredRange) and block.byte_range.length <= 1000 for block in blocks)
    assert [block.part_class for block in blocks] == sorted(
        (block.part_class for block in blocks), reverse=True
    )
    assert served.join(blocks) == served.data


def test_a_whole_file_with_its_eof_is_one_range_after_the_header(served: ServedCram) -> None:
    header, body = served.plan(Selection(whole=True), Limits(inline=len(served.planned.header)))
    assert header == Inline(served.planned.header, PartClass.HEADER)
    assert body == StoredRange(ByteRange(len(served.planned.header), len(served.data)), PartClass.BODY)


def test_too_many_ranges_are_joined_where_gaps_are_small(served: ServedCram) -> None:
    selection = Selection(regions=tuple(Region(0, start, start + 1) for start in range(0, 6000, 900)))
    free = [block for block in served.plan(selection, NOTHING_INLINE) if isinstance(block, StoredRange)]
    assert len(free) > 4
    for most in (1, 2, 3):
        blocks = served.plan(selection, Limits(inline=0, max_ranges=most))
        ranges = [
            block.byte_range
            for block in blocks
            if isinstance(block, StoredRange) and block.part_class == PartClass.BODY
        ]
        assert len(ranges) <= most
        reads = served.reads(served.join(blocks))
        names = ["big"]
        expected = [
            read
            for read in served.wanted(Selection(whole=True))[1]
            if served.overlaps(read, selection, names)
        ]
        assert [read for read in reads if served.overlaps(read, selection, names)] == expected


def test_nothing_is_read_of_the_file_for_an_answer_that_is_fetched(served: ServedCram) -> None:
    def unreadable(offset: int, length: int) -> bytes:
        raise AssertionError("read")

    for selection in (Selection(), Selection(whole=True), Selection(regions=(Region(0),))):
        plan_cram(served.planned, selection, read_range=unreadable, limits=NOTHING_INLINE)


def test_a_file_that_has_become_shorter_is_an_error(served: ServedCram) -> None:
    with pytest.raises(FormatError):
        plan_cram(
            served.planned,
            Selection(whole=True),
            read_range=reader_of(served.data[:-100]),
            limits=EVERYTHING,
        )
    with pytest.raises(FormatError):
        plan_cram(
            replace(served.planned, contigs={0: replace(served.planned.contigs[0], index=b"damaged")}),
            Selection(regions=(Region(0),)),
            read_range=reader_of(served.data),
            limits=EVERYTHING,
        )


def test_answers_pass_samtools(served: ServedCram, tmp_path: Path) -> None:
    path = tmp_path / "answer.cram"
    reference = str(served.cram.reference)
    for region, name in ((Region(0, 100, 900), "big:101-900"), (Region(1), "none"), (Region(2), "sparse")):
        path.write_bytes(served.join(served.plan(Selection(regions=(region,)))))
        pysam.quickcheck(str(path))
        pysam.index(str(path))
        answered = pysam.view("--reference", reference, str(path), name)
        assert answered == pysam.view("--reference", reference, str(served.cram.path), name)


# -- files that others made


@real_data
@pytest.mark.parametrize("name", ["1400_index_simple", "1403_index_multiref", "1405_index_multisliceref"])
def test_real_crams_answer_exactly(name: str, tmp_path: Path) -> None:
    path, reference = REAL / "cram" / f"{name}.cram", REAL / "cram" / "ce.fa"
    served = ServedCram(MadeCram(path=path, reference=reference), tmp_path)
    check(served, [Selection(), Selection(whole=True), Selection(unplaced=True)])
    check(served, random_selections(served, count=REGIONS, seed=13))


@real_data
@pytest.mark.parametrize("count", [30, pytest.param(2000, marks=pytest.mark.long)])
def test_real_reads_without_their_reference_answer_exactly(tmp_path: Path, count: int) -> None:
    path = REAL / "reads" / "htsnexus_test_NA12878.cram"
    served = ServedCram(MadeCram(path=path, reference=None, read_options=WITHOUT_BASES), tmp_path)
    check(served, [Selection(), Selection(whole=True), Selection(unplaced=True)])
    check(served, random_selections(served, count=count, seed=14))
