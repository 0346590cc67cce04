"""The site as a process of its own, with its own home, and its commands."""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from tests.paths import OWN_HOME, PROJECT

#: Seconds after which a wait fails: more than any server or command takes on a busy machine.
PATIENCE = 240

_SAID = re.compile(r"Serving on (http://\S+)")
#: Jobs that nobody asked for would come into the way of tests, at some hours only.
_NO_JOBS = {
    "SERVE_JOBS": "0",
    "NIGHTLY_REFRESH_STATES": "off",
    "NIGHTLY_REMOVE_ORPHANS": "off",
    "NIGHTLY_PRUNE_AUDIT": "off",
}
#: A site that a test starts has a home and settings of its own.
_NOT_INHERITED = re.compile(
    r"HTSGETSITE_.*|DJANGO_.*|DATABASE_URL|SECRET_KEY|DEBUG|ALLOWED_HOSTS|PUBLIC_URL|PORT|WORKERS|SERVE_JOBS|NIGHTLY_.*|AUDIT_DAYS|COV.*"
)


@dataclass(frozen=True, slots=True)
class Site:
    """A site in `home`. `url` is where it answers, without a trailing slash; "" while it is not served."""

    home: Path
    variables: Mapping[str, str]
    url: str = ""

    def manage(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of `manage.py`. With `check`, raise AssertionError with its output if it fails."""
        done = subprocess.run(
            [sys.executable, PROJECT / "manage.py", *arguments],
            env=self.environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if check and done.returncode:
            raise AssertionError(
                f"manage.py {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def environment(self) -> dict[str, str]:
        """Return the environment of this site's processes."""
        inherited = {name: value for name, value in os.environ.items() if not _NOT_INHERITED.fullmatch(name)}
        return {**inherited, **_NO_JOBS, "HTSGETSITE_HOME": str(self.home), **self.variables}


def make_site(home: Path, variables: Mapping[str, str] | None = None) -> Site:
    """Make an empty site in `home`, with its tables; `variables` are its settings (DATABASE_URL, say).

    A site on the embedded PostgreSQL is a copy of one that is made once a test run.
    """
    home.mkdir(parents=True, exist_ok=True)
    site = Site(home, dict(variables or {}))
    if "DATABASE_URL" in site.variables:
        site.manage("migrate", "--verbosity", "0")
    else:
        subprocess.run(["cp", "-a", f"{_empty_site()}/.", home], check=True)
    return site


def _empty_site() -> Path:
    """Return the home of the site that others are copied from."""
    made = Path(os.environ[OWN_HOME], "empty-site")
    with made.with_suffix(".lock").open("w") as lock:
        # Of the workers of the test run the first makes it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            draft = made.with_suffix(".new")
            draft.mkdir()
            Site(draft, {}).manage("migrate", "--verbosity", "0")
            # Each site has a key of its own.
            (draft / "secret_key").unlink()
            draft.rename(made)
    return made


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
