"""Conversion processes: failures are reported, nothing is left behind, and the limit holds."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pysam
import pytest

from catalogue.errors import StorageUnavailable
from htsget_app.conversion import converter
from htsget_app.conversion.converter import convert
from htsget_app.conversion.process import Job
from htsget_app.errors import ConversionFailed, NoRoom, TooManyConversions
from tests.htsget_app.made_data import read_alignments, write_bam

PLAIN = ("-b", "--no-PG", "-")
PATIENCE = 120


def job(*arguments: str, **more: Any) -> Job:
    bounds = {"seconds": PATIENCE, "memory": 4 << 30, "output": 1 << 30}
    return Job(program="samtools", stages=(arguments or PLAIN,), **{**bounds, **more})


@pytest.fixture(scope="module")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted") / "made.bam"
    return write_bam(path, contigs=[("1", 50_000, None)], reads=[(0, at, 50) for at in range(2000)])


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    with (tmp_path / "target.bam").open("w+b") as file:
        yield file.fileno()


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """No descriptor stays open, and no process goes on beside the one that forks the others."""
    with (Path(os.devnull)).open("wb") as nowhere:
        convert([b"@HD\tVN:1.6\n"], job("-H", "-b", "-"), nowhere.fileno())
    open_before = len(os.listdir("/proc/self/fd"))
    yield
    with (Path(os.devnull)).open("wb") as nowhere:
        convert([b"@HD\tVN:1.6\n"], job("-H", "-b", "-"), nowhere.fileno())
    assert len(os.listdir("/proc/self/fd")) == open_before
    psutil.wait_procs(conversions(), timeout=PATIENCE)
    assert not conversions()


def conversions() -> list[psutil.Process]:
    """The processes of conversions that go on."""
    process = converter._converter._process
    assert process is not None
    children: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return children


def in_pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), 10_000):
        yield data[at : at + 10_000]


def test_a_conversion(bam: Path, tmp_path: Path, target: int) -> None:
    convert(in_pieces(bam.read_bytes()), job(), target)
    assert read_alignments(tmp_path / "target.bam") == read_alignments(bam)


def test_fields_pass_through_a_second_process(bam: Path, tmp_path: Path, target: int) -> None:
    wanted = job("-u", "--no-PG", "-", fields=("QNAME", "SEQ"))
    wanted = Job(
        program="samtools", stages=(wanted.stages[0], PLAIN), fields=("QNAME", "SEQ"),
        seconds=PATIENCE, memory=4 << 30, output=1 << 30,
    )  # fmt: skip
    convert(in_pieces(bam.read_bytes()), wanted, target)
    lines = [line.split("\t") for line in read_alignments(tmp_path / "target.bam")]
    assert len(lines) == 2000 and {(line[5], line[10]) for line in lines} == {("*", "*")}


@pytest.mark.parametrize("cut", [0, 10, 5_000, 50_000, -1])
def test_input_that_is_cut_short_fails(bam: Path, target: int, cut: int) -> None:
    with pytest.raises(ConversionFailed):
        convert(in_pieces(bam.read_bytes()[:-28][:cut]), job(), target)


@pytest.mark.parametrize("place", [300, 20_000])
def test_input_that_is_damaged_fails(bam: Path, target: int, place: int) -> None:
    data = bytearray(bam.read_bytes())
    data[place : place + 50] = bytes(50)
    with pytest.raises(ConversionFailed):
        convert(in_pieces(bytes(data)), job(), target)


def test_bounds_of_a_process(bam: Path, target: int) -> None:
    with pytest.raises(ConversionFailed):
        convert(in_pieces(bam.read_bytes()), job(output=5_000), target)
    with pytest.raises(ConversionFailed):
        convert(in_pieces(bam.read_bytes()), job(memory=64 << 20), target)
    with pytest.raises(ConversionFailed, match="too long"):
        convert(in_pieces(bam.read_bytes()), job(seconds=0), target)


def test_a_full_disk_is_no_fault_of_the_records(bam: Path) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    try:
        with pytest.raises(NoRoom):
            convert(in_pieces(bam.read_bytes()), job(), full)
    finally:
        os.close(full)


def test_a_store_that_fails_ends_the_conversion(bam: Path, target: int) -> None:
    def failing() -> Iterator[bytes]:
        yield bam.read_bytes()[:20_000]
        raise StorageUnavailable("gone")

    with pytest.raises(StorageUnavailable):
        convert(failing(), job(), target)


def test_a_crash_takes_down_one_conversion(bam: Path, tmp_path: Path, target: int) -> None:
    def crashing() -> Iterator[bytes]:
        yield bam.read_bytes()[:20_000]
        while not (running := conversions()):
            pass
        for process in running:
            process.kill()
        yield bam.read_bytes()[20_000:]

    with pytest.raises(ConversionFailed):
        convert(crashing(), job(), target)
    convert(in_pieces(bam.read_bytes()), job(), target)
    assert pysam.AlignmentFile(str(tmp_path / "target.bam")).count(until_eof=True) == 2000


def test_it_is_started_again_when_its_process_has_died(bam: Path, target: int) -> None:
    process = converter._converter._process
    assert process is not None
    process.kill()
    process.wait()
    convert(in_pieces(bam.read_bytes()), job(), target)


def test_no_more_at_once_than_may(bam: Path, target: int, settings: Any) -> None:
    settings.STREAM_LIMIT = 1
    begun, go_on = threading.Event(), threading.Event()

    def waiting() -> Iterator[bytes]:
        begun.set()
        assert go_on.wait(PATIENCE)
        yield bam.read_bytes()

    first = threading.Thread(target=convert, args=(waiting(), job(), target))
    first.start()
    assert begun.wait(PATIENCE)
    with pytest.raises(TooManyConversions):
        convert([], job(), target)
    go_on.set()
    first.join(PATIENCE)
    convert(in_pieces(bam.read_bytes()), job(), target)
