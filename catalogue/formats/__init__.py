"""Pure parsers of genomic file formats: no Django and no I/O.

Modules here import only the standard library, numpy and a compression library. They read stored files through a
`read_range(offset, length) -> bytes` callable, and raise `FormatError` for malformed bytes.
"""

import abc
from collections.abc import Callable, Iterable

#: Reads `length` bytes at `offset`; returns fewer only at the end of the file.
ReadRange = Callable[[int, int], bytes]


class PrefetchingReader(abc.ABC):
    """A `ReadRange` for remote objects, which is faster when told in advance what will be read."""

    @abc.abstractmethod
    def __call__(self, offset: int, length: int) -> bytes:
        """Read as `ReadRange` does."""

    @abc.abstractmethod
    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Begin to read ranges (offset, length) that will be requested in whole or in part."""


def prefetch(read_range: ReadRange, ranges: Iterable[tuple[int, int]]) -> None:
    """Announce ranges (offset, length) to a reader that can prefetch; do nothing for others."""
    if isinstance(read_range, PrefetchingReader):
        read_range.prefetch(ranges)


class FormatError(ValueError):
    """Bytes that are not valid in their format.

    `reason` says what is wrong in one clause; `offset` is the byte (of the file, or of the text given) where it was
    found, None when the fault has no single place.
    """

    def __init__(self, reason: str, *, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset
