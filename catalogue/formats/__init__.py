"""File formats of genomics, pure: no Django and no I/O of its own.

Modules here import only the standard library, numpy and a compression library. Where bytes of a stored file are
needed they take a `read_range(offset, length) -> bytes` callable. Whatever is wrong with the bytes is a `FormatError`.
"""

import abc
from collections.abc import Callable, Iterable

#: Reads `length` bytes at `offset`; returns fewer only at the end of the file.
ReadRange = Callable[[int, int], bytes]


class PrefetchingReader(abc.ABC):
    """A `ReadRange` for which it pays to know beforehand what will be read: each read waits for somebody far away."""

    @abc.abstractmethod
    def __call__(self, offset: int, length: int) -> bytes:
        """As `ReadRange`."""

    @abc.abstractmethod
    def expect(self, stretches: Iterable[tuple[int, int]]) -> None:
        """Begins to read these offsets and lengths, which, or parts of which, will be asked for."""


def prefetch(read_range: ReadRange, stretches: Iterable[tuple[int, int]]) -> None:
    """Tells a reader what will be read, as offsets and lengths, if that is of use to it."""
    if isinstance(read_range, PrefetchingReader):
        read_range.expect(stretches)


class FormatError(ValueError):
    """Bytes that are not what their format promises.

    `reason` says what is wrong in one clause; `offset` is the byte (of the file, or of the text given) where it was
    found, `None` when no single place is at fault.
    """

    def __init__(self, reason: str, *, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset
