"""The site as a process of its own, with its own home, and its commands."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from tests.made_once import made_once
from tests.paths import PROJECT

#: Seconds after which a wait fails: more than any server or command takes on a busy machine.
PATIENCE = 240

_MIGRATE = ("migrate", "--verbosity", "0")
_DEMO = ("demo", "--no-serve", "--verbosity", "0")

_SAID = re.compile(r"Serving on (http://\S+)")
#: Jobs that nobody asked for would come into the way of tests, at some hours only.
_NO_JOBS = {
    "SERVE_JOBS": "0",
    "NIGHTLY_REFRESH_STATES": "off",
    "NIGHTLY_REMOVE_ORPHANS": "off",
    "NIGHTLY_PRUNE_AUDIT": "off",
}
_RUN_EACH = """
import json, sys
from django.core.management import call_command
for command in json.load(sys.stdin):
    call_command(*command)
"""
#: A site that a test starts has a home and settings of its own, and compiles its modules once, not at every start.
_NOT_INHERITED = re.compile(
    r"HTSGETSITE_.*|DJANGO_.*|DATABASE_URL|SECRET_KEY|DEBUG|ALLOWED_HOSTS|PUBLIC_URL|PORT|WORKERS|SERVE_JOBS|NIGHTLY_.*|AUDIT_DAYS|COV.*|PYTHONDONTWRITEBYTECODE"
)


@dataclass(frozen=True, slots=True)
class Site:
    """A site in `home`. `url` is where it answers, without a trailing slash; "" while it is not served."""

    home: Path
    variables: Mapping[str, str]
    url: str = ""

    def manage(
        self, *arguments: str | Path, check: bool = True, input: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of `manage.py`. With `check`, raise AssertionError with its output if it fails."""
        done = subprocess.run(
            [sys.executable, PROJECT / "manage.py", *arguments],
            env=self.environment(),
            cwd=self.home,
            input=input,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if check and done.returncode:
            raise AssertionError(
                f"manage.py {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def prepare(self, *commands: Sequence[str | Path]) -> str:
        """Run commands one after the other in one process, which is quicker; return what they print.

        Raise AssertionError if one fails.
        """
        return self.manage(
            *("shell", "--verbosity", "0", "--no-imports", "-c", _RUN_EACH),
            input=json.dumps([[str(word) for word in command] for command in commands]),
        ).stdout

    def environment(self) -> dict[str, str]:
        """Return the environment of this site's processes."""
        inherited = {name: value for name, value in os.environ.items() if not _NOT_INHERITED.fullmatch(name)}
        return {**inherited, **_NO_JOBS, "HTSGETSITE_HOME": str(self.home), **self.variables}


def make_site(home: Path, variables: Mapping[str, str] | None = None, *, demo: bool = False) -> Site:
    """Make an empty site in `home`, with its tables; with `demo` it holds the demonstration data.

    `variables` are its settings. The site is a copy of one that is made once a test run, whose PostgreSQL does not wait
    for the disk; the database of DATABASE_URL has its tables (`tests/own_database.py`).
    """
    home.mkdir(parents=True, exist_ok=True)
    site = Site(home, dict(variables or {}))
    if "DATABASE_URL" not in site.variables:
        copy_site(home, demo=demo)
    return site


def copy_site(home: Path, *, demo: bool = False) -> None:
    """Copy a site to an empty folder: the one that is made once a test run, whose PostgreSQL waits for no disk."""
    first = made_once("demo", _make_demo) if demo else made_once("site", _make_first)
    subprocess.run(["cp", "-a", f"{first}/.", home], check=True)


def _make_first(home: Path) -> None:
    Site(home, {}).manage(*_MIGRATE)
    with (home / "postgres" / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
    # Each site has a key of its own.
    (home / "secret_key").unlink()


def _make_demo(home: Path) -> None:
    copy_site(home)
    Site(home, {}).manage(*_DEMO)
    (home / "secret_key").unlink()


@contextlib.contextmanager
def served(site: Site, *, workers: int = 1, command: str = "serve") -> Iterator[Site]:
    """Serve the site until the end of the block; stop it by SIGTERM.

    The server logs to `server.log` in the home.
    """
    with (site.home / "server.log").open("a", encoding="utf-8") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                PROJECT / "manage.py",
                command,
                "--port",
                str(free_port()),
                "--workers",
                str(workers),
            ],
            env=site.environment(),
            cwd=site.home,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield Site(site.home, site.variables, _address(server, site.home / "server.log"))
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.communicate()
                raise


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _address(server: "subprocess.Popen[str]", log: Path) -> str:
    """Wait until the server prints its address, and return it."""
    assert server.stdout is not None
    # A server that hangs would leave the pipe open for ever.
    watchdog = threading.Timer(PATIENCE, server.kill)
    watchdog.start()
    try:
        for line in server.stdout:
            if said := _SAID.search(line):
                return said[1]
    finally:
        watchdog.cancel()
    raise AssertionError(f"the server ended before it answered:\n{log.read_text(encoding='utf-8')}")
