"""Workers as processes of their own."""

import contextlib
import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from htsgetsite.embedded.server import DATABASE, USER, EmbeddedServer
from tests.catalogue.lab import make_reads_file
from tests.live import PATIENCE, Site, make_site
from tests.paths import PROJECT

REGISTERED = "SELECT count(*) FROM catalogue_datafile"
HELD_BY = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND classid = 1885434484 AND application_name = '{name}'"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty site with a storage `lab`."""
    (tmp_path / "lab").mkdir()
    storages = json.dumps({"lab": (tmp_path / "lab").as_uri()})
    return make_site(tmp_path / "home", {"HTSGETSITE_STORAGES": storages})


@contextlib.contextmanager
def worker(site: Site, *options: str, name: str = "work") -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker for the block; it logs to `work.log` in the home, and has a name in the database."""
    with (site.home / "work.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, PROJECT / "manage.py", "work", *options],
            env={**site.environment(), "PGAPPNAME": name},
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

    def connection(self) -> "psycopg.Connection[Any]":
        """Connect to the database. Raises psycopg.OperationalError while there is no server."""
        folder = str(EmbeddedServer(self.site.home).socket_folder)
        return psycopg.connect(host=folder, user=USER, dbname=DATABASE, autocommit=True)

    def value(self, sql: str) -> Any:
        """Return the single value of a query; None while there is no server."""
        try:
            with self.connection() as own:
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


def make_copies(folder: Path, count: int) -> list[str]:
    """Make one small BAM file under so many names; return the names."""
    made = make_reads_file(folder / "made" / "a.bam")
    names = [f"s{number:03}" for number in range(count)]
    for name in names:
        shutil.copy(made, folder / f"{name}.bam")
        shutil.copy(f"{made}.bai", folder / f"{name}.bam.bai")
    return names


def queue_manifest(site: Site, names: list[str]) -> int:
    """Queue a job for a manifest of these files; return its number."""
    lines = ["path,id,dataset", *(f"lab:{name}.bam,{name},many" for name in names)]
    (site.home / "many.csv").write_text("\n".join(lines), encoding="utf-8")
    said = site.manage("ingest_manifest", "many.csv", "--background", "--json").stdout
    return int(json.loads(said)["job"])


def kill_at_work(catalogue: Catalogue, process: "subprocess.Popen[bytes]", name: str) -> None:
    """Kill a worker while it holds the lock of a part."""

    def stopped_at_work() -> bool:
        process.send_signal(signal.SIGSTOP)
        if catalogue.value(HELD_BY.format(name=name)):
            return True
        process.send_signal(signal.SIGCONT)
        return False

    wait_until(stopped_at_work)
    process.kill()
    process.wait(PATIENCE)


@contextlib.contextmanager
def canceller(site: Site, run: int) -> Iterator[Callable[[], None]]:
    """Start a process that cancels a run, and waits to be told: a command takes longer to start than files take."""
    program = (
        f"from catalogue import jobs, models as m; run = m.IngestRun.objects.get(pk={run}); "
        "print('ready', flush=True); input(); jobs.cancel(run); print('cancelled', flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, PROJECT / "manage.py", "shell", "--verbosity", "0", "-c", program],
        env=site.environment(), cwd=site.home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None

        def cancel() -> None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "cancelled\n"

        assert process.stdout.readline() == "ready\n"
        yield cancel


def restart_database(site: Site) -> None:
    """Stop the server as an administrator would, ending every connection; who needs it next starts it again."""
    pid_file = EmbeddedServer(site.home).data / "postmaster.pid"
    server = psutil.Process(int(pid_file.read_text().split()[0]))
    server.send_signal(signal.SIGINT)
    server.wait(PATIENCE)


def done_once(catalogue: Catalogue, run: int, names: list[str]) -> None:
    """Check that every file was registered, and recorded, exactly once."""
    assert catalogue.await_outcome(run) == "succeeded"
    count = len(names)
    summary = catalogue.value(f"SELECT summary FROM catalogue_ingestrun WHERE id = {run}")
    # Files that are registered a second time would count as replaced or unchanged.
    assert summary == {"added": count, "counts": {"contigs": 3 * count, "samples": 2 * count}}
    assert catalogue.value("SELECT count(*) FROM catalogue_datafile") == count
    assert catalogue.value("SELECT array_agg(htsget_id ORDER BY htsget_id) FROM catalogue_datafile") == names
    rows = "SELECT count(DISTINCT source) FROM catalogue_ingestedfile WHERE outcome = 'added'"
    assert catalogue.value(rows) == catalogue.value("SELECT count(*) FROM catalogue_ingestedfile") == count
    assert catalogue.value("SELECT count(*) FROM catalogue_runpart") == 0
    progress = f"SELECT done || '/' || total FROM catalogue_runprogress WHERE run_id = {run}"
    assert catalogue.value(progress) == f"{count}/{count}"


@pytest.mark.long
def test_a_worker_does_a_queued_job(site: Site, tmp_path: Path) -> None:
    for number in range(3):
        make_reads_file(tmp_path / "lab" / f"s{number}.bam")
    said = json.loads(site.manage("ingest_bam", "lab:", "--dataset", "d", "--background", "--json").stdout)
    catalogue = Catalogue(site)
    with worker(site):
        assert catalogue.await_outcome(said["job"]) == "succeeded"
        assert catalogue.value("SELECT count(*) FROM catalogue_datafile") == 3
        wait_until(lambda: catalogue.value("SELECT count(*) FROM procrastinate_jobs") == 0)


@pytest.mark.parametrize("count", [16, pytest.param(500, marks=pytest.mark.long)])
def test_a_killed_worker_and_a_restarted_database_lose_nothing(
    site: Site, tmp_path: Path, count: int
) -> None:
    names = make_copies(tmp_path / "lab", count)
    run = queue_manifest(site, names)
    catalogue = Catalogue(site)
    with worker(site, name="first") as first, worker(site, name="second"):
        wait_until(lambda: (catalogue.value(REGISTERED) or 0) >= count // 4)
        kill_at_work(catalogue, first, "first")
        wait_until(lambda: (catalogue.value(REGISTERED) or 0) >= count // 2)
        restart_database(site)
        done_once(catalogue, run, names)
    said = (site.home / "work.log").read_text(encoding="utf-8")
    assert "lost its worker" in said and "the database is out of reach" in said
    # A few attempts, each in a line.
    assert "Traceback" not in said and said.count("the worker is ready") < 10


def test_a_worker_on_a_server_is_told_to_stop(database_url: str, tmp_path: Path) -> None:
    """SIGTERM ends it between two files, though it has more to do; the next one does the rest."""
    (tmp_path / "lab").mkdir()
    names = make_copies(tmp_path / "lab", 20)
    variables = {
        # Fewer connections than a worker needs, which does not share them.
        "DATABASE_URL": f"{database_url}?pool_max_size=1",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "HTSGETSITE_STORAGES": json.dumps({"lab": (tmp_path / "lab").as_uri()}),
    }
    site = make_site(tmp_path / "home", variables)
    run = queue_manifest(site, names)

    def value(sql: str) -> Any:
        with psycopg.connect(database_url) as connection:
            row = connection.execute(sql.encode()).fetchone()
        return None if row is None else row[0]

    with worker(site, "--concurrency", "2") as first:
        wait_until(lambda: value(REGISTERED))
        first.send_signal(signal.SIGTERM)
        assert first.wait(PATIENCE) == 0
    assert 0 < value(REGISTERED) < len(names)
    assert value(f"SELECT outcome FROM catalogue_ingestrun WHERE id = {run}") == "running"
    assert value("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == 0
    with worker(site, "--concurrency", "2"):
        wait_until(lambda: value(f"SELECT finished FROM catalogue_ingestrun WHERE id = {run}"))
    assert value(f"SELECT summary ->> 'added' FROM catalogue_ingestrun WHERE id = {run}") == str(len(names))
    assert "stopping after the files under way" in (site.home / "work.log").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_same_job_twice_at_a_time_registers_each_file_once(site: Site, tmp_path: Path) -> None:
    names = make_copies(tmp_path / "lab", 12)
    first = queue_manifest(site, names)
    catalogue = Catalogue(site)
    with worker(site, "--concurrency", "2"):
        wait_until(lambda: catalogue.value(REGISTERED))
        second = queue_manifest(site, names)
        assert second != first
        assert [catalogue.await_outcome(run) for run in (first, second)] == ["succeeded", "succeeded"]
        counted = (
            "SELECT sum((summary ->> 'added')::int - coalesce((summary #>> '{counts,replaced}')::int, 0))"
        )
        assert catalogue.value(f"{counted} FROM catalogue_ingestrun") == len(names)
        assert catalogue.value(REGISTERED) == len(names)


@pytest.mark.long
def test_a_job_is_cancelled_while_workers_are_at_it(site: Site, tmp_path: Path) -> None:
    names = make_copies(tmp_path / "lab", 20)
    catalogue = Catalogue(site)
    run = queue_manifest(site, names)
    with canceller(site, run) as cancel, catalogue.connection() as holding:
        # All ids but the first are taken by somebody else, until the job is cancelled.
        holding.execute(
            "SELECT pg_advisory_lock(hashtextextended('reads/' || name || ' BAM', 0)) FROM unnest(%s::text[]) AS name",
            [names[1:]],
        )
        with worker(site, "--concurrency", "2"):
            wait_until(lambda: catalogue.value(REGISTERED))
            cancel()
            holding.close()
            assert catalogue.await_outcome(run) == "cancelled"
            done = catalogue.value(REGISTERED)
            summary = catalogue.value(f"SELECT summary FROM catalogue_ingestrun WHERE id = {run}")
            assert (summary["added"], summary["cancelled"]) == (done, len(names) - done)
            retry = f"from catalogue import jobs, models as m; print(jobs.retry(m.IngestRun.objects.get(pk={run})).pk)"
            again = int(site.manage("shell", "-v0", "-c", retry).stdout.split()[-1])
            assert catalogue.await_outcome(again) == "succeeded"
            summary = catalogue.value(f"SELECT summary FROM catalogue_ingestrun WHERE id = {again}")
            assert summary["added"] == len(names) - done
