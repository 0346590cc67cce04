"""Ranged reads of a file in an object store, for one ticket: several at once, and the hot ones from memory.

Every read is of the registered state of the object, by its ETag, so that no other question about the object is asked.
Blocks about the edges of answers are remembered in the process, up to `REMEMBERED_BYTES` in all and each for
`REMEMBERED_SECONDS` at most. Whoever comes here has passed the access decision.
"""

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from catalogue.formats import PrefetchingReader
from catalogue.queries.cache import Memory
from catalogue.storage import Storage

REMEMBERED_BYTES = 64 << 20
REMEMBERED_SECONDS = 300.0
#: Longer reads are not remembered: they would make room for themselves by driving out many.
_MAX_REMEMBERED = 2 << 20
#: Reads on their way at once in a process, beside those that requests make themselves.
_AT_ONCE = 16

_edges = Memory(REMEMBERED_BYTES)
_pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="edge")


def forget_edges() -> None:
    """Empties the memory of this process."""
    _edges.clear()


def _begin_anew() -> None:
    # The threads of a pool stay behind where a process forks.
    global _pool
    _pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="edge")


os.register_at_fork(after_in_child=_begin_anew)


@dataclass(slots=True)
class _Expected:
    offset: int
    length: int
    reading: Future[bytes]


class ObjectReader(PrefetchingReader):
    """Reads the state `etag` of the object `key`, whose length is `size`. For one thread.

    Reads raise what `Storage.read_range` does.
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
        """One stretch alone is left to be read when it is asked for."""
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
        """Gives up what was expected and not begun."""
        for expected in self._expected:
            expected.reading.cancel()

    def _arrived(self, expected: _Expected) -> bytes:
        # Where all threads wait for a store that is slow, nobody else has to.
        if expected.reading.cancel():
            expected.reading = Future()
            expected.reading.set_result(self._read(expected.offset, expected.length))
        return expected.reading.result()

    def _read(self, offset: int, length: int) -> bytes:
        data = self._place.read_range(self._key, offset, length, etag=self._etag)
        if length <= _MAX_REMEMBERED:
            _edges.put(self._name(offset, length), data, length, seconds=REMEMBERED_SECONDS)
        return data

    def _name(self, offset: int, length: int) -> tuple[object, ...]:
        return self._place, self._key, self._etag, offset, length
