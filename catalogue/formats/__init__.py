"""File formats of genomics, pure: no Django and no I/O of its own.

Modules here import only the standard library, numpy and a compression library. Where bytes of a stored file are
needed they take a `read_range(offset, length) -> bytes` callable. Whatever is wrong with the bytes is a `FormatError`.
"""

import abc
from collections.abc import Callable, Iterable

#: Reads `length` bytes at `offset`; returns fewer only at the end of the file.
ReadRange = Callable[[int, int], bytes]


class PrefetchingReader(abc.ABC):
    """A `ReadRange` for objects far away, which is faster when it knows beforehand what will be read."""

    @abc.abstractmethod
    def __call__(self, offset: int, length: int) -> bytes:
        """Read as `ReadRange` does."""

    @abc.abstractmethod
    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Begin to read these offsets and lengths, which, or parts of which, will be asked for."""


def prefetch(read_range: ReadRange, ranges: Iterable[tuple[int, int]]) -> None:
    """Tell a reader which offsets and lengths will be read, if that is of use to it."""
    if isinstance(read_range, PrefetchingReader):
        read_range.prefetch(ranges)


class FormatError(ValueError):
    """Bytes that are not what their format promises.

    `reason` says what is wrong in one clause; `offset` is the byte (of the file, or of the text given) where it was
    found, `None` when no single place is at fault.
    """

    def __init__(self, reason: str, *, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset
