"""Workers as processes of their own."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from htsgetsite.embedded.server import DATABASE, USER, EmbeddedServer
from tests.catalogue.lab import make_reads_file
from tests.live import PATIENCE, Site, make_site
from tests.paths import PROJECT


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty site with a storage `lab`."""
    (tmp_path / "lab").mkdir()
    storages = json.dumps({"lab": (tmp_path / "lab").as_uri()})
    return make_site(tmp_path / "home", {"HTSGETSITE_STORAGES": storages})


@contextlib.contextmanager
def worker(site: Site, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker for the block; it logs to `work.log` in the home."""
    with (site.home / "work.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, PROJECT / "manage.py", "work", *options],
            env=site.environment(),
            cwd=site.home,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        except AssertionError as error:
            error.add_note((site.home / "work.log").read_text(encoding="utf-8"))
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.wait()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The database of a site, asked with a new connection each time: it may be restarted."""

    site: Site

    def value(self, sql: str) -> Any:
        """Return the single value of a query; None while there is no server."""
        folder = str(EmbeddedServer(self.site.home).socket_folder)
        try:
            with psycopg.connect(host=folder, user=USER, dbname=DATABASE, autocommit=True) as own:
                row = own.execute(sql.encode()).fetchone()
        except psycopg.OperationalError:
            return None
        return None if row is None else row[0]

    def await_outcome(self, run: int) -> str:
        """Wait until a run is over, and return its outcome."""
        sql = f"SELECT outcome FROM catalogue_ingestrun WHERE id = {run}"
        wait_until(lambda: self.value(sql) not in {None, "queued", "running"})
        return str(self.value(sql))


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for an event."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_worker_does_a_queued_job(site: Site, tmp_path: Path) -> None:
    for number in range(3):
        make_reads_file(tmp_path / "lab" / f"s{number}.bam")
    said = json.loads(site.manage("ingest_bam", "lab:", "--dataset", "d", "--background", "--json").stdout)
    catalogue = Catalogue(site)
    with worker(site):
        assert catalogue.await_outcome(said["job"]) == "succeeded"
        assert catalogue.value("SELECT count(*) FROM catalogue_datafile") == 3
        wait_until(lambda: catalogue.value("SELECT count(*) FROM procrastinate_jobs") == 0)
