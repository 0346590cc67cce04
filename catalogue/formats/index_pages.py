"""Large contig indexes in pages of positions, so that a request reads only the pages at the edges of its regions.

A paged index is a directory, a head and the pages. The head says what lies on each page as a whole, which is enough for
pages that a region covers. What a head and a page are is for each kind of index (`binning_pages`, `crai`).
Positions are 0-based and half-open; page n holds positions from `n << shift` on, the last one all that follow, too.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.intervals import ByteRange

#: An index of at most so many bytes has no pages: it is read whole.
MAX_WHOLE = 16 * 1024
#: Bytes from the begin of an index that hold its directory, and its head unless that is unusually large.
FIRST_READ = 16 * 1024
MAX_PAGES = 2048
#: An index has pages only if they make it no longer than so many times.
MAX_GROWTH = 2

#: The first bytes of an index with pages.
MAGIC = b"PAG\1"
_FIXED = struct.Struct("<4sB3xI")


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """Where head and pages of an index lie in it; `bounds` are the begins of the head and the pages, and the end."""

    shift: int
    bounds: NDArray[np.uint32]

    @property
    def pages(self) -> range:
        """The numbers of all pages."""
        return range(len(self.bounds) - 2)

    @property
    def head(self) -> ByteRange:
        """The bytes of the head, which follow the directory."""
        return ByteRange(int(self.bounds[0]), int(self.bounds[1]))

    def page(self, number: int) -> ByteRange:
        """Return the bytes of a page."""
        return ByteRange(int(self.bounds[number + 1]), int(self.bounds[number + 2]))

    def edges(self, start: int, end: int) -> Iterator[int]:
        """Yield the numbers of the pages with the first and the last position of a region."""
        if start < end:
            yield self._page_of(start)
            yield self._page_of(end - 1)

    def covering(self, start: int, end: int) -> Iterable[int]:
        """Return the numbers of all pages with positions of a region."""
        return range(self._page_of(start), self._page_of(end - 1) + 1) if start < end else ()

    def _page_of(self, position: int) -> int:
        return min(position >> self.shift, self.pages[-1])


def pack_pages(shift: int, head: bytes, pages: Sequence[bytes]) -> bytes:
    """Return a paged index."""
    begin = _FIXED.size + 4 * (len(pages) + 2)
    bounds = begin + np.cumsum([0, len(head), *map(len, pages)])
    return b"".join((_FIXED.pack(MAGIC, shift, len(pages)), bounds.astype("<u4").tobytes(), head, *pages))


def read_directory(packed: bytes) -> Directory | None:
    """Return the directory of an index, of which at least the first bytes are given; None if it has no pages.

    Raises `FormatError` for a damaged one.
    """
    if packed[:4] != MAGIC:
        return None
    if len(packed) < _FIXED.size:
        raise FormatError("paged index is cut short")
    _, shift, pages = _FIXED.unpack_from(packed)
    begin = _FIXED.size + 4 * (pages + 2)
    if not 0 < pages <= MAX_PAGES or len(packed) < begin:
        raise FormatError("paged index is cut short")
    bounds = np.frombuffer(packed, dtype="<u4", count=pages + 2, offset=_FIXED.size)
    if bounds[0] != begin or (bounds[1:] < bounds[:-1]).any():
        raise FormatError("the directory of a paged index is not in order")
    return Directory(shift, bounds)


def split_pages(packed: bytes) -> tuple[Directory, bytes, dict[int, bytes]] | None:
    """Return the directory, the head and all pages of a whole index; None if it has no pages. Raises `FormatError`."""
    if (directory := read_directory(packed)) is None:
        return None
    if len(packed) != directory.bounds[-1]:
        raise FormatError("paged index is cut short")
    pages = {number: _cut(packed, directory.page(number)) for number in directory.pages}
    return directory, _cut(packed, directory.head), pages


def _cut(packed: bytes, where: ByteRange) -> bytes:
    return packed[where.begin : where.end]
