"""A site on a real server, by `DATABASE_URL`, whose threads share few connections."""

import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import requests

from tests.live import PATIENCE, Site, make_site, served

VARIABLES = {"SECRET_KEY": secrets.token_urlsafe(64), "ALLOWED_HOSTS": "127.0.0.1"}


@pytest.fixture
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    url = f"{database_url}?pool_max_size=2&connect_timeout=10"
    return make_site(tmp_path_factory.mktemp("home"), {**VARIABLES, "DATABASE_URL": url})


def test_slow_downloads_hold_no_connection(site: Site, database_url: str) -> None:
    residues = site.home / "large.fa"
    residues.write_text(">large\n" + "ACGT" * 4_000_000 + "\n>small\nACGT\n")
    site.manage("ingest_fasta", residues, "--authority", "test")
    assert not (site.home / "postgres").exists()
    with served(site) as answering, ExitStack() as downloads:
        port = int(answering.url.rpartition(":")[2])
        for _ in range(4):  # Twice as many as there are connections; a name has to be looked up.
            client = downloads.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(b"GET /sequence/test:large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert client.recv(1024).startswith(b"HTTP/1.1 200 OK")
        with ThreadPoolExecutor(16) as threads:
            answers = list(
                threads.map(
                    lambda _: requests.get(f"{answering.url}/sequence/test:small/metadata", timeout=PATIENCE),
                    range(64),
                )
            )
        assert {answer.status_code for answer in answers} == {200}
        assert requests.get(f"{answering.url}/readyz", timeout=PATIENCE).status_code == 200
        with psycopg.connect(database_url) as connection:
            counted = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert counted is not None
        assert counted[0] <= 2


def test_a_server_that_is_down_is_told(tmp_path: Path) -> None:
    down = {**VARIABLES, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"}
    done = Site(tmp_path, down).manage("serve", check=False)
    assert done.returncode == 1
    assert "CommandError: The database does not answer" in done.stderr
    assert "Traceback" not in done.stderr
