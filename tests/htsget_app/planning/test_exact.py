"""Answers that must hold only wanted records: htslib reads exactly its own answer from the joined bytes."""

import random
import struct
from pathlib import Path

import pytest

from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import MAX_POSITION, Region, unite_regions
from htsget_app.planning.parts import Inline, Limits, NotSeparable, PartClass, Selection
from htsget_app.planning.plan import plan
from tests.htsget_app.made_served import Served, bytes_of, served_file, some_files
from tests.htsget_app.made_served_crams import Read, ServedCram
from tests.made_bgzf import cut_anywhere, reader_of, uncompressed_of
from tests.made_crams import LAYOUTS, make_cram, make_reference, make_sam
from tests.made_variants import index_bcf, make_bcf, make_vcf_text

ROUNDS = 20
SHAPES = (
    Limits(),
    Limits(inline=10**8),
    Limits(inline=0, scan=1, join_gap=10**9, max_ranges=1, max_scan=1),
    Limits(inline=2000, scan=200_000, max_scan=1),
)


def exact(served: Served, regions: list[Region], limits: Limits) -> list[str]:
    """The text of the records in the answer."""
    selection = Selection(tuple(regions), within=tuple(regions))
    blocks = plan(served.planned, selection, read_range=reader_of(served.data), limits=limits)
    assert blocks[0].part_class is PartClass.HEADER
    header, records = served.read(served.join(blocks))
    assert header == served.everything[0]
    body = sum(len(bytes_of(block, served.data)) for block in blocks if block.part_class is PartClass.BODY)
    if body <= limits.inline:
        assert all(isinstance(block, Inline) for block in blocks if block.part_class is PartClass.BODY)
    return [text for *_, text in records]


def check(served: Served, *, seed: int, rounds: int) -> None:
    rng = random.Random(seed)
    for number in range(rounds):
        regions = [served.random_region(rng) for _ in range(rng.choice((1, 1, 1, 2, 5, 12)))]
        if number == 0:
            regions = [Region(contig.index, 0, MAX_POSITION) for contig in served.header.contigs]
        if served.planned.stored.format is not FileFormat.BAM and rng.random() < 0.5 and served.everything[1]:
            regions.append(from_a_record(served, rng))
        if served.planned.stored.format is FileFormat.BAM and rng.random() < 0.1:
            regions.append(Region(regions[0].contig, regions[0].start, regions[0].start))
        limits = SHAPES[number % len(SHAPES)]
        # htslib knows no position beyond 31 bits, and no region that is empty.
        known = [
            Region(region.contig, region.start, min(region.end, 2**31 - 1))
            for region in regions
            if region.start < region.end
        ]
        assert exact(served, regions, limits) == served.truth(known), (regions, limits)


def from_a_record(served: Served, rng: random.Random) -> Region:
    """A region that begins where a record does: a record of BCF may cover no position, and so not even its own."""
    contig, position = rng.choice(served.everything[1])[3].split("\t")[:2]
    number = next(each.index for each in served.header.contigs if each.name == contig)
    return Region(number, int(position) - 1, int(position) - 1 + rng.choice((1, 2, 500)))


@some_files(2)
def test_every_kind_of_file(served: Served) -> None:
    check(served, seed=3, rounds=ROUNDS)


def test_reads_are_few_for_a_region_in_the_middle() -> None:
    """What is read are the edges, not the region."""
    served = served_file("bam of many reads")
    assert served is not None
    read = 0

    def read_range(offset: int, length: int) -> bytes:
        nonlocal read
        read += length
        return served.data[offset : offset + length]

    region = Region(0, 5000, 95_000)
    limits = Limits(inline=0, scan=1)
    plan(served.planned, Selection((region,), within=(region,)), read_range=read_range, limits=limits)
    assert read < len(served.data) / 2


# --- CRAM: whole containers, or nothing -------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_containers_of_cram(tmp_path: Path, layout: str) -> None:
    """A container is handed out when all of its reads lie in what was granted, and never otherwise."""
    sam = make_sam(seed=4)
    served = ServedCram(
        make_cram(tmp_path, reference=make_reference(tmp_path), sam=sam, options=LAYOUTS[layout]), tmp_path
    )
    names = [contig.name for contig in served.planned.contigs.values()]
    rng = random.Random(len(layout))
    handed_out = 0
    for number in range(80):
        # Every fourth time all contigs are granted, so that only reads without a position stand in the way.
        whole = tuple(Region(contig) for contig in range(len(names)))
        within = granted_regions(served, rng) if number % 4 else whole
        asked = tuple(Region(region.contig, region.start + rng.randrange(3), region.end) for region in within)
        asked = tuple(rng.sample(asked, k=rng.randint(0, min(3, len(asked)))))
        limits = Limits(inline=rng.choice((0, 10**9)), max_ranges=1)
        selection = Selection(asked, within=within)
        truth = [
            reads for _, reads in served.containers if any(overlap(read, asked, names) for read in reads)
        ]
        inside = all(inside_one(read, within, names) for reads in truth for read in reads)
        try:
            joined = served.join(served.plan(selection, limits))
        except NotSeparable:
            # The index knows how far a container reaches, not each of its reads.
            assert truth
            continue
        assert inside, (within, asked)
        assert served.reads(joined) == [read for reads in truth for read in reads]
        handed_out += bool(truth)
    assert handed_out


def granted_regions(served: ServedCram, rng: random.Random) -> tuple[Region, ...]:
    """Whole contigs, anything at all, or just what some container holds."""
    regions = []
    for _ in range(rng.randint(1, 5)):
        contig = rng.randrange(len(served.lengths))
        length = served.lengths[contig]
        match rng.randrange(3):
            case 0:
                regions.append(Region(contig))
            case 1:
                start = rng.randrange(length)
                regions.append(Region(contig, start, start + rng.randint(1, length)))
            case _:
                _, reads = rng.choice(served.containers)
                placed = [
                    read for read in reads if read[1] == list(served.planned.contigs.values())[contig].name
                ]
                if placed:
                    start, end = min(read[2] for read in placed), max(read[3] for read in placed)
                    regions.append(Region(contig, max(0, start - rng.randrange(2)), end + rng.randrange(2)))
    return tuple(regions)


def overlap(read: Read, regions: tuple[Region, ...], names: list[str]) -> bool:
    return any(
        names[region.contig] == read[1] and read[2] < region.end and region.start < read[3]
        for region in regions
    )


def inside_one(read: Read, regions: tuple[Region, ...], names: list[str]) -> bool:
    return any(
        names[region.contig] == read[1] and region.start <= read[2] and read[3] <= region.end
        for region in unite_regions(regions)
    )


def test_records_that_cover_nothing(tmp_path: Path) -> None:
    """BCF says by itself how far a record reaches, which may be nowhere: then it does not overlap where it begins."""
    uncompressed = bytearray(uncompressed_of(make_bcf(tmp_path / "whole.bcf", make_vcf_text(count=400))))
    rng = random.Random(6)
    at = 9 + struct.unpack_from("<I", uncompressed, 5)[0]
    while at < len(uncompressed):
        shared, individual = struct.unpack_from("<II", uncompressed, at)
        if rng.random() < 0.5:
            struct.pack_into("<I", uncompressed, at + 16, 0)
        at += 8 + shared + individual
    path = tmp_path / "none.bcf"
    path.write_bytes(cut_anywhere(bytes(uncompressed), rng, sizes=(300, 3000)))
    served = Served(index_bcf(path), tmp_path)
    try:
        check(served, seed=2, rounds=80)
    finally:
        served.close()
