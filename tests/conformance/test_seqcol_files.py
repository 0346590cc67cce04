"""Collections as files, read by URL with samtools and pysam, and the walk of docs/seqcol.md, on a live server."""

import json
import random
import re
import shlex
import subprocess
import textwrap
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest

from tests.conformance.conftest import GENOME
from tests.live import PATIENCE, Site, make_site, served
from tests.paths import PROJECT
from tests.programs import need

WALK = (PROJECT / "docs" / "seqcol.md").read_text(encoding="utf-8")
TOY = {"chrX": "TTGGGGAA", "chr1": "GGAA", "chr2": "GCGC"}
TOY_DIGEST = "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"


def write_fasta(path: Path, records: dict[str, str]) -> Path:
    path.write_text("".join(f">{name}\n{residues}\n" for name, residues in records.items()))
    return path


def collection_url(site: Site, name: str) -> str:
    """The URL of a collection by its digest, which a look-up of the name redirects to."""
    with urllib.request.urlopen(f"{site.url}/collection/{name}?level=1") as answer:
        digest = re.search(r"/collection/([\w-]{32})", answer.url)
    assert digest is not None
    return f"{site.url}/collections/{digest[1]}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that answers, with the made genome as a collection."""
    made = make_site(tmp_path_factory.mktemp("files") / "home")
    fasta = write_fasta(made.home.parent / "genome.fa", GENOME)
    made.manage("ingest_fasta", fasta, "--collection", "made")
    with served(made) as answering:
        yield answering


def test_pysam_reads_regions_by_url(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # htslib keeps the index that it fetched
    rng = random.Random(5)
    with pysam.FastaFile(f"{collection_url(site, 'made')}.fa") as fasta:
        assert dict(zip(fasta.references, fasta.lengths, strict=True)) == {
            name: len(residues) for name, residues in GENOME.items()
        }
        for _ in range(50):
            name = rng.choice(list(GENOME))
            start, end = sorted(rng.sample(range(len(GENOME[name])), 2))
            assert fasta.fetch(name, start, end) == GENOME[name][start:end]
        assert {name: fasta.fetch(name) for name in fasta.references} == GENOME


def test_samtools_reads_regions_by_url(site: Site, tmp_path: Path) -> None:
    url = f"{collection_url(site, 'made')}.fa"
    regions = ["one:1-1", "one:29901-30000", "two:59-61", "ring"]
    printed = subprocess.run(
        [need("samtools"), "faidx", url, *regions],
        cwd=tmp_path, check=True, capture_output=True, text=True, timeout=PATIENCE,
    ).stdout  # fmt: skip
    wanted = [GENOME["one"][:1], GENOME["one"][29900:], GENOME["two"][58:61], GENOME["ring"]]
    records = [record.partition("\n") for record in printed.split(">")[1:]]
    assert [head for head, _, _ in records] == regions
    assert ["".join(lines.split()) for _, _, lines in records] == wanted


def test_the_walk(tmp_path: Path) -> None:
    """Each command of "Step by step" as it is written there, with the address of this server and of another."""
    need("samtools"), need("curl")
    blocks = re.findall(r"^   ```(\w*)\n(.*?)^   ```$", WALK, re.DOTALL | re.MULTILINE)
    ingest, compare, download = (textwrap.dedent(block) for language, block in blocks if not language)
    ours, theirs = (make_site(tmp_path / name / "home") for name in ("ours", "theirs"))
    toy = write_fasta(tmp_path / "toy.fa", TOY)
    ours.manage(*[toy if word == "toy.fa" else word for word in shlex.split(ingest)[1:]])
    other = write_fasta(tmp_path / "other.fa", {"chr2": "GCGC", "chr1": "GGAA", "chrUn": "ACGT"})
    theirs.manage("ingest_fasta", other, "--collection", "theirs")
    with served(ours) as here, served(theirs) as there:
        assert collection_url(here, "insdc:TOY.1").endswith(TOY_DIGEST)
        compare = compare.replace(
            "https://seqcol.example.org/collection/THEIR_DIGEST",
            collection_url(there, "theirs").replace("/collections/", "/collection/"),
        )
        compared = json.loads(run(compare, here, tmp_path))
        assert compared["array_elements"]["a_and_b_count"]["sequences"] == 2
        assert compared["array_elements"]["a_and_b_same_order"]["sequences"] is False
        printed = run(download, here, tmp_path)
    assert (tmp_path / f"{TOY_DIGEST}.fa").read_text() == toy.read_text()
    assert printed == ">chr1:2-3\nGA\n"


def run(commands: str, site: Site, folder: Path) -> str:
    """Run commands of the documentation in a shell; return what they print."""
    commands = commands.replace("http://127.0.0.1:8000", site.url).replace("curl ", "curl -sS ")
    done = subprocess.run(
        ["sh", "-euc", commands], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
