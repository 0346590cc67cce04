"""Slow, silent and too many connections: which are closed, and that the site answers beside those that are not yet."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest
import requests

from htsgetsite import connection_guard
from htsgetsite.connection_guard import MAX_SILENT, MAX_SLOW, MIN_BYTES, WINDOW, ConnectionGuard
from tests.live import PATIENCE, Site, make_site, served

MEBIBYTE = 1 << 20


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Lines:
    """A listening socket of this process, and pairs of a client and what was accepted for it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def open(self, source: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
        client = socket.create_connection(
            self._listening.getsockname(), source_address=(source, 0), timeout=PATIENCE
        )
        accepted, _ = self._listening.accept()
        for each in (client, accepted):
            self._stack.enter_context(each)
        return client, accepted


@pytest.fixture
def lines() -> Iterator[Lines]:
    with ExitStack() as stack:
        yield Lines(stack)


def is_closed(client: socket.socket) -> bool:
    """Whether the other end was shut down; what it still sent is read past."""
    client.setblocking(False)
    try:
        while client.recv(MEBIBYTE):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def sweeps(guard: ConnectionGuard, clock: Clock, windows: int) -> None:
    for _ in range(windows):
        clock.now += WINDOW
        guard.sweep()


def fill(accepted: socket.socket) -> None:
    """Write until the kernel takes no more: the client does not read."""
    accepted.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            accepted.send(b"x" * MEBIBYTE)


def test_a_client_that_does_not_read_is_closed(lines: Lines) -> None:
    client, accepted = lines.open()
    clock = Clock()
    guard = ConnectionGuard(max_per_address=None, clock=clock)
    fill(accepted)
    guard.sweep()
    sweeps(guard, clock, MAX_SLOW - 1)
    assert not is_closed(client), "a client has time to catch up"
    fill(accepted)
    sweeps(guard, clock, 1)
    guard.sweep()
    assert accepted.fileno() >= 0
    for _ in range(10):
        # The kernel may still hand over what was sent before, which counts as reading.
        sweeps(guard, clock, MAX_SLOW)
        if is_closed(client):
            break
    assert is_closed(client)


def test_a_client_that_sends_in_drops_is_closed(lines: Lines) -> None:
    client, _ = lines.open()
    clock = Clock()
    guard = ConnectionGuard(max_per_address=None, clock=clock)
    guard.sweep()
    for _ in range(MAX_SLOW):
        assert not is_closed(client)
        client.setblocking(True)
        client.sendall(b"x" * 10)
        sweeps(guard, clock, 1)
    assert is_closed(client)


def test_a_client_that_sends_fast_enough_is_not(lines: Lines) -> None:
    client, accepted = lines.open()
    clock = Clock()
    guard = ConnectionGuard(max_per_address=None, clock=clock)
    guard.sweep()
    for _ in range(3 * MAX_SLOW):
        client.setblocking(True)
        client.sendall(b"x" * MIN_BYTES)
        left = MIN_BYTES
        while left:
            left -= len(accepted.recv(left))
        sweeps(guard, clock, 1)
    assert not is_closed(client)


def test_a_silent_connection_is_closed_late(lines: Lines) -> None:
    """A request may be answered slowly, and then nothing moves."""
    client, _ = lines.open()
    clock = Clock()
    guard = ConnectionGuard(max_per_address=None, clock=clock)
    guard.sweep()
    sweeps(guard, clock, MAX_SILENT - 1)
    assert not is_closed(client)
    sweeps(guard, clock, 1)
    assert is_closed(client)


def test_the_newest_of_one_address_are_closed(lines: Lines) -> None:
    guard = ConnectionGuard(max_per_address=3, clock=Clock())
    first = [lines.open()[0] for _ in range(3)]
    guard.sweep()
    more = [lines.open()[0] for _ in range(2)]
    other, _ = lines.open("127.0.0.9")
    guard.sweep()
    assert [is_closed(client) for client in first] == [False] * 3
    assert [is_closed(client) for client in more] == [True] * 2
    assert not is_closed(other)


def test_other_sockets_are_left_alone() -> None:
    """What this process has opened itself, such as connections to the database, is no client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
        found = list(connection_guard.accepted_connections())
        assert [peer for _, _, peer in found] == [client.getsockname()]
        for _, each, _ in found:
            each.close()
        client.close()
        accepted.close()


# --- The site ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("home"), demo=True)
    residues = site.home / "large.fa"
    residues.write_text(">large\n" + "ACGT" * 8_000_000 + "\n")
    site.manage("ingest_fasta", residues, "--authority", "test")
    return site


def slow_client(stack: ExitStack, port: int, number: int, request: bytes) -> socket.socket:
    """A client from one of forty addresses, which has sent `request` and does no more."""
    client = stack.enter_context(
        socket.create_connection(
            ("127.0.0.1", port), source_address=(f"127.0.1.{number % 40}", 0), timeout=PATIENCE
        )
    )
    client.sendall(request)
    return client


def test_slow_clients_do_not_stop_the_site(site: Site) -> None:
    with served(site) as answering, ExitStack() as stack:
        port = int(answering.url.rpartition(":")[2])
        large = requests.get(f"{answering.url}/sequence/test:large/metadata", timeout=PATIENCE).json()
        digest = large["metadata"]["md5"].encode()
        # Known to the process from now on: a hundred look-ups at once could outlast the wait for a connection.
        requests.get(f"{answering.url}/sequence/{digest.decode()}?start=0&end=1", timeout=PATIENCE)
        readers = [
            slow_client(
                stack, port, number, b"GET /sequence/" + digest + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            )
            for number in range(120)
        ]
        senders = [
            slow_client(
                stack,
                port,
                number,
                b"POST /reads/demo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                b"Content-Length: 1000\r\n\r\n{",
            )
            for number in range(120)
        ]
        for reader in readers:
            told = reader.recv(1024)
            assert told.startswith(b"HTTP/1.1 200"), (site.home / "server.log").read_text()[-2000:]
        ask = [
            ("/healthz", 200),
            ("/readyz", 200),
            ("/sequence/demo:pDemo?start=0&end=50", 200),
            ("/variants/service-info", 200),
        ]
        for _ in range(3):
            for path, status in ask:
                assert requests.get(answering.url + path, timeout=PATIENCE).status_code == status
        for sender in senders:
            sender.setblocking(False)
            with pytest.raises(BlockingIOError):
                sender.recv(1)


def test_a_database_that_hangs_stops_only_what_needs_it(site: Site) -> None:
    with served(site) as answering, ThreadPoolExecutor(100) as threads, ExitStack() as stack:
        cached = "/sequence/demo:pDemo/metadata"
        digest = requests.get(answering.url + cached, timeout=PATIENCE).json()["metadata"]["md5"]
        residues = requests.get(f"{answering.url}/sequence/{digest}", timeout=PATIENCE)
        assert residues.status_code == 200
        number = int((site.home / "postgres" / "postmaster.pid").read_text().split()[0])
        postgres = psutil.Process(number)
        hung = [postgres, *postgres.children()]
        for process in hung:
            process.suspend()
            stack.callback(process.resume)
        waiting = [
            threads.submit(requests.get, f"{answering.url}/sequence/test:{name}", timeout=PATIENCE)
            for name in range(100)
        ]
        for _ in range(3):
            assert requests.get(f"{answering.url}/healthz", timeout=PATIENCE).status_code == 200
            again = requests.get(f"{answering.url}/sequence/{digest}", timeout=PATIENCE)
            assert again.content == residues.content
        stack.close()
        assert {answer.result().status_code for answer in waiting} <= {404, 503}
        assert requests.get(f"{answering.url}/readyz", timeout=PATIENCE).status_code == 200
