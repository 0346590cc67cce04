"""Shows the progress of a long command in one line of a terminal."""

import sys
import threading
import time
from typing import Self, TextIO

_EVERY = 0.2
_WIDTH = 24


class ProgressLine:
    """Shows the amount done, the rate, and the time left; nothing if `stream` is not a terminal.

    One `unit` is `size` counts. Context manager that clears the line at its end. `advance` is thread-safe.
    """

    def __init__(self, *, stream: TextIO | None = None, unit: str = "MB", size: float = 1e6) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._unit, self._size = unit, size
        self._shown = self._stream.isatty()
        self._lock = threading.Lock()
        self._label = ""
        self._total: int | None = None
        self._begun = self._next = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def start(self, label: str, total: int | None) -> None:
        """Begin the next input, of `total` counts if known."""
        with self._lock:
            self._label, self._total, self._begun = label, total, time.monotonic()
            # A rate is meaningless before some time has passed.
            self._next = self._begun + _EVERY

    def advance(self, count: int) -> None:
        """Show that `count` counts of the input are done."""
        now = time.monotonic()
        if not self._shown or now < self._next:
            return
        with self._lock:
            self._next = now + _EVERY
            self._stream.write("\r\x1b[K" + self._text(count, now - self._begun))
            self._stream.flush()

    def wipe(self) -> None:
        """Clear the line, so that other output can be written."""
        if self._shown:
            with self._lock:
                self._stream.write("\r\x1b[K")
                self._stream.flush()

    def _text(self, count: int, seconds: float) -> str:
        rate = count / seconds if seconds > 0 else 0.0
        text = f"{self._label[-40:]}  {count / self._size:,.0f} {self._unit}  {rate / self._size:,.0f} {self._unit}/s"
        if self._total:
            share = min(count / self._total, 1.0)
            bar = "#" * round(share * _WIDTH)
            left = (self._total - count) / rate if rate else 0.0
            text = f"{text}  [{bar:<{_WIDTH}}] {share:4.0%}  {max(left, 0):.0f} s left"
        return text
