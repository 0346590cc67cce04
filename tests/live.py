"""The site as a process of its own, for tests that speak HTTP to it or kill it.

Each `LiveSite` has a home and a database of its own, in the PostgreSQL of the test run: made in a tenth of a second
from a migrated template, and dropped with the site.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from htsgetsite.embedded.base import embedded_server
from htsgetsite.embedded.server import PORT as POSTGRES_PORT
from htsgetsite.embedded.server import USER

ROOT = Path(__file__).resolve().parent.parent
_TEMPLATE = "htsgetsite_template"


class LiveSite:
    """A home, a database and, once `start()` was called, a server at `url`."""

    def __init__(self, home: Path, database_url: str, settings: Mapping[str, str]) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ}
        self.environment = {
            **kept,
            "HTSGETSITE_HOME": str(home),
            "DATABASE_URL": database_url,
            "SECRET_KEY": secrets.token_urlsafe(64),
            "ALLOWED_HOSTS": "127.0.0.1 localhost",
            "PORT": str(self.port),
            **settings,
        }
        self.process: subprocess.Popen[str] | None = None

    def manage(
        self, *arguments: str | Path, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs `manage.py` and waits for it; with `check` a failure fails the test with what the command said."""
        done = subprocess.run(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and done.returncode:
            raise AssertionError(
                f"manage.py {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def run(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Starts `manage.py` beside the test, which has to wait for it or kill it."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(self, *, workers: int = 1) -> None:
        """Serves at `url`; returns when requests are answered."""
        self.process = self.run("serve", "--workers", str(workers))
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = self.stop()
                    raise AssertionError(f"the site did not start:\n{said}") from None
                time.sleep(0.05)

    def stop(self) -> str:
        """Ends the server as a supervisor does, and gives back what it said."""
        if self.process is None:
            return ""
        self.process.send_signal(signal.SIGTERM)
        try:
            said, _ = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.process = None
        return said


@contextmanager
def made_site(home: Path, **settings: str) -> Iterator[LiveSite]:
    """A site in the empty folder `home`; `settings` go into its environment. Not started yet: ingest first."""
    name = f"site_{secrets.token_hex(8)}"
    with _administration() as connection:
        _make_template(connection)
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    site = LiveSite(home, _url(name), settings)
    try:
        yield site
    finally:
        site.stop()
        with _administration() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _make_template(connection: psycopg.Connection) -> None:
    # Workers of pytest-xdist come here together; the lock lets one of them migrate.
    connection.execute("SELECT pg_advisory_lock(1)")
    try:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE]).fetchone():
            return
        connection.execute(f"CREATE DATABASE {_TEMPLATE}_draft")
        LiveSite(Path(os.environ["HTSGETSITE_HOME"]), _url(f"{_TEMPLATE}_draft"), {}).manage("migrate", "-v0")
        connection.execute(f"ALTER DATABASE {_TEMPLATE}_draft RENAME TO {_TEMPLATE}")
    finally:
        connection.execute("SELECT pg_advisory_unlock(1)")


def _administration() -> psycopg.Connection:
    server = embedded_server()
    server.join()
    return psycopg.connect(_url("postgres"), autocommit=True)


def _url(database: str) -> str:
    folder = str(embedded_server().socket_folder).replace("/", "%2F")
    return f"postgresql://{USER}@{folder}:{POSTGRES_PORT}/{database}"
