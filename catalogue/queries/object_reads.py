"""Reads ranges of a file in an object store for one ticket: several concurrently, and frequent ones from a cache.

Every read sends the ETag of the registered object, so that no other request is needed to check it. Edges of answers are
cached in the process, up to `MAX_CACHED_BYTES` in total and each for `CACHED_SECONDS`. Access was decided by the
caller.
"""

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from catalogue.formats import PrefetchingReader
from catalogue.queries.cache import Cache
from catalogue.storage import Storage

MAX_CACHED_BYTES = 64 << 20
CACHED_SECONDS = 300.0
#: Upper bound of cached reads in bytes: a longer one would evict many.
_MAX_CACHED_READ = 2 << 20
#: Concurrent prefetches of a process.
_MAX_READS = 16

_edges = Cache("objects", MAX_CACHED_BYTES)
_pool = ThreadPoolExecutor(_MAX_READS, thread_name_prefix="edge")


def forget_edges() -> None:
    """Empty the cache of this process."""
    _edges.clear()


def _renew_pool() -> None:
    # A forked process does not inherit threads.
    global _pool
    _pool = ThreadPoolExecutor(_MAX_READS, thread_name_prefix="edge")


os.register_at_fork(after_in_child=_renew_pool)


@dataclass(slots=True)
class _Expected:
    offset: int
    length: int
    reading: Future[bytes]


class ObjectReader(PrefetchingReader):
    """Reads the object `key` of `size` bytes in the state `etag`. For one thread.

    Raises the errors of `Storage.read_range`.
    """

    def __init__(self, place: Storage, key: str, *, size: int, etag: str) -> None:
        self._place = place
        self._key = key
        self._size = size
        self._etag = etag
        self._expected: list[_Expected] = []

    def __call__(self, offset: int, length: int) -> bytes:
        length = min(length, self._size - offset)
        if length <= 0:
            return b""
        known = _edges.get(self._name(offset, length))
        if isinstance(known, bytes):
            return known
        for expected in self._expected:
            begin = offset - expected.offset
            if begin >= 0 and begin + length <= expected.length:
                return self._arrived(expected)[begin : begin + length]
        return self._read(offset, length)

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Begin to read several ranges (offset, length) concurrently; a single one is read on demand."""
        wanted = []
        for offset, length in ranges:
            length = min(length, self._size - offset)
            if length > 0 and _edges.get(self._name(offset, length)) is None:
                wanted.append((offset, length))
        if len(wanted) > 1:
            self._expected += [
                _Expected(offset, length, _pool.submit(self._read, offset, length))
                for offset, length in wanted
            ]

    def close(self) -> None:
        """Cancel reads that have not started."""
        for expected in self._expected:
            expected.reading.cancel()

    def _arrived(self, expected: _Expected) -> bytes:
        # If all threads of the pool wait for a slow store, read in this thread instead.
        if expected.reading.cancel():
            expected.reading = Future()
            expected.reading.set_result(self._read(expected.offset, expected.length))
        return expected.reading.result()

    def _read(self, offset: int, length: int) -> bytes:
        data = self._place.read_range(self._key, offset, length, etag=self._etag)
        if length <= _MAX_CACHED_READ:
            _edges.put(self._name(offset, length), data, length, seconds=CACHED_SECONDS)
        return data

    def _name(self, offset: int, length: int) -> tuple[object, ...]:
        return self._place, self._key, self._etag, offset, length
