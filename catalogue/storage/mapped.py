"""Maps files that are read often into memory, so that reading a little of one is a copy without a system call.

System calls release the interpreter's lock, and threads that answer small requests then wait for each other.
"""

import mmap
import os
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass

#: Longer reads are left to system calls, during which other threads go on.
MAX_READ = 64 * 1024
#: Ordinary reads after which a file is mapped.
MIN_READS = 8
#: Seconds for which a mapping is trusted before the file is verified again.
TRUSTED_SECONDS = 1.0
_MAX_COUNTED = 10_000


@dataclass(slots=True)
class _Mapping:
    content: mmap.mmap
    state: tuple[int, int, int]
    until: float


class MappedFiles:
    """At most `max_files` mapped files by key, the most recently verified ones. Thread-safe.

    For files that may be replaced or removed, but are never written to or cut: reading a page that a file has lost ends
    the process.
    """

    def __init__(self, max_files: int) -> None:
        self._max_files = max_files
        self._mappings: OrderedDict[str, _Mapping] = OrderedDict()
        self._reads: Counter[str] = Counter()
        self._lock = threading.Lock()

    def read(self, key: str, offset: int, length: int) -> bytes | None:
        """Return exactly `length` bytes; None unless a mapping verified lately holds them."""
        mapping = self._mappings.get(key)
        if mapping is None or length > MAX_READ or mapping.until < time.monotonic():
            return None
        data = mapping.content[offset : offset + length]
        return data if len(data) == length else None

    def is_due(self, key: str) -> bool:
        """Count an ordinary read of a file; return whether it is time to `verify` it."""
        if not self._max_files or key in self._mappings:
            return bool(self._max_files)
        if len(self._reads) >= _MAX_COUNTED:
            self._reads.clear()
        self._reads[key] += 1
        return self._reads[key] >= MIN_READS

    def verify(self, key: str, descriptor: int) -> None:
        """Map a file, unless its mapping is still that of this file. Raises OSError."""
        status = os.fstat(descriptor)
        state = (status.st_dev, status.st_ino, status.st_size)
        with self._lock:
            mapping = self._mappings.pop(key, None)
            if not status.st_size:
                return
            if mapping is None or mapping.state != state:
                mapping = _Mapping(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ), state, 0)
            mapping.until = time.monotonic() + TRUSTED_SECONDS
            self._mappings[key] = mapping
            if len(self._mappings) > self._max_files:
                self._mappings.popitem(last=False)

    def forget(self, key: str) -> None:
        """Drop the mapping of a file that is to be removed or replaced."""
        with self._lock:
            self._mappings.pop(key, None)
