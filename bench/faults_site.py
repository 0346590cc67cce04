"""What `bench.faults` runs and breaks: a site, its PostgreSQL, an object store and small disks."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import socket
from typing import Final

import psutil

from bench.refget_site import ROOT, await_answer

_FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_MAKE_TOKEN: Final = """
from django.contrib.auth.models import User
from catalogue.api_tokens import issue
user = User.objects.create_superuser("operator")
print(issue(user=user, name="load", scopes=["manage", "reads", "sequences", "variants"])[1])
"""


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Disk:
    """A small disk of its own: a tmpfs, which only root may mount."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._fill = folder / "fill"
        self._full = threading.Event()
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)

    def fill(self) -> None:
        """Fill it to the last byte, and again whenever something is removed, until `clear`."""
        self._full.set()
        self._top_up()
        self._keeper = threading.Thread(target=self._keep_full, daemon=True)
        self._keeper.start()

    def clear(self) -> None:
        """Make room again."""
        self._full.clear()
        self._keeper.join()
        self._fill.unlink()

    def _keep_full(self) -> None:
        while self._full.is_set():
            self._top_up()
            time.sleep(0.02)

    def _top_up(self) -> None:
        with self._fill.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 12)):
                pass

    def unmount(self) -> None:
        """Remove it."""
        subprocess.run(["umount", "-l", self.folder], check=False)


class Database:
    """A PostgreSQL server on a port of this machine."""

    def __init__(self, folder: Path) -> None:
        from htsgetsite.embedded.server import binaries

        self._data = folder / "data"
        self._log = folder / "postgres.log"
        self._programs = binaries()
        self.port = free_port()
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._account:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", "site", "--auth=trust", "-E", "UTF8", "--no-sync")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "site", "site")

    @property
    def url(self) -> str:
        """What DATABASE_URL has."""
        return f"postgresql://site@127.0.0.1:{self.port}/site"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100 "
            "-c max_wal_size=64MB -c min_wal_size=32MB -c shared_buffers=64MB"
        )
        self._run(
            "pg_ctl", "-D", str(self._data), "-l", str(self._log), "-w", "-t", "60", "-o", options, "start"
        )

    def is_up(self) -> bool:
        """Return whether the server runs."""
        done = self._run("pg_ctl", "-D", str(self._data), "status", check=False)
        return done.returncode == 0

    def stop(self, mode: str = "fast") -> None:
        """Stop it."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop", check=False)

    def restart(self) -> None:
        """Stop it as an operator would, and start it."""
        self.stop()
        self.start()

    def _run(self, program: str, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        account = self._account
        return subprocess.run(
            [str(self._programs / program), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=check,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
        )


class Store:
    """The object store of `bench.s3_store`, always on the same port."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def process(self) -> "subprocess.Popen[str]":
        """The process that runs."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "bench.s3_store", str(self._root), "--port", str(self.port)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


class Server:
    """`manage.py serve` with two workers and a worker of jobs; its log goes to a file."""

    def __init__(self, home: Path, log: Path, variables: Mapping[str, str]) -> None:
        self.home = home
        self.log = log
        self.variables = dict(variables)
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._clock = log.with_name("clock")
        self._process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        """Run a command, and return what it prints."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environment(),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def make_token(self) -> str:
        """Return an API token of an administrator."""
        return self.manage("shell", "--no-imports", "-c", _MAKE_TOKEN).strip().splitlines()[-1]

    def start(self, *, own_clock: bool = False) -> None:
        """Start it; with a clock of its own, `move_clock` works."""
        environment = self._environment()
        environment["METRICS_LISTEN"] = f"127.0.0.1:{self.metrics_port}"
        if own_clock:
            self.move_clock(0)
            environment |= {
                "LD_PRELOAD": str(_FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port), "--workers", "2"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=log
            )
        await_answer(f"{self.url}/healthz")

    def stop(self) -> float:
        """Stop it by SIGTERM; return the seconds that it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(120)
        return time.monotonic() - began

    def is_up(self) -> bool:
        """Return whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer requests."""
        assert self._process is not None
        return [
            child
            for child in psutil.Process(self._process.pid).children()
            if self.port in {each.laddr.port for each in child.net_connections() if each.status == "LISTEN"}
        ]

    def jobs(self) -> list[psutil.Process]:
        """Return the process that does background jobs."""
        assert self._process is not None
        return [child for child in psutil.Process(self._process.pid).children() if "work" in child.cmdline()]

    def move_clock(self, seconds: int) -> None:
        """Move the clock of all its processes; the monotonic clock goes on."""
        draft = self._clock.with_suffix(".new")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self._clock)

    def metrics(self) -> str:
        """Return what Prometheus reads."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/", timeout=30) as answer:
            return str(answer.read().decode())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables, "HTSGETSITE_HOME": str(self.home)}


def can_move_clocks() -> bool:
    """Return whether libfaketime is installed."""
    return _FAKETIME.exists()


@contextlib.contextmanager
def small_disks(top: Path, **megabytes: int) -> Iterator[dict[str, Disk]]:
    """Make disks by name below a folder; remove them, and it, at the end."""
    disks: dict[str, Disk] = {}
    try:
        for name, size in megabytes.items():
            disks[name] = Disk(top / name, size)
        yield disks
    finally:
        for disk in disks.values():
            disk.unmount()
        shutil.rmtree(top, ignore_errors=True)


def storages(store: Store) -> str:
    """Return HTSGETSITE_STORAGES with the bucket of the store."""
    return json.dumps({"far": f"s3://bucket?endpoint_url=http://127.0.0.1:{store.port}&region=eu-west-2"})
