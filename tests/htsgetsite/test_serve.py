"""The server process: readiness, workers, static files, bodies that break, and its end."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.live import PATIENCE, Site, free_port, make_site, served
from tests.long_runs import every
from tests.paths import PROJECT

MEBIBYTE = 1 << 20
#: Say that a migration was made, or that it was not.
RECORD = (
    "from django.db import connection; from django.db.migrations.recorder import MigrationRecorder; "
    "MigrationRecorder(connection).record_{}('sessions', '0001_initial')"
)


@dataclass(frozen=True, slots=True)
class Running:
    """A site that serves, the process of its server, and its port."""

    site: Site
    process: psutil.Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(site: Site, *, workers: int = 1) -> Iterator[Running]:
    with served(site, workers=workers) as answering:
        [process] = [
            child
            for child in psutil.Process().children()
            if child.status() != psutil.STATUS_ZOMBIE
            and "serve" in child.cmdline()
            and str(urlsplit(answering.url).port) in child.cmdline()
        ]
        yield Running(answering, process, urlsplit(answering.url).port or 0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(make_site(tmp_path_factory.mktemp("home")), workers=2) as server:
        yield server


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("fresh"))


def test_health_and_readiness(shared: Running) -> None:
    alive = requests.get(f"{shared.url}/healthz")
    assert (alive.status_code, alive.text) == (200, "alive\n")
    ready = requests.get(f"{shared.url}/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True,
        "parts": dict.fromkeys(
            ("database", "migrations", "home", "storage sequences", "storage files"), "ok"
        ),
    }
    assert "no-store" in ready.headers["Cache-Control"]
    assert "Set-Cookie" not in ready.headers


def test_a_storage_that_is_gone_is_told_without_its_path(shared: Running) -> None:
    folder = shared.site.home / "files"
    folder.rename(shared.site.home / "elsewhere")
    try:
        ready = requests.get(f"{shared.url}/readyz")
        alive = requests.get(f"{shared.url}/healthz")
    finally:
        (shared.site.home / "elsewhere").rename(folder)
    assert ready.status_code == 503
    assert ready.json()["parts"]["storage files"] == "down"
    assert ready.json()["parts"]["storage sequences"] == "ok"
    assert str(shared.site.home) not in ready.text
    assert alive.status_code == 200


def test_home_page_and_static_files_need_no_other_server(shared: Running) -> None:
    page = requests.get(shared.url)
    assert page.status_code == 200
    assert 'href="/sequence/service-info"' in page.text and f"{shared.url}/sequence/" in page.text
    script = requests.get(f"{shared.url}/static/portal/portal.js")
    assert script.status_code == 200 and "javascript" in script.headers["Content-Type"]
    for path in ("/static/portal/portal.css", "/static/admin/css/base.css"):
        static = requests.get(shared.url + path)
        assert static.status_code == 200
        assert static.headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize("up", ["../", "%2e%2e/", "..%2f", "%2e%2e%2f"])
def test_static_files_lead_to_no_others(shared: Running, up: str) -> None:
    assert (PROJECT / "portal" / "static" / "portal" / ".." / ".." / "urls.py").exists()
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=PATIENCE)
    # Not by requests, which would resolve the path.
    connection.request("GET", f"/static/portal/{up}{up}urls.py")
    answer = connection.getresponse()
    assert answer.status == 404 and b"urlpatterns" not in answer.read()
    connection.close()


def test_admin_keeps_its_guards(shared: Running) -> None:
    session = requests.Session()
    page = session.get(f"{shared.url}/admin/", allow_redirects=True)
    assert page.url.endswith("/admin/login/?next=/admin/")
    assert page.headers["X-Frame-Options"] == "DENY"
    refused = session.post(f"{shared.url}/admin/login/", data={"username": "a", "password": "b"})
    assert refused.status_code == 403


def test_a_body_that_falls_short_breaks_the_connection(shared: Running) -> None:
    size = 64 * MEBIBYTE
    checksum = _make_sequence(shared.site, length=size, stored=size)
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=PATIENCE)
    connection.request("GET", f"/sequence/{checksum}")
    response = connection.getresponse()
    assert response.status == 200
    assert response.getheader("Content-Length") == str(size)
    response.read(MEBIBYTE)
    # The server is ahead of the client by what the sockets hold, a few megabytes.
    os.truncate(shared.site.home / "sequences" / checksum, 0)
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()
    assert requests.get(f"{shared.url}/healthz").status_code == 200


def _make_sequence(site: Site, *, length: int, stored: int) -> str:
    """A sequence of `length` residues of which `stored` are in its blob; gives back its name."""
    md5, sha512t24u = secrets.token_hex(16), secrets.token_hex(24)
    place = site.home / "sequences" / md5
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"A" * stored)
    site.manage(
        "shell",
        "-v0",
        "-c",
        "from catalogue.models import ResidueBlob, Sequence\n"
        f"blob = ResidueBlob.objects.create(storage='sequences', key='{md5}', size={length})\n"
        f"Sequence.objects.create(md5=bytes.fromhex('{md5}'), sha512t24u=bytes.fromhex('{sha512t24u}'),\n"
        f"    length={length}, blob=blob, offset=0)",
    )
    return md5


def test_a_second_server_on_the_port_is_refused(shared: Running) -> None:
    done = shared.site.manage("serve", "--port", str(shared.port), check=False)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {shared.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_worker_is_replaced(shared: Running) -> None:
    before = _workers(shared)
    assert len(before) == 2
    victim = min(before)
    psutil.Process(victim).kill()
    deadline = time.monotonic() + PATIENCE
    while victim in (now := _workers(shared)) or len(now) < 2:
        assert time.monotonic() < deadline, "no new worker"
        time.sleep(0.1)
    for _ in range(10):
        assert requests.get(f"{shared.url}/readyz", timeout=PATIENCE).status_code == 200


def _workers(server: Running) -> set[int]:
    return {
        child.pid
        for child in server.process.children()
        if child.status() != psutil.STATUS_ZOMBIE and "serve" in child.cmdline()
    }


@pytest.mark.parametrize("sent", every(2, [signal.SIGTERM, signal.SIGINT]))
def test_a_running_download_is_finished_before_the_end(fresh: Site, sent: signal.Signals) -> None:
    size = 40 * MEBIBYTE
    checksum = _make_sequence(fresh, length=size, stored=size)
    with running(fresh) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(
            f"GET /sequence/{checksum} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        received = bytearray(client.recv(4096))
        server.process.send_signal(sent)
        _await_no_listener(server.port)
        while piece := client.recv(MEBIBYTE):
            received += piece
        assert len(received.partition(b"\r\n\r\n")[2]) == size
        assert server.process.wait(timeout=PATIENCE) == 0


def _await_no_listener(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    with suppress(ConnectionRefusedError):
        while time.monotonic() < deadline:
            socket.create_connection(("127.0.0.1", port)).close()
            time.sleep(0.05)
        raise AssertionError("the server goes on listening")


@pytest.mark.parametrize("sent", every(3, [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]))
def test_the_whole_group_is_told_while_workers_still_start(fresh: Site, sent: signal.Signals) -> None:
    """As a terminal and some supervisors do.

    A worker that is told in the instant in which Granian prepares it may miss that, and is killed after GRACE.
    """
    server = subprocess.Popen(
        [sys.executable, PROJECT / "manage.py", "serve", "--port", str(free_port()), "--workers", "3"],
        cwd=PROJECT,
        env=fresh.environment(),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert server.stdout is not None
    assert server.stdout.readline().startswith(b"Serving on")
    os.killpg(server.pid, sent)
    server.communicate(timeout=PATIENCE)
    assert server.returncode == 0


def test_no_worker_outlives_a_killed_server(fresh: Site) -> None:
    with running(fresh, workers=2) as server:
        workers = _workers(server)
        server.process.kill()
        deadline = time.monotonic() + PATIENCE
        while any(psutil.pid_exists(worker) and not _is_zombie(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_missing_migrations_are_told_before_the_start(fresh: Site) -> None:
    fresh.manage("shell", "-v0", "-c", RECORD.format("unapplied"))
    done = fresh.manage("serve", check=False)
    fresh.manage("shell", "-v0", "-c", RECORD.format("applied"))
    assert done.returncode == 1
    assert "1 migrations are missing, first sessions.0001_initial" in done.stderr
    assert "manage.py migrate" in done.stderr
