"""Computes both digests of long sequences in parallel threads, because hashlib releases the interpreter lock."""

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from catalogue.formats.digests import SHA512T24U_BYTES, Digests

# Pieces queued per digest: enough to keep both threads busy, few enough to bound the memory.
_MAX_WAITING = 4


class ParallelDigester:
    """Computes the digests of one sequence after another. Context manager that ends its threads. Not thread-safe."""

    def __init__(self) -> None:
        # One thread per digest keeps its pieces in order.
        self._md5_thread = ThreadPoolExecutor(1, "md5")
        self._sha512_thread = ThreadPoolExecutor(1, "sha512")
        self._waiting: deque[Future[None]] = deque()
        self._start()

    def _start(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._md5_thread.shutdown(cancel_futures=True)
        self._sha512_thread.shutdown(cancel_futures=True)

    def update(self, residues: bytes) -> None:
        """Add the next piece of the sequence."""
        self._waiting.append(self._md5_thread.submit(self._md5.update, residues))
        self._waiting.append(self._sha512_thread.submit(self._sha512.update, residues))
        while len(self._waiting) > 2 * _MAX_WAITING:
            self._waiting.popleft().result()

    def digests(self) -> Digests:
        """Return the digests of the current sequence, and start the next one."""
        while self._waiting:
            self._waiting.popleft().result()
        digests = Digests(self._md5.digest(), self._sha512.digest()[:SHA512T24U_BYTES])
        self._start()
        return digests
