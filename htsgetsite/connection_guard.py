"""Close connections that are too slow, silent for too long, or too many from one address.

Granian answers each request in a thread, which waits while its client sends or receives a body. A worker has as many
threads as connections, so that slow clients cannot use up all threads; this guard limits how long they may be slow. It
reads the kernel's counters of each socket, and so works on Linux only. On other systems use nginx in front.
"""

import contextlib
import errno
import fcntl
import logging
import os
import socket
import struct
import sys
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from catalogue.rate_limits import network_of

log = logging.getLogger(__name__)

#: Seconds between two sweeps of all connections.
INTERVAL: Final = 2.0
#: Seconds over which progress is measured.
WINDOW: Final = 30.0
#: Bytes that a client must send or receive in a window during a body: 1 KiB a second.
MIN_BYTES: Final = 30 << 10
#: Windows in a row after which a connection is closed: slow, or without any bytes.
MAX_SLOW: Final = 2
MAX_SILENT: Final = 4

# Offset of tcpi_bytes_acked and tcpi_bytes_received in struct tcp_info (linux/tcp.h).
_COUNTERS_OFFSET: Final = 120
_COUNTERS: Final = struct.Struct("=QQ")


class Traffic(NamedTuple):
    """Byte counts of one connection: acknowledged by the client, received from it, and sent but not acknowledged."""

    acknowledged: int
    received: int
    queued: int


@dataclass(slots=True)
class _Watch:
    """The state of one connection: its traffic at the start of the window, and its slow and silent windows in a row."""

    began: float
    traffic: Traffic
    slow: int = 0
    silent: int = 0

    def advance(self, now: float, traffic: Traffic) -> str | None:
        """Judge the window if it has ended; return why to close the connection, or None."""
        if now - self.began < WINDOW:
            return None
        sent = traffic.acknowledged - self.traffic.acknowledged
        received = traffic.received - self.traffic.received
        receiving_slowly = self.traffic.queued > 0 < traffic.queued and sent < MIN_BYTES
        sending_slowly = sent == 0 and 0 < received < MIN_BYTES
        self.slow = self.slow + 1 if receiving_slowly or sending_slowly else 0
        self.silent = self.silent + 1 if sent == received == 0 else 0
        self.began, self.traffic = now, traffic
        if self.slow >= MAX_SLOW:
            return "too slow"
        return "silent" if self.silent >= MAX_SILENT else None


class ConnectionGuard:
    """Watch the connections that this process has accepted. `max_per_address` of None means no limit."""

    def __init__(self, *, max_per_address: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_per_address = max_per_address
        self._clock = clock
        self._watches: dict[tuple[int, str], _Watch] = {}

    def start(self) -> None:
        """Start a thread that sweeps until the process ends."""
        if sys.platform == "linux":
            threading.Thread(target=self._run, name="connection-guard", daemon=True).start()

    def sweep(self) -> None:
        """Check every accepted connection once, and close those that break a rule."""
        now = self._clock()
        counts: Counter[str | None] = Counter()
        seen: dict[tuple[int, str], _Watch] = {}
        with contextlib.ExitStack() as opened:
            accepted = [
                (number, opened.enter_context(each), peer) for number, each, peer in accepted_connections()
            ]
            # Known connections come first, so that new ones are closed when an address has too many.
            accepted.sort(key=lambda each: (each[0], str(each[2])) not in self._watches)
            for number, connection, peer in accepted:
                traffic = _traffic(connection)
                if traffic is None:
                    continue
                watch = self._watches.get((number, str(peer))) or _Watch(now, traffic)
                seen[number, str(peer)] = watch
                network = network_of(peer[0])
                counts[network] += 1
                if self._max_per_address is not None and counts[network] > self._max_per_address:
                    _close(connection, peer[0], "too many from its address")
                elif reason := watch.advance(now, traffic):
                    _close(connection, peer[0], reason)
        self._watches = seen

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except OSError:
                log.exception("cannot check the connections")
            time.sleep(INTERVAL)


def accepted_connections() -> Iterator[tuple[int, socket.socket, tuple[str, int]]]:
    """Yield (descriptor, duplicate socket, peer) of each connection that this process accepted.

    A connection counts as accepted if its port is that of a listening socket. The caller closes the sockets.
    """
    listening: set[int] = set()
    found: list[tuple[int, socket.socket]] = []
    for number in _sockets():
        try:
            # A duplicate, because the server may close its descriptor at any time and the number be used again.
            each = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if each.family not in {socket.AF_INET, socket.AF_INET6} or each.type != socket.SOCK_STREAM:
            each.close()
        elif each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listening.add(each.getsockname()[1])
            each.close()
        else:
            found.append((number, each))
    for number, each in found:
        try:
            own, peer = each.getsockname()[1], each.getpeername()
        except OSError:
            own, peer = None, None
        if own in listening:
            yield number, each, peer
        else:
            each.close()


def _sockets() -> Iterator[int]:
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                yield int(name)


def _traffic(connection: socket.socket) -> Traffic | None:
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    except OSError as error:
        if error.errno in {errno.EBADF, errno.ENOTCONN, errno.EINVAL}:
            return None
        raise
    acknowledged, received = _COUNTERS.unpack_from(info, _COUNTERS_OFFSET)
    return Traffic(acknowledged, received, queued=struct.unpack("i", queued)[0])


def _close(connection: socket.socket, address: str, reason: str) -> None:
    """Shut the connection down, so that the server's read or write fails and frees its thread."""
    log.info("closing a connection of %s: %s", address, reason)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
