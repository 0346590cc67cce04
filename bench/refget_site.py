"""Code that the measurements of refget share: a site with random sequences, server processes, and a load generator.

Run from the project's root, e.g. `.venv/bin/python -m bench.refget_slices`.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import socket

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def own_site(storages: Mapping[str, str] | None = None, *, database: str = "") -> Iterator[Path]:
    """Set up a migrated site in a new home for this process; remove everything afterwards.

    `storages` are names and URLs of additional storages. `database` is the URL of a database to use in place of one of
    its own; it stays, with what was written.
    """
    home = Path(tempfile.mkdtemp(prefix="htsgetsite-bench-"))
    for name in ("DATABASE_URL", "HTSGETSITE_STORAGES", "REFGET_SUBSEQUENCE_LIMIT", "DEBUG", "SECRET_KEY"):
        os.environ.pop(name, None)
    if database:
        more = {"DATABASE_URL": database, "SECRET_KEY": os.urandom(32).hex(), "ALLOWED_HOSTS": "localhost"}
        os.environ.update(more)
    os.environ["HTSGETSITE_STORAGES"] = json.dumps(dict(storages or {}))
    os.environ["HTSGETSITE_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "htsgetsite.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    try:
        yield home
    finally:
        from django.db import connections

        from htsgetsite.embedded.base import embedded_server

        connections.close_all()
        if not database:
            embedded_server().leave()
        shutil.rmtree(home, ignore_errors=True)


def make_residues(length: int, seed: int) -> bytes:
    """Return `length` random bases."""
    return random.Random(seed).randbytes(length).translate(bytes(b"ACGT"[byte & 3] for byte in range(256)))


def hold(residues: bytes) -> str:
    """Store one sequence as a blob of its own; return its md5."""
    from catalogue.formats.digests import sequence_digests
    from catalogue.models import ResidueBlob
    from catalogue.models import Sequence as SequenceRow
    from catalogue.storage import SEQUENCES, storage

    digests = sequence_digests(residues)
    place = storage(SEQUENCES)
    key = f"{digests.md5_hex[:2]}/{digests.md5_hex[2:4]}/{digests.md5_hex[4:]}"
    path = place.staging() / digests.md5_hex
    path.write_bytes(residues)
    place.put(path, key)
    blob = ResidueBlob.objects.create(storage=SEQUENCES, key=key, size=len(residues))
    SequenceRow.objects.create(
        md5=digests.md5, sha512t24u=digests.sha512t24u, length=len(residues), blob=blob, offset=0
    )
    return digests.md5_hex


@contextlib.contextmanager
def serving(app: str, *, workers: int = 1) -> Iterator[str]:
    """Run a server of `bench.refget_apps` and yield its URL; `app` is `site` or the name of a callable there."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", str(workers)]
    if app != "site":
        command = [sys.executable, "-m", "bench.refget_apps", app, str(port), str(workers)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        await_answer(f"{url}/healthz")
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def await_answer(url: str) -> None:
    """Wait until the URL gives any answer."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a load generator: requests a second, and latencies in milliseconds."""

    rate: float
    median: float
    p99: float
    errors: int


_LUA = """
local targets = {}
for line in io.lines(os.getenv("TARGETS")) do targets[#targets + 1] = line end
math.randomseed(tonumber(os.getenv("SEED")))
request = function() return wrk.format("GET", targets[math.random(#targets)]) end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"rate": %f, "median": %f, "p99": %f, "errors": %d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def press(url: str, targets: Sequence[str], *, seconds: int, connections: int = 16, seed: int = 1) -> Load:
    """Request random `targets` over keep-alive connections, with one thread of wrk."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script, listed = Path(folder, "load.lua"), Path(folder, "targets")
        script.write_text(_LUA)
        listed.write_text("\n".join(targets) + "\n")
        said = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, url],
            env={**os.environ, "TARGETS": str(listed), "SEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    found = re.search(r"RESULT (.*)", said)
    assert found is not None, said
    return Load(**json.loads(found[1]))
