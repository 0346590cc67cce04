"""File formats of genomics, pure: no Django and no I/O of its own.

Modules here import only the standard library, numpy and a compression library. Where bytes of a stored file are
needed they take a `read_range(offset, length) -> bytes` callable. Whatever is wrong with the bytes is a `FormatError`.
"""

from collections.abc import Callable

#: Reads `length` bytes at `offset`; returns fewer only at the end of the file.
ReadRange = Callable[[int, int], bytes]


class FormatError(ValueError):
    """Bytes that are not what their format promises.

    `reason` says what is wrong in one clause; `offset` is the byte (of the file, or of the text given) where it was
    found, `None` when no single place is at fault.
    """

    def __init__(self, reason: str, *, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset
