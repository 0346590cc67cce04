"""Damaged files and indexes: an answer or a `FormatError`, soon, in little memory, and never anything else."""

import random
import time
import tracemalloc
from dataclasses import replace

import pytest

from catalogue.formats import FormatError
from catalogue.formats.bgzf import is_eof
from catalogue.formats.headers import FileHeader
from catalogue.formats.index_files import read_index
from catalogue.formats.intervals import Region
from catalogue.formats.registry import read_header
from htsget_app.planning.parts import Limits, Selection
from htsget_app.planning.plan import plan
from tests.htsget_app.made_planned import make_planned_file, packed_indexes
from tests.made_bgzf import MadeFile, cut_anywhere, reader_of, uncompressed_of
from tests.made_files import KINDS

DAMAGED = (
    *("bam by htslib", "bam with fine csi", "bam with records cut by blocks", "bam with long header cut"),
    *("vcf by htslib", "vcf with csi", "bcf by htslib", "bcf with records cut by blocks"),
)
#: For each of the files: damaged indexes, damaged stored bytes, damaged uncompressed bytes in sound blocks.
INDEXES, STORED, PLAIN = 100, 90, 70
MAX_SECONDS = 3.0
MAX_MEMORY = 64 * 1024 * 1024


@pytest.fixture(scope="module", params=DAMAGED)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MadeFile:
    return KINDS[request.param](tmp_path_factory.mktemp("damaged"))


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few changed, some removed, some repeated, or cut short."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at, length = rng.randrange(len(changed)), rng.randint(1, 40)
        match rng.randrange(6):
            case 0:
                changed[at : at + length] = rng.randbytes(length)
            case 1:
                changed[at : at + 4] = rng.choice((b"\xff\xff\xff\x7f", b"\xff" * 4, bytes(4), b"\0\0\0\x80"))
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length]
            case 4:
                del changed[max(1, at) :]
            case _:
                changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def use(data: bytes, index_data: bytes, rng: random.Random, header: FileHeader | None = None) -> None:
    """Does all that ingest and a few requests would do."""
    read_range = reader_of(data)
    header = header or read_header(read_range)
    index = read_index(index_data)
    stored = make_planned_file(
        data,
        header,
        indexes=packed_indexes(header, index),
        has_eof=is_eof(data[-28:]),
        unplaced_begin=index.placed_end() or header.end,
    )
    limits = rng.choice((Limits(), Limits(inline=0, scan=1), Limits(inline=3000, scan=200_000)))
    regions = []
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(100_000)
        regions.append(
            Region(rng.choice(header.contigs).index, start, start + rng.choice((1, 1000, 2**32 - 1)))
        )
    selection = rng.choice((Selection(tuple(regions)), Selection(whole=True), Selection(unplaced=True)))
    plan(stored, replace(selection, regions=tuple(regions)), read_range=read_range, limits=limits)
    index.verify_extent(len(data))


def survive(data: bytes, index_data: bytes, seed: str, header: FileHeader | None = None) -> bool:
    """Whether the damage was noticed. Anything but a FormatError comes through, with the seed."""
    began = time.thread_time()
    try:
        use(data, index_data, random.Random(seed), header)
    except FormatError:
        return True
    finally:
        assert time.thread_time() - began < MAX_SECONDS, seed
    return False


def contents(made: MadeFile) -> tuple[bytes, bytes]:
    assert made.index is not None
    return made.path.read_bytes(), made.index.read_bytes()


def test_sound_files_are_served(made: MadeFile) -> None:
    for number in range(20):
        assert not survive(*contents(made), f"sound {number}")


def test_damaged_indexes(made: MadeFile) -> None:
    data, index = contents(made)
    uncompressed = (
        uncompressed_of(made.index) if index[:2] == b"\x1f\x8b" and made.index is not None else index
    )
    noticed = 0
    for number in range(INDEXES):
        seed = f"{made} index {number}"
        # Damage to a compressed index is mostly found by its checksum; that to its contents goes further.
        noticed += survive(data, damaged(uncompressed if number % 4 else index, random.Random(seed)), seed)
    assert noticed > INDEXES // 4


def test_damaged_files(made: MadeFile) -> None:
    data, index = contents(made)
    header = read_header(reader_of(data))
    noticed = 0
    for number in range(STORED):
        seed = f"{made} stored {number}"
        # Half of them are damaged after they were registered.
        noticed += survive(damaged(data, random.Random(seed)), index, seed, header if number % 2 else None)
    assert noticed > STORED // 8


def test_damaged_records_in_sound_blocks(made: MadeFile) -> None:
    data, index = contents(made)
    header, uncompressed = read_header(reader_of(data)), uncompressed_of(made.path)
    noticed = 0
    for number in range(PLAIN):
        seed = f"{made} plain {number}"
        rng = random.Random(seed)
        broken = damaged(uncompressed, rng)
        # Blocks of the size that htslib writes keep the index's offsets near to what they were.
        noticed += survive(
            cut_anywhere(broken, rng, sizes=(65280, 65280)), index, seed, header if number % 3 else None
        )
    assert noticed > PLAIN // 8


def test_damage_costs_little_memory(made: MadeFile) -> None:
    data, index = contents(made)
    tracemalloc.start()
    try:
        for number in range(6):
            seed = f"{made} memory {number}"
            rng = random.Random(seed)
            survive(damaged(data, rng), damaged(index, rng), seed)
            assert tracemalloc.get_traced_memory()[1] < MAX_MEMORY + 4 * len(data), seed
    finally:
        tracemalloc.stop()
