"""The CRAM index, against htslib's own files and a plain reading of every row."""

import gzip
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats import crai as crai_module
from catalogue.formats.crai import (
    CraiRow,
    containers_overlapping,
    pack,
    parse_crai,
    verify_rows,
)
from catalogue.formats.cram import CramFile, read_cram, walk_containers
from catalogue.formats.intervals import MAX_POSITION, ByteRange
from tests.made_crams import (
    LAYOUTS,
    VERSIONS,
    MadeCram,
    make_cram,
    make_reference,
    make_sam,
    reader_of,
)
from tests.paths import SHARED_DATA

REAL = SHARED_DATA
real_data = pytest.mark.skipif(not REAL.exists(), reason="../shared/data is not there")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], MadeCram]:
    folder = tmp_path_factory.mktemp("crams")
    reference = make_reference(folder)
    sam = make_sam(seed=3)
    return {
        (version, layout): make_cram(
            folder,
            reference=reference,
            sam=sam,
            version=version,
            options=options,
            name=f"{version}-{number}.cram",
        )
        for version in VERSIONS
        for number, (layout, options) in enumerate(LAYOUTS.items())
    }


def parts(cram: MadeCram) -> CramFile:
    data = cram.data
    return read_cram(reader_of(data), size=len(data))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_is_read(made: dict[tuple[str, str], MadeCram], version: str, layout: str) -> None:
    cram = made[version, layout]
    text = gzip.decompress(cram.index.read_bytes())
    rows = parse_crai(cram.index.read_bytes())
    assert parse_crai(text) == rows
    for row, line in zip(rows, text.decode().splitlines(), strict=True):
        reference, start, span, container, landmark, _ = map(int, line.split("\t"))
        assert (row.reference, row.container, row.landmark) == (reference, container, landmark)
        if reference >= 0:
            assert (row.start, row.end) == (start - 1, start - 1 + span)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_index_is_verified(made: dict[tuple[str, str], MadeCram], version: str, layout: str) -> None:
    cram = made[version, layout]
    data, file = cram.data, parts(cram)
    rows = parse_crai(cram.index.read_bytes())
    verify_rows(rows, reader_of(data), file)
    verify_rows(rows, reader_of(data), file, max_containers=2)


def test_an_index_of_another_file_is_noticed(made: dict[tuple[str, str], MadeCram]) -> None:
    cram = made["3.0", "one slice a container"]
    data, file = cram.data, parts(cram)
    rows = parse_crai(cram.index.read_bytes())
    containers = sorted({row.container for row in rows})
    middle = containers[len(containers) // 2]
    single = next(row for row in rows if row.reference == 0)
    damaged = {
        "another file's": parse_crai(made["3.1", "one slice a container"].index.read_bytes()),
        "without rows": [],
        "without the first container": [row for row in rows if row.container != containers[0]],
        "without the last": [row for row in rows if row.container != containers[-1]],
        "without one between": [row for row in rows if row.container != middle],
        "moved": [replace(row, container=row.container + 1) for row in rows],
        "one moved": [replace(row, container=row.container + (row.container == middle)) for row in rows],
        "another reference": [replace(row, reference=1) if row == single else row for row in rows],
        "another slice": [replace(row, landmark=3) if row == single else row for row in rows],
        "before the data": [CraiRow(0, 0, 9, 26, 0), *rows],
        "past the end": [*rows, CraiRow(-1, 0, 9, len(data) + 9, 0)],
    }
    for wrong in damaged.values():
        with pytest.raises(FormatError):
            verify_rows(wrong, reader_of(data), file, max_containers=1000)


def test_a_container_without_records_need_not_be_indexed(made: dict[tuple[str, str], MadeCram]) -> None:
    cram = made["3.0", "one slice a container"]
    data, file = cram.data, parts(cram)
    rows = parse_crai(cram.index.read_bytes())
    empty = file.version.eof
    end = file.data.end + len(empty)
    padded = data[: file.data.end] + empty + file.version.eof
    verify_rows(rows, reader_of(padded), replace(file, data=ByteRange(file.data.begin, end)))


def test_verification_reads_few_headers(made: dict[tuple[str, str], MadeCram]) -> None:
    cram = made["3.1", "one slice a container"]
    data, file = cram.data, parts(cram)
    offsets = []

    def read_range(offset: int, length: int) -> bytes:
        offsets.append(offset)
        return data[offset : offset + length]

    rows = parse_crai(cram.index.read_bytes())
    verify_rows(rows, read_range, file, max_containers=4)
    containers = [container.extent.begin for container in walk_containers(reader_of(data), file)]
    assert {containers[0], containers[-1]} <= set(offsets)
    assert len(set(offsets) & set(containers[:-1])) == 3
    assert all(offset >= containers[-1] for offset in set(offsets) - set(containers))


def row(line: str) -> CraiRow:
    return parse_crai(line.encode() + b"\t1000\t20\t300\n")[0]


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("4\t1\t1", 0, 1),
        ("4\t101\t50", 100, 150),
        ("4\t0\t192", 0, 191),
        ("4\t0\t1", 0, 1),
        ("4\t101\t0", 100, 101),
        ("4\t0\t0", 0, MAX_POSITION),
        ("4\t-1\t0", 0, MAX_POSITION),
        ("-1\t0\t1", 0, MAX_POSITION),
        ("-1\t4542278\t0", 0, MAX_POSITION),
        ("4\t101\t9999999999", 100, MAX_POSITION),
    ],
)
def test_rows_cover_their_reads_whatever_their_writer_knew(line: str, start: int, end: int) -> None:
    assert (row(line).start, row(line).end) == (start, end)


@pytest.mark.parametrize(
    "data",
    [
        b"0\t1\t2\t3\t4\n",
        b"0\t1\t2\t3\t4\t5\t6\n",
        b"a\t1\t2\t3\t4\t5\n",
        b"0 1 2 3 4 5\n",
        b"0\t1\t2\t-3\t4\t5\n",
        b"-2\t0\t0\t100\t4\t5\n",
        b"0\t1\t2\t" + b"9" * 40 + b"\t4\t5\n",
        b"0\t1\t2\t3\t4\t5\n\0",
        gzip.compress(b"0\t1\t2\t3\t4\t5\n", mtime=0)[:-9],
        b"\x1f\x8b",
        b"\x1f\x8bnot gzip at all",
        gzip.compress(b"", mtime=0) + b"after",
    ],
)
def test_what_is_no_index_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_crai(data)


def test_error_tells_the_byte_of_the_row() -> None:
    with pytest.raises(FormatError) as raised:
        parse_crai(b"0\t1\t2\t3\t4\t5\n\n0\t1\t2\t3\t4\tx\n")
    assert raised.value.offset == 13


def test_several_gzip_members_and_an_empty_index_are_read() -> None:
    line = b"0\t1\t2\t3\t4\t5\n"
    assert len(parse_crai(gzip.compress(line) + gzip.compress(b"") + gzip.compress(2 * line))) == 3
    assert parse_crai(b"") == parse_crai(gzip.compress(b"")) == []


def test_an_index_that_unfolds_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crai_module, "MAX_INDEX_LENGTH", 100_000)
    with pytest.raises(FormatError, match="longer than"):
        parse_crai(gzip.compress(b"0\t1\t2\t3\t4\t5\n" * 100_000))


def test_mutated_indexes_raise_format_errors_only(made: dict[tuple[str, str], MadeCram]) -> None:
    cram = made["3.0", "several references and slices"]
    file, stored = parts(cram), cram.data
    zipped = cram.index.read_bytes()
    rng = random.Random(5)
    refused = 0
    for original in (zipped, gzip.decompress(zipped)):
        for _ in range(700):
            data = bytearray(original)
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.choice(
                    (rng.randrange(256), ord(rng.choice("-0123456789\t\n")))
                )
            cut = bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
            try:
                rows = parse_crai(cut)
                verify_rows(rows, reader_of(stored), file, max_containers=3)
                index = pack(rows, data=file.data, contigs=len(file.header.contigs))
            except FormatError:
                refused += 1
                continue
            for packed in index.contigs.values():
                for piece in containers_overlapping(packed, start=0, end=MAX_POSITION):
                    assert file.data.begin <= piece.begin < piece.end <= file.data.end
    assert refused > 800


# -- packing


@st.composite
def indexes(draw: st.DrawFn) -> tuple[list[CraiRow], ByteRange]:
    """Rows of a file in coordinate order, in any order of rows, and the file's data."""
    lengths = draw(st.lists(st.integers(1, 1000), max_size=12))
    begin = offset = draw(st.integers(26, 10**12))
    references = sorted(draw(st.lists(st.integers(0, 4), min_size=len(lengths), max_size=len(lengths))))
    rows = []
    for length, reference in zip(lengths, references, strict=True):
        for landmark in range(draw(st.integers(1, 3))):
            start = draw(st.integers(0, 100))
            spans = draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
            rows += [
                CraiRow(reference + further, start, start + span, offset, landmark)
                for further, span in enumerate(spans)
            ]
        offset += length
    for _ in range(draw(st.integers(0, 2)) if lengths else 0):
        rows.append(CraiRow(-1, 0, MAX_POSITION, offset, 0))
        offset += draw(st.integers(1, 1000))
    return draw(st.permutations(rows)), ByteRange(begin, offset)


@settings(max_examples=300, deadline=None)
@given(index=indexes(), contig=st.integers(0, 8), start=st.integers(0, 180), length=st.integers(0, 80))
def test_packed_indexes_find_what_rows_say(
    index: tuple[list[CraiRow], ByteRange], contig: int, start: int, length: int
) -> None:
    rows, data = index
    packed = pack(rows, data=data, contigs=10)
    begins = sorted({row.container for row in rows})
    bytes_wanted: set[int] = set()
    for begin, end in pairwise([*begins, data.end]):
        mine = [row for row in rows if row.container == begin and row.reference == contig]
        if (
            mine
            and length
            and min(r.start for r in mine) < start + length
            and max(r.end for r in mine) > start
        ):
            bytes_wanted |= set(range(begin, end))
    found = containers_overlapping(packed.contigs.get(contig, b""), start=start, end=start + length)
    assert {byte for piece in found for byte in range(piece.begin, piece.end)} == bytes_wanted
    assert all(before.end < after.begin for before, after in pairwise(found))
    unplaced = [row.container for row in rows if row.reference == -1]
    assert packed.unplaced == (min(unplaced) if unplaced else None)
    assert set(packed.contigs) == {row.reference for row in rows} - {-1}


def test_pack_refuses_rows_that_cannot_be() -> None:
    fine = CraiRow(1, 0, 10, 100, 20)
    data = ByteRange(100, 200)
    assert set(pack([fine], data=data, contigs=2).contigs) == {1}
    for rows, contigs in (
        ([fine], 1),
        ([replace(fine, container=99)], 2),
        ([replace(fine, container=200)], 2),
        ([replace(fine, reference=-1), replace(fine, container=150)], 2),
    ):
        with pytest.raises(FormatError):
            pack(rows, data=data, contigs=contigs)


@pytest.mark.parametrize("packed", [b"x", b"CRAI\x02" + bytes(24), b"CRAI\x01" + bytes(23), b"CRAI"])
def test_other_bytes_are_no_contig_index(packed: bytes) -> None:
    with pytest.raises(FormatError):
        containers_overlapping(packed, start=0, end=1)


def test_a_share_is_small() -> None:
    rows = [CraiRow(0, i, i + 9, 100 + i, 20 * slice_) for i in range(50) for slice_ in range(8)]
    packed = pack(rows, data=ByteRange(100, 150), contigs=1).contigs[0]
    assert len(packed) == 5 + 50 * 24
    assert containers_overlapping(packed, start=0, end=100) == [ByteRange(100, 150)]


# -- files that others made


@real_data
@pytest.mark.parametrize(
    ("name", "containers"),
    [
        ("cram/1400_index_simple.cram", 13),
        ("cram/1403_index_multiref.cram", 14),
        ("cram/1405_index_multisliceref.cram", 5),
        ("reads/htsnexus_test_NA12878.cram", 6),
    ],
)
def test_real_indexes_are_of_their_files(name: str, containers: int) -> None:
    data = (REAL / name).read_bytes()
    file = read_cram(reader_of(data), size=len(data))
    rows = parse_crai((REAL / f"{name}.crai").read_bytes())
    verify_rows(rows, reader_of(data), file, max_containers=1000)
    walked = list(walk_containers(reader_of(data), file))
    assert [container.extent.begin for container in walked] == sorted({row.container for row in rows})
    assert len(walked) == containers
