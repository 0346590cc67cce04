"""Reads BAI, CSI and TBI files, compressed or not, into `BinningIndex` (SAMv1 §5.2, CSIv1, tabix).

Counts are not trusted: the items must fit into the rest of the file.
"""

import struct
import zlib
from collections.abc import Callable
from itertools import accumulate
from operator import eq
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.binning import BinningIndex, ContigIndex, Offsets, TabixColumns, first_bin
from catalogue.formats.intervals import VirtualOffset

#: Upper bounds of an index: uncompressed bytes, and contigs.
MAX_INDEX: Final = 256 * 1024 * 1024
MAX_CONTIGS: Final = 2_000_000

# With more levels the number of the pseudo-bin would exceed 32 bits; positions are signed 64-bit integers.
_MAX_DEPTH = 10
_MAX_POSITION_BITS = 60


def read_index(data: bytes) -> BinningIndex:
    """Read a BAI, CSI or TBI file, compressed or not. Raises `FormatError` for other or corrupt files."""
    data = _uncompressed(data)
    reader = _READERS.get(data[:4])
    if reader is None:
        raise FormatError("not a BAI, CSI or TBI index", offset=0)
    return reader(_Cursor(data, 4))


def _uncompressed(data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        if len(data) > MAX_INDEX:
            raise FormatError(f"index is longer than {MAX_INDEX} bytes")
        return data
    members, room = [], MAX_INDEX
    while data.startswith(b"\x1f\x8b"):
        stream = zlib.decompressobj(wbits=31)
        try:
            members.append(stream.decompress(data, room + 1))
        except zlib.error:
            raise FormatError("compressed index does not inflate") from None
        room -= len(members[-1])
        if room < 0:
            raise FormatError(f"index is longer than {MAX_INDEX} bytes")
        if not stream.eof:
            raise FormatError("compressed index is cut short")
        data = stream.unused_data
    return b"".join(members)


class _Cursor:
    """Reads numbers from the bytes of an index; raises `FormatError` at their end."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, length: int) -> bytes:
        if not 0 <= length <= self.left:
            raise FormatError("index is cut short", offset=self.at)
        self.at += length
        return self.data[self.at - length : self.at]

    def take_struct(self, layout: struct.Struct) -> tuple[int, ...]:
        if self.left < layout.size:
            raise FormatError("index is cut short", offset=self.at)
        self.at += layout.size
        return layout.unpack_from(self.data, self.at - layout.size)

    def take_count(self, *, size: int, max_count: int | None = None) -> int:
        """Take a count of items of at least `size` bytes each, which must fit into the remaining bytes."""
        (count,) = self.take_struct(_COUNT)
        if not 0 <= count <= (self.left // size if max_count is None else min(max_count, self.left // size)):
            raise FormatError(f"index claims {count} entries", offset=self.at - _COUNT.size)
        return count


_COUNT = struct.Struct("<i")
_TAIL = struct.Struct("<Q")
_CSI_HEAD = struct.Struct("<iii")
_TABIX_HEAD = struct.Struct("<iiiiiii")
_BAI_BIN = struct.Struct("<Ii")
_CSI_BIN = struct.Struct("<IQi")
_CHUNK_SIZE = 16
_NO_WINDOWS = np.empty(0, dtype="<u4")
_NO_OFFSETS = np.empty(0, dtype="<u8")


def _read_bai(cursor: _Cursor) -> BinningIndex:
    """Read a BAI file (SAMv1 §5.2)."""
    contigs = cursor.take_count(size=8, max_count=MAX_CONTIGS)
    return _read_contigs(cursor, contigs, kind="BAI")


def _read_tbi(cursor: _Cursor) -> BinningIndex:
    contigs = cursor.take_count(size=8, max_count=MAX_CONTIGS)
    columns, names = _read_tabix_head(cursor)
    return _read_contigs(cursor, contigs, kind="TBI", columns=columns, names=names)


def _read_csi(cursor: _Cursor) -> BinningIndex:
    """Read a CSI file (CSIv1), whose auxiliary bytes are a TBI header if tabix wrote it."""
    min_shift, depth, auxiliary = cursor.take_struct(_CSI_HEAD)
    if not (min_shift > 0 and 0 <= depth <= _MAX_DEPTH and min_shift + 3 * depth <= _MAX_POSITION_BITS):
        raise FormatError(f"CSI index of min_shift {min_shift} and depth {depth}", offset=4)
    head = _Cursor(cursor.take(auxiliary))
    columns, names = _read_tabix_head(head) if auxiliary >= _TABIX_HEAD.size else (None, ())
    contigs = cursor.take_count(size=4, max_count=MAX_CONTIGS)
    return _read_contigs(
        cursor, contigs, kind="CSI", min_shift=min_shift, depth=depth, columns=columns, names=names
    )


def _read_tabix_head(cursor: _Cursor) -> tuple[TabixColumns, tuple[str, ...]]:
    file_format, sequence, begin, end, meta, skip, length = cursor.take_struct(_TABIX_HEAD)
    names = cursor.take(length).split(b"\0")[:-1]
    if len(names) > MAX_CONTIGS:
        raise FormatError("tabix index names too many contigs", offset=cursor.at)
    columns = TabixColumns(file_format, sequence, begin, end, chr(meta) if 0 < meta < 128 else "", skip)
    return columns, tuple(name.decode("utf-8", "replace") for name in names)


def _read_contigs(
    cursor: _Cursor,
    contigs: int,
    *,
    kind: str,
    min_shift: int = 14,
    depth: int = 5,
    columns: TabixColumns | None = None,
    names: tuple[str, ...] = (),
) -> BinningIndex:
    if columns is not None and contigs > len(names):
        raise FormatError(f"tabix index has {contigs} contigs but {len(names)} names")
    indexes = tuple(
        _read_contig(cursor, min_shift=min_shift, depth=depth, by_bin=kind == "CSI") for _ in range(contigs)
    )
    unplaced = cursor.take_struct(_TAIL)[0] if cursor.left >= _TAIL.size else None
    return BinningIndex(kind, indexes, names, columns, unplaced)


class _Bins(NamedTuple):
    """The bins of a contig as read; `pseudo` are the four numbers of the pseudo-bin, if there is one."""

    numbers: list[int]
    loffsets: list[int]
    chunks: list[bytes]
    pseudo: tuple[int, ...] | None


def _read_bins(cursor: _Cursor, layout: struct.Struct, pseudo_bin: int) -> _Bins:
    numbers: list[int] = []
    loffsets: list[int] = []
    chunks: list[bytes] = []
    pseudo: tuple[int, ...] | None = None
    for _ in range(cursor.take_count(size=layout.size, max_count=pseudo_bin)):
        number, *loffset, count = cursor.take_struct(layout)
        data = cursor.take(count * _CHUNK_SIZE)
        if number == pseudo_bin:
            if count != 2:
                raise FormatError("pseudo-bin of an index does not have two chunks", offset=cursor.at)
            pseudo = struct.unpack("<4Q", data)
        elif number > pseudo_bin:
            raise FormatError(f"index has an invalid bin number {number}", offset=cursor.at)
        elif count:
            numbers.append(number)
            loffsets += loffset
            chunks.append(data)
    return _Bins(numbers, loffsets, chunks, pseudo)


def _read_contig(cursor: _Cursor, *, min_shift: int, depth: int, by_bin: bool) -> ContigIndex | None:
    """Read the index of one contig; with `by_bin` each bin has a first offset and there is no linear index."""
    read = _read_bins(cursor, _CSI_BIN if by_bin else _BAI_BIN, first_bin(depth + 1) + 1)
    windows, linear = (_NO_WINDOWS, _NO_OFFSETS) if by_bin else _read_linear(cursor)
    if not read.numbers:
        return None
    order = sorted(range(len(read.numbers)), key=read.numbers.__getitem__)
    numbers = [read.numbers[at] for at in order]
    if any(map(eq, numbers, numbers[1:])):
        raise FormatError("index has the same bin twice", offset=cursor.at)
    counts = [len(read.chunks[at]) // _CHUNK_SIZE for at in order]
    pairs = np.frombuffer(b"".join(read.chunks[at] for at in order), dtype="<u8").reshape(-1, 2)
    if len(pairs) > len(numbers):
        pairs = pairs[np.lexsort((pairs[:, 0], np.repeat(np.arange(len(numbers)), counts)))]
    begins, ends = pairs.T.copy()
    if bool((begins > ends).any()):
        raise FormatError("index has a chunk that ends before it begins", offset=cursor.at)
    begin, end = int(begins.min()), int(ends.max())
    if read.pseudo is not None and read.pseudo[0] <= read.pseudo[1]:
        begin, end = min(begin, read.pseudo[0]), max(end, read.pseudo[1])
    return ContigIndex(
        min_shift=min_shift,
        depth=depth,
        bins=np.array(numbers, dtype="<u4"),
        firsts=np.array([0, *accumulate(counts)], dtype="<u4"),
        chunk_begins=begins,
        chunk_ends=ends,
        loffsets=np.array([read.loffsets[at] for at in order], "<u8") if by_bin else _NO_OFFSETS,
        windows=windows,
        linear=linear,
        begin=VirtualOffset(begin),
        end=VirtualOffset(end),
        mapped=_count(read.pseudo, 2),
        unmapped=_count(read.pseudo, 3),
    )


def _read_linear(cursor: _Cursor) -> tuple[NDArray[np.uint32], Offsets]:
    """Read a linear index. Return the index windows where it changes, and the offsets there.

    Old writers leave 0 for a window without records; the offset of the window before it is used instead.
    """
    windows = cursor.take_count(size=8)
    offsets = np.frombuffer(cursor.take(8 * windows), dtype="<u8")
    known = offsets.nonzero()[0]
    if not len(known):
        return _NO_WINDOWS, _NO_OFFSETS
    there = offsets[known]
    changed = np.empty(len(known), dtype=np.bool_)
    changed[0] = True
    np.not_equal(there[1:], there[:-1], out=changed[1:])
    return known[changed].astype("<u4"), there[changed]


def _count(pseudo: tuple[int, ...] | None, place: int) -> int | None:
    """Return a count of the pseudo-bin; None without a pseudo-bin or for an impossible count."""
    return pseudo[place] if pseudo is not None and pseudo[place] < 1 << 62 else None


_READERS: dict[bytes, Callable[[_Cursor], BinningIndex]] = {
    b"BAI\1": _read_bai,
    b"CSI\1": _read_csi,
    b"TBI\1": _read_tbi,
}
