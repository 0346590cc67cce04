"""Clients that people use, unmodified, against the live server: what they get is what htslib reads from the file."""

import base64
import io
import json
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pysam
import pytest
import requests

from tests.conformance.conftest import RunClient
from tests.conformance.htsget_files import (
    CONTIGS,
    HAVE_SHARED,
    HTSGET_SHARED,
    MD5,
    SHARED,
    local_reads,
    local_variants,
)
from tests.live import PATIENCE, Site
from tests.paths import PROJECT
from tests.programs import need

Region = tuple[str, int, int]

REGIONS: list[Region] = [
    ("1", 100, 200),
    ("1", 0, 60_000),
    ("1", 59_900, 60_000),
    ("2", 5_000, 5_001),
    ("2", 0, 10_000),
]


def query_of(region: Region, *, name: str | None = None) -> str:
    return f"referenceName={name or region[0]}&start={region[1]}&end={region[2]}"


@pytest.fixture
def no_crowd(monkeypatch: pytest.MonkeyPatch, htsget_files: Path) -> None:
    """htslib finds the references of CRAM here, and asks nobody else."""
    monkeypatch.setenv("REF_PATH", str(htsget_files / "none"))


# --- htslib ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("name", ["1", "chr1"])
def test_pysam_reads(htsget_site: Site, htsget_files: Path, region: Region, name: str) -> None:
    name = region[0] if name == "1" else f"chr{region[0]}"
    with pysam.AlignmentFile(f"{htsget_site.url}/reads/made?{query_of(region, name=name)}") as file:
        assert list(file.references) == list(CONTIGS)
        got = [read.to_string() for read in file.fetch(until_eof=True)]
    assert in_region(got, region) == local_reads(htsget_files / "made.bam", region)


def test_pysam_all_reads(htsget_site: Site, htsget_files: Path) -> None:
    for query in ("", "?format=BAM", "?encryptionScheme=c4gh"):
        with pysam.AlignmentFile(f"{htsget_site.url}/reads/made{query}") as file:
            got = [read.to_string() for read in file.fetch(until_eof=True)]
        assert got == local_reads(htsget_files / "made.bam")
    with pysam.AlignmentFile(f"{htsget_site.url}/reads/made?referenceName=*") as file:
        assert [read.query_name for read in file.fetch(until_eof=True)] == [f"unplaced{i}" for i in range(50)]


@pytest.mark.parametrize("region", REGIONS)
def test_pysam_cram(htsget_site: Site, htsget_files: Path, region: Region, no_crowd: None) -> None:
    with pysam.AlignmentFile(
        f"{htsget_site.url}/reads/made?format=CRAM&{query_of(region)}",
        reference_filename=str(htsget_files / "reference.fa"),
    ) as file:
        got = [read.to_string() for read in file.fetch(until_eof=True)]
    assert in_region(got, region) == local_reads(htsget_files / "made.cram", region)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("format", ["VCF", "BCF"])
def test_pysam_variants(htsget_site: Site, htsget_files: Path, region: Region, format: str) -> None:
    with pysam.VariantFile(f"{htsget_site.url}/variants/made?format={format}&{query_of(region)}") as file:
        got = [str(record) for record in file]
    expected = local_variants(htsget_files / "made.vcf.gz", region)
    assert [line for line in got if region[1] < int(line.split("\t")[1]) <= region[2]] == expected
    if len(expected) < 100:
        assert got == expected, "small answers hold nothing else"


def in_region(lines: list[str], region: Region) -> list[str]:
    """The reads of 100 bases that overlap; larger answers may hold others."""
    return [
        line
        for line in lines
        if line.split("\t")[2] == region[0] and region[1] - 100 < int(line.split("\t")[3]) - 1 < region[2]
    ]


def run(*command: str | Path) -> str:
    need(str(command[0]))
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "truncated" not in done.stderr and "EOF" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("region", REGIONS)
def test_samtools(htsget_site: Site, htsget_files: Path, region: Region, no_crowd: None) -> None:
    place = f"{region[0]}:{region[1] + 1}-{region[2]}"
    for format in ("BAM", "CRAM"):
        url = f"{htsget_site.url}/reads/made?format={format}&{query_of(region)}"
        local = htsget_files / f"made.{format.lower()}"
        reference = ("-T", htsget_files / "reference.fa")
        got = run("samtools", "view", *reference, url).splitlines()
        assert in_region(got, region) == run("samtools", "view", *reference, local, place).splitlines()
    header = run("samtools", "view", "-H", "--no-PG", f"{htsget_site.url}/reads/made?class=header")
    assert header == run("samtools", "view", "-H", "--no-PG", htsget_files / "made.bam")
    assert run("samtools", "quickcheck", "-v", f"{htsget_site.url}/reads/made") == ""


@pytest.mark.parametrize("region", REGIONS)
def test_bcftools(htsget_site: Site, htsget_files: Path, region: Region) -> None:
    place = f"{region[0]}:{region[1] + 1}-{region[2]}"
    expected = run("bcftools", "view", "-H", "-r", place, htsget_files / "made.vcf.gz").splitlines()
    for format in ("VCF", "BCF"):
        url = f"{htsget_site.url}/variants/made?format={format}&{query_of(region)}"
        got = run("bcftools", "view", "-H", url).splitlines()
        assert [line for line in got if region[1] < int(line.split("\t")[1]) <= region[2]] == expected


def test_curl(htsget_site: Site, htsget_files: Path, tmp_path: Path) -> None:
    """As docs/htsget.md tells people to do it by hand."""
    ticket = json.loads(run("curl", "-sSf", f"{htsget_site.url}/reads/made"))
    answer = tmp_path / "answer.bam"
    with answer.open("wb") as file:
        for url in ticket["htsget"]["urls"]:
            if url["url"].startswith("data:"):
                file.write(base64.b64decode(url["url"].partition(",")[2]))
            else:
                run("curl", "-sSf", "-o", tmp_path / "block", url["url"])
                file.write((tmp_path / "block").read_bytes())
    assert local_reads(answer) == local_reads(htsget_files / "made.bam")
    body = json.dumps({"regions": [{"referenceName": "2", "start": 10, "end": 20}]})
    assert (
        json.loads(run("curl", "-sSf", "--json", body, f"{htsget_site.url}/reads/made"))["htsget"]["format"]
        == "BAM"
    )
    # A body without a length, as curl sends what it reads from a pipe.
    streamed = subprocess.run(
        ["curl", "-sS", "-T", "-", "-X", "POST", f"{htsget_site.url}/reads/made"],
        input=body.encode(), capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    assert json.loads(streamed.stdout)["htsget"]["format"] == "BAM"


MANUAL = (PROJECT / "docs" / "htsget.md").read_text(encoding="utf-8")
EXAMPLES = [
    (shell, line)
    for shell, block in re.findall(r"```(sh|python)\n(.*?)```", MANUAL, re.DOTALL)
    for line in (block.splitlines() if shell == "sh" and not re.search(r"<<|\\\n", block) else [block])
]


@pytest.mark.parametrize(("shell", "example"), EXAMPLES)
def test_the_examples_of_the_manual(htsget_site: Site, tmp_path: Path, shell: str, example: str) -> None:
    asked = example.replace("http://127.0.0.1:8000", htsget_site.url)
    assert asked != example
    if shell == "python":
        done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=PATIENCE)
    else:
        for program in ("bash", "samtools", "bcftools", "curl"):
            if program == "bash" or program in asked:
                need(program)
        strict = f"set -euo pipefail\n{asked}"
        done = subprocess.run(
            ["bash", "-c", strict], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
        )
    assert done.returncode == 0 and "rror" not in done.stderr, done.stderr
    assert done.stdout or list(tmp_path.glob("part.bam")), "it shows or leaves something"
    assert not done.stdout.startswith('{"htsget":{"error'), done.stdout


# --- The Python client ----------------------------------------------------------------------------------------------

LIBRARY = """
import json, logging, sys, htsget
url, out, options = sys.argv[1:]
with open(out, "wb") as file:
    htsget.get(url, file, max_retries=0, timeout=240, **json.loads(options))
"""


@pytest.mark.parametrize(
    ("path", "options", "region"),
    [
        ("reads/made", {}, None),
        *(
            ("reads/made", {"reference_name": name, "start": start, "end": end}, (name, start, end))
            for name, start, end in REGIONS
        ),
        ("reads/made", {"reference_md5": MD5["2"], "start": 10, "end": 9_000}, ("2", 10, 9_000)),
        ("variants/made", {}, None),
        ("variants/made", {"reference_name": "1", "start": 10, "end": 50_000}, ("1", 10, 50_000)),
        ("variants/made", {"reference_md5": MD5["2"], "data_format": "bcf"}, ("2", 0, 20_000)),
    ],
)
def test_the_python_library(
    htsget_site: Site,
    htsget_files: Path,
    run_client: RunClient,
    tmp_path: Path,
    path: str,
    options: dict[str, Any],
    region: Region | None,
) -> None:
    answer = tmp_path / "answer"
    run_client("htsget-0.2.6", "-c", LIBRARY, f"{htsget_site.url}/{path}", answer, json.dumps(options))
    if path.startswith("variants"):
        got, expected = local_variants(answer), local_variants(htsget_files / "made.vcf.gz", region)
        assert [line for line in got if line in set(expected)] == expected
        assert region is not None or got == expected
    else:
        got, expected = local_reads(answer), local_reads(htsget_files / "made.bam", region)
        assert (in_region(got, region) if region else got) == expected


def test_the_python_command(
    htsget_site: Site, htsget_files: Path, run_client: RunClient, clients: Path, tmp_path: Path
) -> None:
    command = clients / "htsget-0.2.6" / "bin" / "htsget"
    answer = tmp_path / "answer.bam"
    place = ("-r", "1", "-s", "100", "-e", "200")
    run_client("htsget-0.2.6", command, f"{htsget_site.url}/reads/made", *place, "-O", answer, "-M", "0")
    assert local_reads(answer) == local_reads(htsget_files / "made.bam", ("1", 100, 200))


def test_what_the_python_client_says_of_errors(
    htsget_site: Site, run_client: RunClient, tmp_path: Path
) -> None:
    script = f"""
import io, htsget
from htsget.exceptions import ClientError
from tests.paths import PROJECT
for path, options in (("none", {{}}), ("made", {{"start": 5}}), ("made", {{"reference_name": "3"}})):
    try:
        htsget.get(f"{htsget_site.url}/reads/{{path}}", io.BytesIO(), **options)
    except ClientError as error:
        print(error)
"""
    said = run_client("htsget-0.2.6", "-c", script).stdout
    assert said.count("NotFound") == 2 and said.count("InvalidInput") == 1


# --- igv.js ---------------------------------------------------------------------------------------------------------


def igv(url: str, *, query: str) -> bytes:
    """What igv.js does: the ticket, then all blocks at once, each with the ticket's headers and nothing else."""
    origin = {"Origin": "https://igv.example"}
    ticket = requests.get(f"{url}?{query}", headers=origin, timeout=PATIENCE)
    assert ticket.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    urls = ticket.json()["htsget"]["urls"]

    def block(entry: dict[str, Any]) -> bytes:
        if entry["url"].startswith("data:"):
            return base64.b64decode(entry["url"].partition(",")[2])
        headers = {**origin, **entry.get("headers", {})}
        if entry.get("headers"):
            asked = {
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": ",".join(sorted(map(str.lower, entry["headers"]))),
            }
            preflight = requests.options(entry["url"], headers={**origin, **asked}, timeout=PATIENCE)
            assert preflight.ok
            assert preflight.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        got = requests.get(entry["url"], headers=headers, timeout=PATIENCE)
        assert (
            got.status_code in (200, 206) and got.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        )
        return got.content

    with ThreadPoolExecutor(6) as pool:
        return b"".join(pool.map(block, urls))


@pytest.mark.parametrize("region", REGIONS)
def test_the_requests_of_igv_js(
    htsget_site: Site, htsget_files: Path, tmp_path: Path, region: Region
) -> None:
    answer = tmp_path / "answer"
    # Its names are those of its genome, which need not be those of the file.
    place = query_of(region, name=f"chr{region[0]}")
    for kind, format, local in (("reads", "BAM", "made.bam"), ("variants", "VCF", "made.vcf.gz")):
        url = f"{htsget_site.url}/{kind}/made"
        answer.write_bytes(igv(url, query=f"class=header&format={format}"))
        if kind == "reads":
            with pysam.AlignmentFile(str(answer)) as header:
                assert list(header.references) == list(CONTIGS)
        else:
            with pysam.VariantFile(str(answer)) as variants:
                assert list(variants.header.contigs) == list(CONTIGS)
        answer.write_bytes(igv(url, query=f"{place}&format={format}"))
        if kind == "reads":
            assert in_region(local_reads(answer), region) == local_reads(htsget_files / local, region)
        else:
            expected = local_variants(htsget_files / local, region)
            assert [line for line in local_variants(answer) if line in set(expected)] == expected


# --- The compliance suite of the GA4GH, by its description ----------------------------------------------------------

CASES = [
    (htsget_id, kind, query)
    for htsget_id, kind, formats in (
        ("htsnexus_test_NA12878", "reads", ("", "BAM", "CRAM")),
        ("spec-v4.3", "variants", ("", "VCF", "BCF")),
    )
    for format in formats
    for query in (
        {"format": format} if format else {},
        {**({"format": format} if format else {}), "encryptionScheme": "c4gh"},
    )
]


@pytest.mark.skipif(not HAVE_SHARED, reason="../shared/data is not here")
@pytest.mark.parametrize(("htsget_id", "kind", "query"), CASES)
def test_the_official_cases(
    htsget_site: Site, tmp_path: Path, no_crowd: None, htsget_id: str, kind: str, query: dict[str, str]
) -> None:
    assert len(CASES) == 12
    response = requests.get(f"{htsget_site.url}/{kind}/{htsget_id}", params=query, timeout=PATIENCE)
    assert response.status_code == 200
    document = response.json()
    assert list(document) == ["htsget"]
    assert sorted(document["htsget"]) == ["format", "urls"]
    format = query.get("format", {"reads": "BAM", "variants": "VCF"}[kind])
    assert document["htsget"]["format"] == format
    joined = io.BytesIO()
    for url in document["htsget"]["urls"]:
        if url["url"].startswith("data:;base64,"):
            joined.write(base64.b64decode(url["url"].removeprefix("data:;base64,"), validate=True))
        else:
            block = requests.get(url["url"], headers=url.get("headers"), timeout=PATIENCE)
            assert block.ok
            joined.write(block.content)
    stored = next(
        SHARED / name
        for shared_id, _, name in HTSGET_SHARED
        if shared_id == htsget_id and Path(name.removesuffix(".gz")).suffix == f".{format.lower()}"
    )
    answer = tmp_path / stored.name
    answer.write_bytes(joined.getvalue())
    if format == "CRAM":
        # Its reference is not here, so the containers themselves are compared.
        assert answer.read_bytes() == stored.read_bytes()
    elif kind == "reads":
        assert read_all(answer) == read_all(stored)
    else:
        assert local_variants(answer) == local_variants(stored)


def read_all(path: Path) -> list[str]:
    with pysam.AlignmentFile(str(path)) as file:
        return [str(file.header), *(read.to_string() for read in file.fetch(until_eof=True))]


# --- Many at once ---------------------------------------------------------------------------------------------------


def test_many_regions_at_once(htsget_site: Site, htsget_files: Path, tmp_path: Path) -> None:
    """Threads of one worker share caches and open files; whatever they do at the same time, every answer is right."""
    rng = random.Random(11)
    regions = [
        (name, start, min(start + rng.choice((1, 100, 5_000)), len(CONTIGS[name])))
        for name in rng.choices(list(CONTIGS), k=60)
        for start in (rng.randrange(len(CONTIGS[name]) - 1),)
    ]

    def ask(numbered: tuple[int, Region]) -> None:
        number, region = numbered
        answer = tmp_path / f"{number}.bam"
        answer.write_bytes(igv(f"{htsget_site.url}/reads/made", query=query_of(region)))
        assert in_region(local_reads(answer), region) == local_reads(htsget_files / "made.bam", region)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, enumerate(regions)))


def test_ids_are_quoted_as_clients_quote_them(htsget_site: Site) -> None:
    for path in ("made", quote("made", safe="")):
        assert requests.get(f"{htsget_site.url}/reads/{path}", timeout=PATIENCE).ok
    assert requests.get(f"{htsget_site.url}/reads/ma%00de", timeout=PATIENCE).status_code == 404
