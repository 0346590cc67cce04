"""A database of the first release, with data in it, is migrated and serves the same to the same people.

`first_release/` was made by that release's own commands: sequences in a public and a private collection, reads in an
open and a closed dataset, variants, an account with a grant on both that are closed, and an API token.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest
import requests

from tests.live import Site, served

MADE = Path(__file__).parent / "first_release"
TOKEN = "hts_mIODYJ0Z0Y_czhzGO6pT1bU150bBgHaiJKDR7L1u5qRCOLNxdHpv3g"
RESTORE = (
    "from pathlib import Path; from htsgetsite.database_dump import restore_database; "
    f"restore_database(Path({str(MADE / 'database.dump')!r}))"
)
ETAGS = (
    "from catalogue.models import DataFile; import json; "
    "print(json.dumps(list(DataFile.objects.values_list('key', 'etag'))))"
)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    home = tmp_path_factory.mktemp("upgraded")
    # Python's tarfile has no common way for all of 3.11 to 3.14.
    subprocess.run(["tar", "-xzf", MADE / "home.tar.gz", "-C", home], check=True)
    site = Site(home, {})
    site.manage("shell", "--no-imports", "-c", RESTORE)
    before = site.manage("serve", check=False)
    assert before.returncode == 1 and "Run: manage.py migrate" in before.stderr
    told = site.prepare(
        ["migrate", "--verbosity", "0"], ["digest_collections"], ["shell", "--no-imports", "-c", ETAGS]
    )
    for key, etag in json.loads(told.strip().splitlines()[-1]):
        # The ETag of a local file has its time of change, which an archive keeps to the second only.
        nanoseconds = int(etag.partition("-")[2], 16)
        os.utime(home / "files" / key, ns=(nanoseconds, nanoseconds))
    return site


@pytest.fixture(scope="module")
def live(upgraded: Site) -> Iterator[Site]:
    with served(upgraded) as site:
        yield site


def fasta(home: Path, name: str) -> dict[str, str]:
    with pysam.FastxFile(str(home / name)) as records:
        return {str(record.name): str(record.sequence) for record in records}


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def test_nothing_is_left_to_migrate(upgraded: Site) -> None:
    told = upgraded.prepare(
        ["showmigrations", "--plan"], ["makemigrations", "--check", "--dry-run"], ["verify_sequences"]
    )
    assert "[ ]" not in told and "3 sequences" in told


def test_sequences_are_the_same_and_private_ones_stay_private(live: Site) -> None:
    for name, residues in fasta(live.home, "genome.fa").items():
        assert requests.get(f"{live.url}/sequence/lab:{name}").text == residues
    [(name, residues)] = fasta(live.home, "secret.fa").items()
    assert requests.get(f"{live.url}/sequence/lab:{name}").status_code in {401, 404}
    assert requests.get(f"{live.url}/sequence/lab:{name}", headers=bearer()).text == residues
    wrapped = requests.get(f"{live.url}/sequence/lab:two?start=890&end=10").text
    two = fasta(live.home, "genome.fa")["two"]
    assert wrapped == two[890:] + two[:10]


def test_reads_are_the_same_and_closed_ones_stay_closed(live: Site, tmp_path: Path) -> None:
    with (
        pysam.AlignmentFile(f"{live.url}/reads/open") as served_reads,
        pysam.AlignmentFile(str(live.home / "open.bam")) as original,
    ):
        assert [read.to_string() for read in served_reads] == [read.to_string() for read in original]
    assert requests.get(f"{live.url}/reads/shut").status_code == 401
    ticket = requests.get(f"{live.url}/reads/shut?referenceName=one", headers=bearer())
    assert ticket.status_code == 200
    assert requests.get(f"{live.url}/reads/shut?format=CRAM", headers=bearer()).status_code == 200


def test_variants_are_the_same(live: Site) -> None:
    with (
        pysam.VariantFile(f"{live.url}/variants/calls") as calls,
        pysam.VariantFile(str(live.home / "calls.vcf.gz")) as original,
    ):
        assert [str(record) for record in calls] == [str(record) for record in original]


def test_collections_have_digests_now(live: Site) -> None:
    listed = requests.get(f"{live.url}/list/collection").json()["results"]
    assert len(listed) == 1
    assert requests.get(f"{live.url}/collection/{listed[0]}").json()["names"] == ["one", "two"]


def test_passwords_work(live: Site) -> None:
    session = requests.Session()
    page = session.get(f"{live.url}/account/sign-in").text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    form = {"csrfmiddlewaretoken": found[1], "username": "ada", "password": "a password of ada"}
    assert session.post(f"{live.url}/account/sign-in", data=form).url.endswith("/account/")
