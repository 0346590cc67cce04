"""CRAM containers and headers, against files that htslib wrote and containers laid out by hand."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats.crai import parse_crai, verify_rows
from catalogue.formats.cram import SUPPORTED, CramFile, read_cram, read_version, walk_containers
from catalogue.formats.cram_structure import CramVersion, read_container
from catalogue.formats.headers import FileFormat
from tests.made_crams import (
    LAYOUTS,
    VERSIONS,
    MadeCram,
    make_block,
    make_container,
    make_cram,
    make_definition,
    make_header_containers,
    make_reference,
    make_sam,
    reader_of,
    sam_block,
)

EOF_V2 = bytes.fromhex("0b000000ffffffff0fe0454f460000000001000001000606010001000100")
HEADER = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:one\tLN:1000\n@SQ\tSN:two\tLN:500\n@RG\tID:1\tSM:anna\n"

int32 = st.integers(-(2**31), 2**31 - 1)
natural = st.integers(0, 2**31 - 1)


def parts(data: bytes) -> CramFile:
    return read_cram(reader_of(data), size=len(data))


def skeleton(data: bytes) -> tuple[CramFile, int]:
    """Everything that can be learnt of a file without its records."""
    file = parts(data)
    records = sum(container.records for container in walk_containers(reader_of(data), file))
    return file, records


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MadeCram]:
    folder = tmp_path_factory.mktemp("crams")
    reference = make_reference(folder)
    sam = make_sam(comment="grüße\ta tab")
    options = LAYOUTS["several references and slices"]
    return {
        version: make_cram(
            folder, reference=reference, sam=sam, version=version, options=options, name=f"{version}.cram"
        )
        for version in VERSIONS
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_parts_of_a_file_are_what_htslib_wrote(made: dict[str, MadeCram], version: str) -> None:
    cram = made[version]
    file, records = skeleton(cram.data)
    with pysam.AlignmentFile(str(cram.path), "rc", reference_filename=str(cram.reference)) as reader:
        theirs = reader.header
        assert file.header.text == str(theirs)
    assert [(contig.name, contig.length) for contig in file.header.contigs] == list(
        zip(theirs.references, theirs.lengths, strict=True)
    )
    assert [contig.md5 for contig in file.header.contigs] == [line["M5"] for line in theirs.to_dict()["SQ"]]
    assert (str(file.version), file.header.version, file.header.format) == (version, version, FileFormat.CRAM)
    assert file.header.samples == ("anna", "boris")
    assert file.header.sort_order == "coordinate"
    assert records == len(cram.reads_in(cram.path))
    assert file.has_eof
    assert cram.data[file.data.end :] == file.version.eof


@pytest.mark.parametrize("version", VERSIONS)
def test_header_and_eof_alone_are_a_file(made: dict[str, MadeCram], version: str, tmp_path: Path) -> None:
    cram = made[version]
    file = parts(cram.data)
    alone = tmp_path / "alone.cram"
    alone.write_bytes(file.header.packed + file.version.eof)
    assert file.header.packed == cram.data[: file.data.begin]
    assert file.header.end.coffset == file.data.begin
    assert cram.reads_in(alone) == []
    assert cram.header_of(alone) == cram.header_of(cram.path)
    pysam.quickcheck(str(alone))
    assert parts(alone.read_bytes()).data.length == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_missing_eof_is_noticed(made: dict[str, MadeCram], version: str) -> None:
    data = made[version].data
    file = parts(data)
    cut, records = skeleton(data[: file.data.end])
    assert not cut.has_eof
    assert cut.data == file.data
    assert records == skeleton(data)[1]
    assert not parts(cut.header.packed).has_eof


def test_bits_that_mean_nothing_do_not_hide_an_eof() -> None:
    start = make_definition("2.1") + header_container("2.1")
    specified = EOF_V2[:8] + b"\xff" + EOF_V2[9:]
    assert parts(start + EOF_V2).has_eof
    assert parts(start + specified).has_eof
    assert not parts(start + EOF_V2 + b"\0").has_eof


def header_container(version: str, *, method: int = 0, text: str = HEADER, padding: bytes = b"") -> bytes:
    block = make_block(sam_block(text), version=version, content=0, method=method)
    return make_container(block + padding, version=version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", [0, 1, 2, 3])
def test_header_may_be_compressed(version: str, method: int) -> None:
    file = parts(make_definition(version) + header_container(version, method=method))
    assert file.header.text == HEADER
    assert [contig.name for contig in file.header.contigs] == ["one", "two"]


@pytest.mark.parametrize("layout", sorted(make_header_containers("", "3.0")))
@pytest.mark.parametrize("version", VERSIONS)
def test_every_layout_of_the_header_container_is_read(
    made: dict[str, MadeCram], version: str, layout: str, tmp_path: Path
) -> None:
    """Reference, positions and landmarks mean nothing there, and writers leave what they like."""
    cram = made[version]
    original = parts(cram.data)
    container = make_header_containers(original.header.text, version)[layout]
    data = cram.data[:26] + container + cram.data[original.data.begin :]
    again = tmp_path / "again.cram"
    again.write_bytes(data)
    names = [read.query_name for read in cram.reads_in(cram.path)]
    assert [read.query_name for read in cram.reads_in(again)] == names

    file, records = skeleton(data)
    assert (file.header.text, file.header.contigs) == (original.header.text, original.header.contigs)
    assert (records, file.has_eof) == (len(names), True)
    assert file.header.packed == data[: file.data.begin] == data[: 26 + len(container)]
    again.write_bytes(file.header.packed + data[file.data.begin :])
    assert len(cram.reads_in(again)) == records
    pysam.index(str(again))
    verify_rows(parse_crai(Path(f"{again}.crai").read_bytes()), reader_of(data), file, max_containers=1000)


def test_a_contig_without_a_name_is_refused() -> None:
    text = "@SQ\tLN:5\n@SQ\tSN:two\tLN:7\n"
    with pytest.raises(FormatError, match="1 @SQ lines of the CRAM header have no SN"):
        parts(make_definition("3.0") + header_container("3.0", text=text))


@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_a_damaged_last_container_is_noticed(made: dict[str, MadeCram], version: str) -> None:
    cram = made[version]
    file = parts(cram.data)
    rows = parse_crai(cram.index.read_bytes())
    verify_rows(rows, reader_of(cram.data), file)
    damaged = bytearray(cram.data)
    damaged[file.data.end - 20] ^= 1
    with pytest.raises(FormatError, match="checksum differs"):
        verify_rows(rows, reader_of(bytes(damaged)), file)


@pytest.mark.parametrize("version", VERSIONS)
def test_header_may_be_padded(version: str) -> None:
    expansion = make_block(bytes(500), version=version, content=0)
    for padding in (expansion, expansion + bytes(33), bytes(7)):
        file = parts(make_definition(version) + header_container(version, method=1, padding=padding))
        assert file.header.text == HEADER
    assert (
        parts(make_definition(version) + header_container(version, text=HEADER + "\0" * 50)).header.text
        == HEADER
    )


def test_header_of_bytes_that_are_no_text_is_read() -> None:
    block = make_block(b"\x09\0\0\0@CO\ta\xffb\xfe\n", version="3.0", content=0)
    assert parts(make_definition("3.0") + make_container(block, version="3.0")).header.text == "@CO\ta�b�\n"


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"method": 4, "data": b"rans"}, "method 4"),
        ({"method": 9, "data": b"none"}, "method 9"),
        ({"content": 1}, "type 1"),
        ({"size": 10}, "not of 10 bytes"),
        ({"method": 1, "size": 10}, "not of 10 bytes"),
        ({"method": 2, "size": 10_000}, "not of 10000 bytes"),
        ({"method": 1, "size": 2**30}, "uncompressed"),
        ({"method": 1, "size": -1}, "uncompressed"),
        ({"method": 1, "data": b"no gzip"}, "does not decompress"),
        ({"method": 2, "data": b"no bzip2"}, "does not decompress"),
        ({"method": 3, "data": b"no xz"}, "does not decompress"),
        ({"size": 0}, "cut short"),
    ],
)
def test_broken_header_blocks_are_refused(block: dict[str, Any], reason: str) -> None:
    shape: dict[str, Any] = {"version": "3.0", "content": 0, **block}
    made = make_block(sam_block(HEADER), **shape)
    with pytest.raises(FormatError, match=reason) as raised:
        parts(make_definition("3.0") + make_container(made, version="3.0"))
    assert raised.value.offset is not None


@pytest.mark.parametrize("length", [-1, 2**31 - 1, len(HEADER) + 1])
def test_header_text_must_be_as_long_as_it_says(length: int) -> None:
    block = make_block(length.to_bytes(4, "little", signed=True) + HEADER.encode(), version="3.0", content=0)
    with pytest.raises(FormatError):
        parts(make_definition("3.0") + make_container(block, version="3.0"))


@pytest.mark.parametrize(
    "data", [b"", b"CRA", b"BAM\1" + bytes(50), b"CRAM\3\0", b"CRAM\2\0" + bytes(20), b"CRAM\4\0" + bytes(20)]
)
def test_other_files_and_versions_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_version(data[:26])
    with pytest.raises(FormatError):
        parts(data)


def test_supported_versions() -> None:
    assert [str(version) for version in SUPPORTED] == ["2.1", "3.0", "3.1"]
    assert CramVersion(2, 1).eof == EOF_V2


@settings(max_examples=300, deadline=None)
@given(
    version=st.sampled_from(VERSIONS),
    reference=st.integers(0, 2**31 - 1),
    start=natural,
    span=natural,
    records=natural,
    counter=st.integers(0, 2**63 - 1),
    bases=st.integers(-(2**63), 2**63 - 1),
    block_count=st.integers(1, 2**31 - 1),
    landmarks=st.lists(st.integers(0, 99), max_size=300),
    before=st.integers(0, 50),
)
def test_container_headers_are_read_as_written(
    version: str,
    reference: int,
    start: int,
    span: int,
    records: int,
    counter: int,
    bases: int,
    block_count: int,
    landmarks: list[int],
    before: int,
) -> None:
    blocks = bytes(100)
    data = make_container(
        blocks,
        version=version,
        reference=reference,
        start=start,
        span=span,
        records=records,
        counter=counter % 2**31 if version < "3" else counter,
        bases=bases,
        block_count=block_count,
        landmarks=landmarks,
    )
    stored = bytes(before) + data
    major, minor = map(int, version.split("."))
    container = read_container(reader_of(stored), CramVersion(major, minor), offset=before, size=len(stored))
    assert (container.reference, container.blocks) == (reference, block_count)
    assert (container.records, list(container.landmarks)) == (records, landmarks)
    assert (container.extent.begin, container.extent.end) == (before, len(stored))
    assert stored[container.first_block :] == blocks
    with pytest.raises(FormatError):
        read_container(reader_of(stored), CramVersion(major, minor), offset=before, size=len(stored) - 1)


def test_containers_of_many_slices_are_read_and_too_many_refused() -> None:
    for count, refused in ((100_000, False), (1_100_000, True)):
        data = make_container(bytes(200), version="3.1", landmarks=[100] * count)
        if refused:
            with pytest.raises(FormatError, match="longer than"):
                read_container(reader_of(data), CramVersion(3, 1), offset=0, size=len(data))
        else:
            container = read_container(reader_of(data), CramVersion(3, 1), offset=0, size=len(data))
            assert len(container.landmarks) == count


@pytest.mark.parametrize(
    "broken",
    [{"landmarks": [9]}, {"landmarks": [-1]}, {"block_count": 0}, {"records": -1}, {"reference": -3}],
)
def test_broken_containers_are_refused(broken: dict[str, Any]) -> None:
    data = (
        make_definition("3.0") + header_container("3.0") + make_container(bytes(9), version="3.0", **broken)
    )
    with pytest.raises(FormatError):
        list(walk_containers(reader_of(data), parts(data)))


def test_eof_in_the_middle_is_refused(made: dict[str, MadeCram]) -> None:
    data = made["3.0"].data
    file = parts(data)
    doubled = data[: file.data.end] + 2 * file.version.eof
    with pytest.raises(FormatError, match="before the end"):
        list(walk_containers(reader_of(doubled), parts(doubled)))
    with pytest.raises(FormatError, match="before its SAM header"):
        parts(data[:26] + file.version.eof)


def test_a_run_of_zeros_is_not_walked() -> None:
    data = make_definition("2.1") + header_container("2.1") + bytes(50_000_000)
    reads = 0

    def read_range(offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        return data[offset : offset + length]

    with pytest.raises(FormatError):
        list(walk_containers(read_range, read_cram(read_range, size=len(data))))
    assert reads < 10


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_cut_anywhere_is_refused_unless_between_containers(
    made: dict[str, MadeCram], version: str
) -> None:
    data = made[version].data
    file = parts(data)
    ends = {container.extent.end for container in walk_containers(reader_of(data), file)} | {file.data.begin}
    for cut in {*range(0, 1000, 7), *range(1000, len(data), 97), *ends} - {len(data)}:
        if cut in ends:
            assert not skeleton(data[:cut])[0].has_eof
        else:
            with pytest.raises(FormatError):
                skeleton(data[:cut])


def mutations(data: bytes, *, spots: int, count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Copies with a byte changed, some bytes taken out, or some put in, among the first `spots` bytes."""
    rng = random.Random(seed)
    for _ in range(count):
        at = rng.randrange(spots)
        length = rng.choice((1, 1, 1, 2, 5))
        change = rng.choice((rng.randbytes(length), b"\xff" * length, b"\0" * length, b""))
        rest = at if rng.random() < 0.2 else at + length
        yield at, data[:at] + change + data[rest:]


@pytest.mark.parametrize("version", VERSIONS)
def test_mutated_files_raise_format_errors_only(made: dict[str, MadeCram], version: str) -> None:
    data = made[version].data
    whole, records = skeleton(data)
    refused = 0
    for seed, spots in ((1, min(1500, len(data))), (2, len(data))):
        for at, mutated in mutations(data, spots=spots, count=300, seed=seed):
            try:
                file, found = skeleton(mutated)
            except FormatError:
                refused += 1
                continue
            if version >= "3" and at >= 26 and len(mutated) == len(data):
                # A checksum guards all that is read: what was let through was not read.
                assert file.header.text == whole.header.text
                assert found == records
    assert refused > 100
