"""Other programs read rewritten records from a live site: fields, tags and formats that are not stored."""

import base64
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pysam
import pytest
import requests

from tests import left_behind
from tests.conformance.conftest import RunClient
from tests.conformance.htsget_files import local_reads, local_variants
from tests.htsget_app.made_rewritten import Wish
from tests.live import PATIENCE, Site
from tests.programs import need

REGION = ("1", 5_000, 9_000)
QUERY = "referenceName=1&start=5000&end=9000"
WISHES = [
    Wish(fields=("QNAME", "FLAG", "RNAME", "POS", "CIGAR"), tags=()),
    Wish(notags=("RG",)),
    Wish(fields=("SEQ",)),
]


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("id", ["made", "one/format"])
def test_pysam(htsget_site: Site, htsget_files: Path, wish: Wish, id: str) -> None:
    stored = htsget_files / ("made.bam" if id == "made" else "made.cram")
    asked = "&".join(f"{name}={value}" for name, value in wish.parameters.items())
    for query, region in ((f"{QUERY}&{asked}", REGION), (asked, None)):
        with pysam.AlignmentFile(f"{htsget_site.url}/reads/{id}?{query}") as file:
            got = [read.to_string() for read in file.fetch(until_eof=True)]
        assert got == [wish.applied(line) for line in local_reads(stored, region)]


def test_samtools_and_bcftools(
    htsget_site: Site, htsget_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REF_PATH", str(htsget_files / "none"))
    need("samtools")
    need("bcftools")
    reads = subprocess.run(
        ["samtools", "view", f"{htsget_site.url}/reads/one/format?{QUERY}"],
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    ).stdout  # fmt: skip
    assert reads.splitlines() == local_reads(htsget_files / "made.cram", REGION)
    variants = subprocess.run(
        ["bcftools", "view", "-H", f"{htsget_site.url}/variants/one/format?{QUERY}"],
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    ).stdout  # fmt: skip
    assert variants.splitlines(keepends=True) == local_variants(htsget_files / "made.bcf", REGION)


@pytest.mark.parametrize(("path", "format"), [("reads", "BAM"), ("variants", "VCF")])
def test_the_python_library(
    htsget_site: Site, htsget_files: Path, run_client: RunClient, tmp_path: Path, path: str, format: str
) -> None:
    program = (
        "import sys, htsget\nwith open(sys.argv[2], 'wb') as out:\n"
        f"    htsget.get(sys.argv[1], out, data_format='{format}', max_retries=0)\n"
    )
    answer = tmp_path / "answer"
    run_client("htsget-0.2.6", "-c", program, f"{htsget_site.url}/{path}/one/format", answer)
    if path == "reads":
        assert local_reads(answer) == local_reads(htsget_files / "made.cram")
    else:
        assert local_variants(answer) == local_variants(htsget_files / "made.bcf")


def test_igv_gets_bam_of_a_cram_archive(htsget_site: Site, htsget_files: Path, tmp_path: Path) -> None:
    base = f"{htsget_site.url}/reads/one/format?format=BAM"
    origin = {"Origin": "https://igv.example"}
    joined = b""
    for url in (f"{base}&class=header", f"{base}&{QUERY}"):
        ticket = requests.get(url, headers=origin, timeout=PATIENCE)
        assert ticket.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        joined = b"".join(part(entry["url"]) for entry in ticket.json()["htsget"]["urls"])
    (tmp_path / "answer.bam").write_bytes(joined)
    assert local_reads(tmp_path / "answer.bam") == local_reads(htsget_files / "made.cram", REGION)


def part(url: str) -> bytes:
    if url.startswith("data:"):
        return base64.b64decode(url.removeprefix("data:;base64,"))
    return requests.get(url, timeout=PATIENCE).content


def test_clients_that_vanish_leave_nothing(htsget_site: Site) -> None:
    """Fifty clients ask for everything, read a little and go away."""
    whole = f"{htsget_site.url}/reads/one/format?format=BAM&notags=RG"
    entries = requests.get(whole, timeout=PATIENCE).json()["htsget"]["urls"]
    (url,) = (entry["url"] for entry in entries if entry["url"].startswith("http"))
    requests.get(url, timeout=PATIENCE)
    before = left_open(htsget_site)

    def vanish(_: int) -> None:
        with requests.get(url, stream=True, timeout=PATIENCE) as answer:
            answer.raw.read(1000)

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(vanish, range(50)))
    left_behind.wait_until(lambda: left_open(htsget_site) <= before)
    assert len(requests.get(url, timeout=PATIENCE).content) > 100_000
    assert not [path for path in htsget_site.home.iterdir() if path.name.startswith("tmp")]


def left_open(site: Site) -> tuple[int, int]:
    """Processes of the server, and its open files without a name."""
    processes = left_behind.server_of(site).children(recursive=True)
    return len(processes), left_behind.unnamed_files(site.home, processes)
