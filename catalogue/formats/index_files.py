"""Reads BAI, CSI and TBI files, compressed or plain, into `BinningIndex` (SAMv1 §5.2, CSIv1, tabix).

Nothing is believed that the bytes cannot bear out: every count must fit into what is left of the file.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.binning import BinningIndex, ContigIndex, Offsets, TabixColumns, first_bin
from catalogue.formats.intervals import VirtualOffset

#: The most plain bytes an index may have, and the most contigs it may name.
MAX_INDEX: Final = 256 * 1024 * 1024
MAX_CONTIGS: Final = 2_000_000

# The deepest scheme whose bin numbers, with the pseudo-bin, fit 32 bits; and positions a shift can hold.
_MAX_DEPTH = 10
_MAX_POSITION_BITS = 60


def read_index(data: bytes) -> BinningIndex:
    """Reads a BAI, CSI or TBI file, compressed or plain. Raises `FormatError` when it is none or corrupt."""
    plain = _plain(data)
    reader = _READERS.get(plain[:4])
    if reader is None:
        raise FormatError("not a BAI, CSI or TBI index", offset=0)
    return reader(_Cursor(plain, 4))


def _plain(data: bytes) -> bytes:
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
    """Takes numbers from the bytes of an index, never past their end."""

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

    def take_count(self, *, size: int, most: int | None = None) -> int:
        """A count of things that take up at least `size` bytes each and so must fit into what is left."""
        (count,) = self.take_struct(_COUNT)
        if not 0 <= count <= (self.left // size if most is None else min(most, self.left // size)):
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
    """SAMv1 §5.2."""
    contigs = cursor.take_count(size=8, most=MAX_CONTIGS)
    return _read_contigs(cursor, contigs, kind="BAI")


def _read_tbi(cursor: _Cursor) -> BinningIndex:
    contigs = cursor.take_count(size=8, most=MAX_CONTIGS)
    columns, names = _read_tabix_head(cursor)
    return _read_contigs(cursor, contigs, kind="TBI", columns=columns, names=names)


def _read_csi(cursor: _Cursor) -> BinningIndex:
    """CSIv1. The auxiliary bytes are tabix's head when tabix wrote them, and none otherwise."""
    min_shift, depth, auxiliary = cursor.take_struct(_CSI_HEAD)
    if not (min_shift > 0 and 0 <= depth <= _MAX_DEPTH and min_shift + 3 * depth <= _MAX_POSITION_BITS):
        raise FormatError(f"CSI index of min_shift {min_shift} and depth {depth}", offset=4)
    head = _Cursor(cursor.take(auxiliary))
    columns, names = _read_tabix_head(head) if auxiliary >= _TABIX_HEAD.size else (None, ())
    contigs = cursor.take_count(size=4, most=MAX_CONTIGS)
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
    shares = tuple(
        _read_contig(cursor, min_shift=min_shift, depth=depth, by_bin=kind == "CSI") for _ in range(contigs)
    )
    unplaced = cursor.take_struct(_TAIL)[0] if cursor.left >= _TAIL.size else None
    return BinningIndex(kind, shares, names, columns, unplaced)


def _read_contig(cursor: _Cursor, *, min_shift: int, depth: int, by_bin: bool) -> ContigIndex | None:
    layout = _CSI_BIN if by_bin else _BAI_BIN
    pseudo_bin = first_bin(depth + 1) + 1
    numbers: list[int] = []
    loffsets: list[int] = []
    counts: list[int] = []
    pieces: list[bytes] = []
    told: tuple[int, ...] | None = None
    for _ in range(cursor.take_count(size=layout.size, most=pseudo_bin)):
        number, *loffset, count = cursor.take_struct(layout)
        chunks = cursor.take(count * _CHUNK_SIZE)
        if number == pseudo_bin:
            if count != 2:
                raise FormatError("pseudo-bin of an index has not two chunks", offset=cursor.at)
            told = struct.unpack("<4Q", chunks)
        elif number > pseudo_bin:
            raise FormatError(f"index has a bin {number}", offset=cursor.at)
        elif count:
            numbers.append(number)
            loffsets += loffset
            counts.append(count)
            pieces.append(chunks)
    windows, linear = (_NO_WINDOWS, _NO_OFFSETS) if by_bin else _read_linear(cursor)
    if not numbers:
        return None
    pairs = np.frombuffer(b"".join(pieces), dtype="<u8").reshape(-1, 2)
    bins, per_chunk = np.array(numbers, dtype="<u4"), np.repeat(np.array(numbers, dtype="<u4"), counts)
    if len(np.unique(bins)) != len(bins):
        raise FormatError("index has a bin twice", offset=cursor.at)
    if bool((pairs[:, 0] > pairs[:, 1]).any()):
        raise FormatError("index has a chunk that ends before it begins", offset=cursor.at)
    by_number, by_begin = np.argsort(bins), np.lexsort((pairs[:, 0], per_chunk))
    pairs = pairs[by_begin]
    firsts = np.concatenate(([0], np.cumsum(np.array(counts)[by_number]))).astype("<u4")
    begin, end = int(pairs[:, 0].min()), int(pairs[:, 1].max())
    if told is not None and told[0] <= told[1]:
        begin, end = min(begin, told[0]), max(end, told[1])
    return ContigIndex(
        min_shift=min_shift,
        depth=depth,
        bins=bins[by_number],
        firsts=firsts,
        chunk_begins=np.ascontiguousarray(pairs[:, 0]),
        chunk_ends=np.ascontiguousarray(pairs[:, 1]),
        loffsets=np.array(loffsets, dtype="<u8")[by_number] if by_bin else _NO_OFFSETS,
        windows=windows,
        linear=linear,
        begin=VirtualOffset(begin),
        end=VirtualOffset(end),
        mapped=_told_count(told, 2),
        unmapped=_told_count(told, 3),
    )


def _read_linear(cursor: _Cursor) -> tuple[NDArray[np.uint32], Offsets]:
    """The windows where the linear index changes, and its offsets there.

    A window that no record reaches is 0 in files of old writers, for which the one before it serves as well.
    """
    windows = cursor.take_count(size=8)
    offsets = np.frombuffer(cursor.take(8 * windows), dtype="<u8")
    known = np.flatnonzero(offsets)
    changes = (
        known[np.concatenate(([True], offsets[known][1:] != offsets[known][:-1]))] if len(known) else known
    )
    return changes.astype("<u4"), offsets[changes]


def _told_count(told: tuple[int, ...] | None, place: int) -> int | None:
    """A count of the pseudo-bin, None when it does not tell or tells what no file could hold."""
    return told[place] if told is not None and told[place] < 1 << 62 else None


_READERS: dict[bytes, Callable[[_Cursor], BinningIndex]] = {
    b"BAI\1": _read_bai,
    b"CSI\1": _read_csi,
    b"TBI\1": _read_tbi,
}
