"""Reads ranges of a file in an object store, for one ticket: several at once, and frequent ones from a cache.

Every read names the ETag of the registered object, so that the store need not be asked about it otherwise. Edges of
answers are cached in the process, up to `MAX_CACHED_BYTES` in all and each for `CACHED_SECONDS`. Callers have passed
the access decision.
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
#: Longer reads are not cached: one would evict many.
_MAX_CACHED_READ = 2 << 20
#: Concurrent reads of a process, beside those that requests make themselves.
_MAX_READS = 16

_edges = Cache(MAX_CACHED_BYTES)
_pool = ThreadPoolExecutor(_MAX_READS, thread_name_prefix="edge")


def forget_edges() -> None:
    """Empty the cache of this process."""
    _edges.clear()


def _renew_pool() -> None:
    # A fork has none of the threads.
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

    Raises what `Storage.read_range` does.
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
        """Begin to read several ranges (offset, length) at once; a single one is read when it is asked for."""
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
        """Cancel reads that have not begun."""
        for expected in self._expected:
            expected.reading.cancel()

    def _arrived(self, expected: _Expected) -> bytes:
        # Where all threads of the pool wait for a slow store, this one need not wait for them.
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
