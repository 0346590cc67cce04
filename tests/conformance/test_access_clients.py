"""samtools and bcftools with a token, unmodified, against a live server of two processes."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest
import requests

from tests.htsget_app.made_data import write_bam, write_vcf
from tests.live import PATIENCE, Site, make_site, served
from tests.programs import need

LIMIT = ("1", 20_000, 30_000)

GRANT = """
from django.contrib.auth.models import User
from catalogue import api_tokens
from catalogue.models import Dataset, Grant, GrantRegion
dataset = Dataset.objects.get(slug="closed")
for name in ("whole", "limited", "other"):
    user = User.objects.create_user(name)
    if name != "other":
        grant = Grant.objects.create(dataset=dataset, user=user)
        if name == "limited":
            GrantRegion.objects.create(grant=grant, contig="1", start=20_000, end=30_000)
    print(name, api_tokens.issue(user=user, name="t", scopes=["reads", "variants"])[1])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, str], Path]]:
    """A controlled dataset, the tokens of three accounts, and the files."""
    folder = tmp_path_factory.mktemp("files")
    contigs = [("1", 60_000, None), ("2", 10_000, None)]
    reads = [
        (contig, start, 120) for contig in (0, 1) for start in range(0, 9_800 + 50_000 * (1 - contig), 37)
    ]
    bam = write_bam(folder / "x.bam", contigs=contigs, reads=reads, unplaced=20, payload=300)
    variants = [(0, start) for start in range(0, 59_000, 61)]
    vcf = write_vcf(folder / "x.vcf.gz", contigs=[("1", 60_000), ("2", 10_000)], records=variants)
    settings = {"HTSGET_INLINE_BYTES": "0", "THROTTLE_FAILURES": "5/hour"}
    made = make_site(tmp_path_factory.mktemp("site") / "home", settings)
    options = ("--dataset", "closed", "--id", "x", "--copy")
    made.prepare(["ingest_bam", bam, *options], ["ingest_vcf", vcf, *options])
    said = made.manage("shell", "-v0", "-c", GRANT).stdout
    tokens = dict(line.split() for line in said.splitlines() if " hts_" in line)
    with served(made, workers=2) as answering:
        yield answering, tokens, folder


def run(
    program: str, site: Site, path: str, *, token: str | None, folder: Path
) -> "subprocess.CompletedProcess[str]":
    """`view` of an address of the site, with a token where htslib looks for one."""
    need(program)
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    if token is not None:
        kept = folder / "token.json"
        kept.write_text(json.dumps({"access_token": token}))
        environment["HTS_AUTH_LOCATION"] = str(kept)
        environment["HTS_ALLOW_UNENCRYPTED_AUTHORIZATION_HEADER"] = "I understand the risks"
    return subprocess.run(
        [program, "view", f"{site.url}{path}"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def reads_of(path: Path, region: tuple[str, int, int] | None = None) -> list[str]:
    with pysam.AlignmentFile(str(path)) as file:
        found = file.fetch(*region) if region else file.fetch(until_eof=True)
        return [read.to_string() for read in found]


def test_samtools_with_a_token(site: tuple[Site, dict[str, str], Path], tmp_path: Path) -> None:
    made, tokens, folder = site
    done = run("samtools", made, "/reads/x", token=tokens["whole"], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == reads_of(folder / "x.bam")


@pytest.mark.parametrize(
    "path", ["/reads/x", "/reads/x?referenceName=1", "/reads/x?referenceName=1&start=20000&end=30000"]
)
def test_samtools_within_a_limit(site: tuple[Site, dict[str, str], Path], tmp_path: Path, path: str) -> None:
    made, tokens, folder = site
    done = run("samtools", made, path, token=tokens["limited"], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == reads_of(folder / "x.bam", LIMIT)


def test_bcftools_within_a_limit(site: tuple[Site, dict[str, str], Path], tmp_path: Path) -> None:
    made, tokens, folder = site
    done = run("bcftools", made, "/variants/x", token=tokens["limited"], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    got = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    with pysam.TabixFile(str(folder / "x.vcf.gz")) as file:
        assert got == list(file.fetch(*LIMIT))


@pytest.mark.parametrize("who", [None, "other", "limited"])
def test_samtools_without_leave(
    site: tuple[Site, dict[str, str], Path], tmp_path: Path, who: str | None
) -> None:
    made, tokens, _ = site
    token = tokens[who] if who else None
    done = run("samtools", made, "/reads/x?referenceName=2", token=token, folder=tmp_path)
    assert done.returncode != 0 and not done.stdout


def test_processes_count_and_record_together(site: tuple[Site, dict[str, str], Path]) -> None:
    made, tokens, _ = site
    statuses = []
    for number in range(12):
        with requests.Session() as session:
            headers = {"Authorization": f"Bearer wrong{number}"}
            statuses.append(session.get(f"{made.url}/reads/x", headers=headers, timeout=PATIENCE).status_code)
    assert statuses == [401] * 5 + [429] * 7
    good = requests.get(
        f"{made.url}/reads/x", headers={"Authorization": f"Bearer {tokens['whole']}"}, timeout=PATIENCE
    )
    assert good.status_code == 200
    count = (
        "from catalogue.models import AuditEvent as A; print(A.objects.filter(kind='authentication').count())"
    )
    assert made.manage("shell", "-v0", "-c", count).stdout.split()[-1] == "5"
    said = (made.home / "server.log").read_text(encoding="utf-8")
    assert "wrong" not in said and tokens["whole"] not in said
