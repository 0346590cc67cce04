"""A killed worker, or a killed server, leaves no process, open file or temporary file of its conversions."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pysam
import pytest
import requests

from tests import left_behind
from tests.live import PATIENCE, Site, make_site, served
from tests.long_runs import every
from tests.made_crams import make_reference

CONTIG = {"1": 400_000}
READERS = 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with one CRAM file, whose reads as BAM are more than the buffers of a connection hold."""
    folder = tmp_path_factory.mktemp("killed")
    reference = make_reference(folder, contigs=CONTIG)
    site = make_site(folder / "home")
    reads = make_reads(folder / "made.cram", reference)
    site.prepare(
        ["ingest_fasta", reference, "--collection", "made"],
        ["ingest_bam", reads, "--dataset", "open", "--public", "--copy", "--collection", "made"],
    )
    return site


def make_reads(path: Path, reference: Path) -> Path:
    """150 reads of 100,000 bases with qualities that do not compress."""
    rng = random.Random(5)
    header = pysam.AlignmentHeader.from_dict(
        {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "1", "LN": CONTIG["1"]}]}
    )
    with (
        pysam.FastaFile(str(reference)) as residues,
        pysam.AlignmentFile(str(path), "wc", header=header, reference_filename=str(reference)) as file,
    ):
        for start in sorted(rng.randrange(CONTIG["1"] - 100_000) for _ in range(150)):
            read = pysam.AlignedSegment(header)
            read.query_name, read.reference_id, read.reference_start = f"r{start}", 0, start
            read.query_sequence = residues.fetch("1", start, start + 100_000)
            read.cigarstring, read.mapping_quality = "100000M", 60
            read.query_qualities = pysam.qualitystring_to_array(
                bytes(33 + (byte & 63) for byte in rng.randbytes(100_000)).decode()
            )
            file.write(read)
    pysam.index(str(path))
    return path


@pytest.mark.parametrize("victim", every(2, ["worker", "server"]))
def test_nothing_is_left_behind(site: Site, victim: str) -> None:
    with served(site) as answering, ExitStack() as stack:
        url = data_url(answering)
        whole = requests.get(url, timeout=PATIENCE).content
        before = left_behind.names_below(site.home)
        server = left_behind.server_of(site)
        (worker,) = left_behind.workers_of(server)
        for _ in range(READERS):
            stack.enter_context(slow_reader(url))
        left_behind.wait_until(lambda: left_behind.unnamed_files(site.home, [worker]) >= READERS)
        stack.enter_context(asking(url))
        stop_a_conversion(worker)
        family = [worker, *worker.children(recursive=True)]
        assert len(family) >= 3
        (worker if victim == "worker" else server).kill()
        left_behind.wait_until(lambda: not any(map(left_behind.is_alive, family)))
        if victim == "worker":
            stack.close()
            left_behind.wait_until(lambda: is_answering(answering))
            assert requests.get(url, timeout=PATIENCE).content == whole
            left_behind.wait_until(lambda: not left_behind.unnamed_files(site.home, psutil.process_iter()))
        assert not left_behind.unnamed_files(site.home, psutil.process_iter())
        assert left_behind.names_below(site.home) == before


def data_url(site: Site) -> str:
    """The URL of the part that holds all reads as BAM."""
    ticket = requests.get(f"{site.url}/reads/made?format=BAM", timeout=PATIENCE).json()["htsget"]
    (url,) = (entry["url"] for entry in ticket["urls"] if entry["url"].startswith("http"))
    return str(url)


def is_answering(site: Site) -> bool:
    try:
        return requests.get(f"{site.url}/healthz", timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


@contextmanager
def slow_reader(url: str) -> Iterator[None]:
    """A client that requests a part and reads nothing of it."""
    where = urlsplit(url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((where.hostname, where.port))
        client.sendall(f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        yield


@contextmanager
def asking(url: str) -> Iterator[None]:
    """A client that requests a part again and again during the block."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                requests.get(url, timeout=PATIENCE)
            except requests.RequestException:
                # The server is gone, or this worker of it.
                is_over.wait(0.05)

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield
    finally:
        is_over.set()
        client.join()


def stop_a_conversion(worker: psutil.Process) -> psutil.Process:
    """Stop the process of a running conversion, which then runs for ever."""
    stopped: list[psutil.Process] = []

    def caught() -> bool:
        for process in left_behind.conversions_of(worker):
            try:
                process.suspend()
                if process.status() == psutil.STATUS_STOPPED:
                    stopped.append(process)
            except psutil.NoSuchProcess:
                continue
        return bool(stopped)

    left_behind.wait_until(caught)
    return stopped[0]
