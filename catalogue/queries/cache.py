"""A cache of look-ups in the process, bounded in bytes."""

import threading
import time
from collections import OrderedDict

from catalogue.metrics import CACHE_LOOKUPS


class Cache:
    """A least-recently-used cache bounded by the sum of its values' bytes. Safe to use from several threads."""

    #: Approximate overhead of an entry in bytes.
    OVERHEAD = 512

    def __init__(self, name: str, max_bytes: int) -> None:
        """`name` is what its hits and misses are counted under."""
        self._hit = CACHE_LOOKUPS.labels(name, "hit")
        self._miss = CACHE_LOOKUPS.labels(name, "miss")
        self._max_bytes = max_bytes
        self._held = 0
        self._entries: OrderedDict[tuple[object, ...], tuple[object, int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> object | None:
        """Return the value of a key; None if it is absent, expired or evicted."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[2] < time.monotonic():
                self._miss.inc()
                return None
            self._entries.move_to_end(key)
        self._hit.inc()
        return entry[0]

    def put(
        self, key: tuple[object, ...], value: object, size: int, *, seconds: float = float("inf")
    ) -> None:
        """Store a value of `size` bytes, for at most `seconds`."""
        size += self.OVERHEAD
        with self._lock:
            if key in self._entries:
                self._held -= self._entries.pop(key)[1]
            if size > self._max_bytes:
                return
            self._entries[key] = (value, size, time.monotonic() + seconds)
            self._held += size
            while self._held > self._max_bytes:
                self._held -= self._entries.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._entries.clear()
            self._held = 0
