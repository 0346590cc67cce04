"""The commands of the page of a file, copied from it and run as they stand, give the records of the file."""

import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pysam
import pytest
import requests

from tests.live import PATIENCE, Site, served
from tests.portal.made_site import AWKWARD, CLOSED, PortalSite, make_portal_site
from tests.programs import need

REGION = ("Demo_2", 40_000, 40_600)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PortalSite:
    return make_portal_site(tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="module")
def running(made: PortalSite) -> Iterator[Site]:
    with served(made.site) as site:
        yield site


@pytest.fixture(scope="module")
def session(running: Site) -> requests.Session:
    """A browser in which the researcher has signed in."""
    found = requests.Session()
    page = found.get(f"{running.url}/account/sign-in").text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    form = {
        "username": "researcher",
        "password": "correct horse battery staple",
        "csrfmiddlewaretoken": token[1],
    }
    assert found.post(f"{running.url}/account/sign-in", form).url == f"{running.url}/account/"
    return found


def copied(session: requests.Session, url: str) -> dict[str, str]:
    """The text of every command that a page shows, by its program."""
    answer = session.get(url)
    assert answer.status_code == 200, answer.text
    found = re.findall(r'data-program="([^"]+)"[^>]*><code>(.*?)</code>', answer.text, re.DOTALL)
    return {html.unescape(program): html.unescape(text) for program, text in found}


def run(text: str, folder: Path, *, shell: str = "sh") -> str:
    """Run a copied command in a folder; what follows && gatk is not installed here."""
    done = subprocess.run(
        [need(shell), "-c" if shell == "sh" else "-e", text],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, (text, done.stderr)
    return done.stdout


def reads_of(path: Path, contig: str, start: int, end: int) -> list[str]:
    with pysam.AlignmentFile(str(path)) as file:
        return [read.to_string() for read in file.fetch(contig, start, end)]


def variants_of(path: Path, contig: str, start: int, end: int) -> list[str]:
    with pysam.VariantFile(str(path)) as file:
        return [str(record).rstrip("\n") for record in file.fetch(contig, start, end)]


def page_of(running: Site, kind: str, htsget_id: str) -> str:
    contig, start, end = REGION
    return f"{running.url}/files/{kind}/{quote(htsget_id)}?region={contig}:{start + 1:,}-{end:,}"


@pytest.mark.parametrize("htsget_id", ["ada", AWKWARD, CLOSED])
def test_reads(
    made: PortalSite, running: Site, session: requests.Session, tmp_path: Path, htsget_id: str
) -> None:
    commands = copied(session, page_of(running, "reads", htsget_id))
    made.write_token(tmp_path)
    wanted = reads_of(made.bam, *REGION)
    assert len(wanted) > 20
    need("samtools")
    assert run(commands["samtools"], tmp_path).splitlines() == wanted
    printed = subprocess.run(
        [sys.executable, "-c", commands["pysam"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert [line.split()[0] for line in printed.stdout.splitlines()] == [line.split()[0] for line in wanted]
    ticket = run(commands["curl"], tmp_path)
    assert '"htsget"' in ticket and '"BAM"' in ticket
    fetch, _, gatk = commands["GATK"].partition("&&\ngatk ")
    assert gatk.startswith("CountReads -I ")
    run(fetch, tmp_path)
    (fetched,) = tmp_path.glob("*.bam")
    assert reads_of(fetched, *REGION) == wanted


@pytest.mark.parametrize("htsget_id", ["people", AWKWARD, CLOSED])
def test_variants(
    made: PortalSite, running: Site, session: requests.Session, tmp_path: Path, htsget_id: str
) -> None:
    commands = copied(session, page_of(running, "variants", htsget_id))
    made.write_token(tmp_path)
    wanted = variants_of(made.vcf, *REGION)
    assert wanted
    need("bcftools")
    assert run(commands["bcftools"], tmp_path).splitlines() == wanted
    printed = subprocess.run(
        [sys.executable, "-c", commands["pysam"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert [line.split()[:2] for line in printed.stdout.splitlines()] == [
        line.split("\t")[:2] for line in wanted
    ]
    assert '"VCF"' in run(commands["curl"], tmp_path)
    fetch, _, gatk = commands["GATK"].partition("&&\ngatk ")
    assert gatk.startswith("CountVariants -V ")
    run(fetch, tmp_path)
    (fetched,) = tmp_path.glob("*.vcf.gz")
    assert variants_of(fetched, *REGION) == wanted


@pytest.mark.parametrize(
    ("kind", "htsget_id"), [("reads", AWKWARD), ("reads", CLOSED), ("variants", "people")]
)
def test_r(
    made: PortalSite, running: Site, session: requests.Session, tmp_path: Path, kind: str, htsget_id: str
) -> None:
    for package in ("jsonlite", "curl"):
        loaded = subprocess.run([need("Rscript"), "-e", f"library({package})"], capture_output=True)
        if loaded.returncode:
            pytest.skip(f"r-cran-{package} is not installed")
    commands = copied(session, page_of(running, kind, htsget_id))
    made.write_token(tmp_path)
    run(commands["R"], tmp_path, shell="Rscript")
    (fetched,) = tmp_path.glob("*.bam" if kind == "reads" else "*.vcf.gz")
    if kind == "reads":
        with pysam.AlignmentFile(str(fetched)) as file:
            assert [read.to_string() for read in file.fetch(until_eof=True)] == reads_of(made.bam, *REGION)
    else:
        with pysam.VariantFile(str(fetched)) as file:
            assert [str(record).rstrip("\n") for record in file] == variants_of(made.vcf, *REGION)


def test_the_first_commands_of_the_home_page(running: Site, tmp_path: Path) -> None:
    page = html.unescape(requests.get(running.url).text)
    commands = re.findall(r"<pre[^>]*><code>((?:curl|samtools|bcftools) .*?)</code>", page)
    assert [command.split()[0] for command in commands] == ["curl", "samtools", "bcftools"]
    for command in commands:
        need(command.split()[0])
        assert run(command, tmp_path).strip()


def test_the_commands_of_the_account_page(
    made: PortalSite, running: Site, session: requests.Session, tmp_path: Path
) -> None:
    need("samtools")
    made.write_token(tmp_path)
    commands = copied(session, f"{running.url}/account/") or {}
    page = html.unescape(session.get(f"{running.url}/account/").text)
    found = re.findall(r"<pre[^>]*><code>([^<]*(?:samtools|bcftools) [^<]*)</code>", page)
    assert found and not commands
    for command in found:
        assert run(command, tmp_path).strip()


def test_the_command_that_writes_the_token(running: Site, session: requests.Session, tmp_path: Path) -> None:
    account = f"{running.url}/account/"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', session.get(account).text)
    assert token is not None
    form = {"name": "mine", "scopes": "reads", "days": "1", "csrfmiddlewaretoken": token[1]}
    page = html.unescape(session.post(account, form).text)
    command = re.search(r"<code>(\(umask 077;.*?)</code>", page)
    assert command is not None
    run(command[1], tmp_path)
    file = tmp_path / "htsget-token.json"
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    commands = copied(session, page_of(running, "reads", CLOSED))
    need("samtools")
    assert run(commands["samtools"], tmp_path)
