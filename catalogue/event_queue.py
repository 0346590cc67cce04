"""A queue of events that a thread writes in batches, so that a request does not wait for its own."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError

log = logging.getLogger(__name__)

T = TypeVar("T")


class EventQueue(Generic[T]):
    """Holds at most `max_waiting` rows, and gives them to `write` within `seconds`, in order.

    Rows that cannot be written are kept and tried again; what cannot be written at the end either is logged. `what` the
    rows are of is named in messages.
    """

    def __init__(
        self, write: Callable[[Sequence[T]], None], *, what: str, max_waiting: int, seconds: float
    ) -> None:
        self._write = write
        self._what = what
        self._max_waiting = max_waiting
        self._seconds = seconds
        self._waiting: list[T] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, row: T) -> bool:
        """Take a row; return False if the caller must write it itself, because the queue is full or closed."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._max_waiting:
                return False
            self._waiting.append(row)
            if len(self._waiting) == 1:
                self._changed.notify()
            return True

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        for row in self._waiting:
            log.critical("An event was not written to the %s: %s", self._what, row)

    def _run(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                # More rows gather meanwhile; closing cuts it short.
                self._changed.wait_for(lambda: self._closed, timeout=self._seconds)
            self._flush()
        self._flush()

    def _flush(self) -> None:
        # Rows stay counted until they are written, so that the queue is bounded while the database is away.
        rows = list(self._waiting)
        if not rows:
            return
        try:
            self._write(rows)
        except Exception as error:
            expected = isinstance(error, OperationalError | InterfaceError)
            told = " ".join(str(error).split())
            log.error(
                "%d events of the %s are not written yet: %s",
                len(rows),
                self._what,
                told,
                exc_info=not expected,
            )
            return
        with self._changed:
            del self._waiting[: len(rows)]
