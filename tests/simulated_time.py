"""Simulated time: it passes only while the code under test waits, so that deadlines do not depend on a busy machine.

`SimulatedTime` stands in for the module `time` wherever the catalogue's storages use it. It also replaces the sockets
on which they wait for an object store: such a socket waits until bytes come, however long that takes, or until the gate
in front of the store announces silence. Then it advances the simulated time by its timeout and raises TimeoutError.
"""

import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import pytest
import urllib3.connection

from tests.live import PATIENCE

if TYPE_CHECKING:
    from tests.object_store import ObjectStore


class SimulatedTime:
    """Use in place of the module `time`; whatever is not simulated is that module's."""

    def __init__(self) -> None:
        self._now = 1_000_000.0
        self._lock = threading.Lock()
        self._sockets: WeakValueDictionary[int, _WaitingSocket] = WeakValueDictionary()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def monotonic(self) -> float:
        """Simulated seconds since a moment in the past."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Advance the simulated time and return at once."""
        with self._lock:
            self._now += seconds

    def watch(self, connected: socket.socket) -> socket.socket:
        """Return a socket for the same connection whose timeouts are simulated."""
        port = connected.getsockname()[1]
        watched = _WaitingSocket(connected, self)
        self._sockets[port] = watched
        return watched

    def keep_silent(self, port: int, seconds: float, *, stopped: Callable[[], bool]) -> bool:
        """Send nothing for `seconds` of simulated time to the client at this port.

        Return False at once when the client's time is not simulated.
        Raise ConnectionAbortedError when the client gives up first, or `stopped` is true.
        """
        client = self._sockets.get(port)
        if client is None:
            return False
        silence = client.silence = _Silence(seconds)
        while not silence.over.wait(0.01):
            if stopped() or client.fileno() == -1:
                raise ConnectionAbortedError
        return True


class _Silence:
    """What is left, in simulated seconds, of the time in which nothing comes."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.over = threading.Event()


class _WaitingSocket(socket.socket):
    def __init__(self, connected: socket.socket, clock: SimulatedTime) -> None:
        self.silence: _Silence | None = None
        self._timeout = connected.gettimeout()
        self._clock = clock
        super().__init__(connected.family, connected.type, connected.proto, connected.detach())
        super().settimeout(None)

    def settimeout(self, value: float | None) -> None:
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    def recv_into(self, *arguments: Any) -> int:
        until = time.monotonic() + PATIENCE
        while True:
            # What was sent before a silence began is received first: look for the silence, then for bytes.
            silence = self.silence
            if select.select([self], [], [], 0 if silence else 0.01)[0]:
                return super().recv_into(*arguments)
            if silence:
                self._endure(silence)
            elif time.monotonic() > until:
                raise AssertionError("neither bytes nor an announced silence came")

    def _endure(self, silence: _Silence) -> None:
        if self._timeout is not None and self._timeout < silence.left:
            self._clock.sleep(self._timeout)
            silence.left -= self._timeout
            raise TimeoutError("timed out, in simulated time")
        self._clock.sleep(silence.left)
        self.silence = None
        silence.over.set()


@pytest.fixture
def simulated_time(object_store: "ObjectStore", monkeypatch: pytest.MonkeyPatch) -> SimulatedTime:
    """The time of the object store, and of the catalogue's storages that are made during the test."""
    import catalogue.storage.s3  # noqa: F401 - its modules are those whose time is replaced

    clock = SimulatedTime()
    for name, module in list(sys.modules.items()):
        if name.startswith("catalogue.storage") and getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", clock)
    connect = urllib3.connection.HTTPConnection._new_conn
    monkeypatch.setattr(
        urllib3.connection.HTTPConnection, "_new_conn", lambda self: clock.watch(connect(self))
    )
    object_store.gate.time = clock
    return clock
