"""One live site for the programs of others: the official suite's sequences and a made genome, ingested by command."""

import fcntl
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.htsget_files import ingest_htsget_files, make_htsget_files
from tests.live import PATIENCE, Site, make_site, served
from tests.programs import need

TESTS = Path(__file__).resolve().parent.parent
CLIENTS = Path(sys.prefix) / "clients"

#: A made genome: name, residues.
GENOME = {
    "one": "".join(random.Random(1).choices("ACGT", k=30_000)),
    "two": "".join(random.Random(2).choices("ACGTN", k=12_000)),
    "ring": "".join(random.Random(3).choices("ACGT", k=5_000)),
}


@pytest.fixture(scope="session")
def clients() -> Path:
    """The folder that holds each program of tests/conformance/clients in a folder of its own."""
    need("make")
    CLIENTS.mkdir(exist_ok=True)
    with (CLIENTS / "lock").open("w") as lock:
        # Processes of the test run that come at the same time wait for the first.
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            ["make", "-C", TESTS, "clients", f"PYTHON={sys.executable}", f"FOLDER={CLIENTS}"],
            check=True,
            timeout=600,
            stdout=subprocess.DEVNULL,
        )
    return CLIENTS


RunClient = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def run_client(clients: Path) -> RunClient:
    """Runs Python with one client's folder to import from, apart from what is installed for the tests."""

    def run(client: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"PYTHONPATH": str(clients / client), "PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def refget_site(tmp_path_factory: pytest.TempPathFactory, clients: Path) -> Iterator[Site]:
    """The site, answering; VI, I (also insdc:BK006935.2), the circular phiX174, and the made genome are held."""
    site = make_site(tmp_path_factory.mktemp("refget") / "home")
    ingest_refget_sequences(site, clients)
    with served(site) as answering:
        yield answering


def ingest_refget_sequences(site: Site, clients: Path) -> None:
    """Ingests what `refget_site` holds."""
    folder = site.home.parent
    official = clients / "refget-compliance-1.2.6" / "compliance_suite" / "sequences"
    genome = folder / "made.fa"
    genome.write_text("".join(f">{name} a made sequence\n{residues}\n" for name, residues in GENOME.items()))
    names = folder / "names.tsv"
    names.write_text("6681ac2f62509cfc220d78751b8dc524\tinsdc\tBK006935.2\n")
    site.prepare(
        ["ingest_fasta", official / "I.faa", official / "VI.faa", "--authority", "ensembl"],
        ["ingest_fasta", official / "NC.faa", "--authority", "refseq", "--circular", "NC_001422.1"],
        ["ingest_fasta", genome, "--authority", "local", "--circular", "ring", "--collection", "made"],
        ["ingest_aliases", names],
    )


@pytest.fixture(scope="session")
def htsget_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of reads (BAM, CRAM) and variants (VCF, BCF) over one made assembly, with their indexes."""
    return make_htsget_files(tmp_path_factory.mktemp("htsget"))


@pytest.fixture(scope="session")
def htsget_site(tmp_path_factory: pytest.TempPathFactory, htsget_files: Path) -> Iterator[Site]:
    """The site, answering: `made` as reads and as variants, in two formats each, and the files of HTSGET_SHARED."""
    site = make_site(tmp_path_factory.mktemp("htsget-home") / "home")
    ingest_htsget_files(site, htsget_files)
    with served(site) as answering:
        yield answering
