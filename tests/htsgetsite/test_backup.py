"""A site that is backed up and restored elsewhere gives the same bytes to the same people."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pysam
import pytest
import requests

from tests.catalogue.lab import make_reads_file
from tests.catalogue.made_fasta import make_fasta, make_residues
from tests.live import Site, make_site, served
from tests.long_runs import every

MAKE_TOKEN = (
    "from django.contrib.auth.models import User; from catalogue import api_tokens; from catalogue.models import *; "
    "user = User.objects.create_user('ada'); "
    "Grant.objects.create(dataset=Dataset.objects.get(slug='closed'), user=user); "
    "print(api_tokens.issue(user=user, name='n', scopes=['reads'])[1])"
)
#: Every part of a ticket is a URL of the site.
VARIABLES = {"HTSGET_INLINE_BYTES": "0"}
RESIDUES = {"long": make_residues(300_000), "short": make_residues(400)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with sequences, a public copied file with a built index, and one of a controlled dataset."""
    folder = tmp_path_factory.mktemp("site")
    site = make_site(folder / "home", VARIABLES)
    fasta = make_fasta(folder / "genome.fa", RESIDUES)
    opened = make_reads_file(folder / "open.bam", index=None)
    site.prepare(
        ["ingest_fasta", fasta, "--authority", "lab", "--collection", "g"],
        ["ingest_bam", opened, "--dataset", "open", "--public", "--copy"],
        ["ingest_bam", make_reads_file(folder / "shut.bam"), "--dataset", "closed", "--copy"],
    )
    return site


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.manage("shell", "--verbosity", "0", "-c", MAKE_TOKEN).stdout.split()[-1]


@pytest.fixture(scope="module")
def first_backup(site: Site, token: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "backup"
    told = json.loads(site.manage("backup", folder, "--json").stdout)
    assert told["problems"] == [] and told["copied"] == told["objects"] >= 4
    return folder


@pytest.fixture
def backup(first_backup: Path, tmp_path: Path) -> Path:
    """A backup that a test may change."""
    return shutil.copytree(first_backup, tmp_path / "backup")


def fresh(home: Path) -> Site:
    """A site without tables."""
    home.mkdir()
    return Site(home, VARIABLES)


def given(folder: Path) -> dict[str, Any]:
    """What clients are to get, from the files that were ingested."""
    with pysam.AlignmentFile(str(folder / "open.bam")) as reads:
        records = [read.to_string() for read in reads]
    return {**RESIDUES, "records": records, "closed": (folder / "shut.bam").read_bytes(), "stranger": 401}


def fetched(site: Site, token: str) -> dict[str, Any]:
    """What clients get: residues, the records of the open file by pysam, and the bytes of the closed one."""
    bearer = {"Authorization": f"Bearer {token}"}
    ticket = requests.get(f"{site.url}/reads/shut", headers=bearer).json()["htsget"]
    parts = [requests.get(part["url"]).content for part in ticket["urls"]]
    with pysam.AlignmentFile(f"{site.url}/reads/open", check_sq=False) as reads:
        records = [read.to_string() for read in reads]
    return {
        **{name: requests.get(f"{site.url}/sequence/lab:{name}").content for name in RESIDUES},
        "records": records,
        "closed": b"".join(parts),
        "stranger": requests.get(f"{site.url}/reads/shut").status_code,
    }


def test_it_serves_the_same_bytes_elsewhere(site: Site, token: str, backup: Path, tmp_path: Path) -> None:
    restored = fresh(tmp_path / "elsewhere")
    told = json.loads(restored.manage("restore", backup, "--json").stdout)
    assert told["problems"] == [] and told["migrations"] == []
    with served(restored) as live:
        assert fetched(live, token) == given(site.home.parent)
    verified = restored.manage("verify_sequences")
    assert "2 sequences" in verified.stdout
    again = restored.manage("restore", backup, check=False)
    assert again.returncode == 1 and "the database is not empty" in again.stderr


def test_a_second_backup_copies_only_what_is_new(site: Site, backup: Path, tmp_path: Path) -> None:
    objects = {path for path in (backup / "objects").rglob("*") if path.is_file()}
    told = json.loads(site.manage("backup", backup, "--json").stdout)
    assert told["copied"] == 0 and told["objects"] == len(objects)
    # A copy that was lost or cut is made again.
    lost, cut, *_ = sorted(objects)
    lost.unlink()
    os.truncate(cut, 1)
    assert json.loads(site.manage("backup", backup, "--json").stdout)["copied"] == 2
    assert backup.stat().st_mode & 0o777 == 0o700
    assert (backup / "secret_key").stat().st_mode & 0o777 == 0o600


def test_damage_is_found_and_mended(site: Site, backup: Path, tmp_path: Path) -> None:
    restored = fresh(tmp_path / "home")
    damaged = tmp_path / "damaged"
    shutil.copytree(backup, damaged)
    largest = max((damaged / "objects").rglob("*"), key=lambda path: path.stat().st_size)
    content = largest.read_bytes()
    largest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    told = restored.manage("restore", damaged, check=False)
    assert told.returncode == 1
    assert "the copy in the backup is damaged" in told.stderr
    mended = json.loads(restored.manage("restore", backup, "--objects-only", "--json").stdout)
    assert mended["put_back"] == 1 and mended["problems"] == []
    assert restored.manage("verify_sequences").returncode == 0


@pytest.mark.parametrize("missing", every(3, ["backup.json", "database.dump", "objects.jsonl"]))
def test_what_is_no_backup_is_refused(backup: Path, tmp_path: Path, missing: str) -> None:
    (backup / missing).unlink()
    refused = fresh(tmp_path / "home").manage("restore", backup, check=False)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_an_object_that_is_gone_is_told(site: Site, tmp_path: Path) -> None:
    copy = max((site.home / "files").rglob("*.bam"))
    hidden = copy.rename(copy.with_suffix(".hidden"))
    try:
        told = site.manage("backup", tmp_path / "backup", check=False)
    finally:
        hidden.rename(copy)
    assert told.returncode == 1
    assert "1 object could not be copied" in told.stderr
    assert json.loads((tmp_path / "backup" / "backup.json").read_text())["problems"] == 1
