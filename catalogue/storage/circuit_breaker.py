"""A circuit breaker: calls fail at once while a store is known to be unresponsive."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from catalogue.errors import StorageUnavailable

#: Seconds for which calls fail at once after a call without an answer.
OPEN_SECONDS = 5.0


class CircuitBreaker:
    """Opens for `OPEN_SECONDS` after a call without an answer; then one probe goes ahead, and closes it if answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open_until: float | None = None
        self._probing = False
        self._answered = 0.0

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """Run the body, or raise StorageUnavailable at once while the circuit is open."""
        is_probe = False
        if self._open_until is not None:
            with self._lock:
                if self._open_until is not None:
                    if self._probing or time.monotonic() < self._open_until:
                        raise StorageUnavailable(f"storage {name!r} did not answer a moment ago")
                    self._probing = is_probe = True
        try:
            yield
        finally:
            if is_probe:
                self._probing = False

    def record_silence(self, *, since: float) -> None:
        """Open the circuit, unless the store answered another call after the monotonic time `since`."""
        with self._lock:
            if self._answered < since:
                self._open_until = time.monotonic() + OPEN_SECONDS

    def record_answer(self) -> None:
        """Close the circuit: the store answered, even if with an error."""
        self._answered = time.monotonic()
        if self._open_until is not None:
            with self._lock:
                self._open_until = None
