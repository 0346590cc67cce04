"""BGZF: gzip in blocks of at most 64 KiB, so that reading can start at any block (SAMv1 §4.1).

Every block that is read is checked: header, size, CRC-32 and length. A block never inflates to more than
`MAX_UNCOMPRESSED` bytes, whatever its header claims.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from isal import isal_zlib

from catalogue.formats import FormatError, ReadRange

#: The EOF marker: the empty block that ends a complete file (SAMv1 §4.1.2).
EOF_MARKER: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
#: Upper bounds of a block in bytes, compressed and uncompressed: sizes are 16-bit fields.
MAX_COMPRESSED: Final = 1 << 16
MAX_UNCOMPRESSED: Final = 1 << 16

# Leaves room for deflate's overhead on incompressible bytes.
_BYTES_PER_BLOCK = 0xFF00
_LEVEL = 2
_EXTRA_FLAG = 4
_MAGIC = b"\x1f\x8b\x08"
_BLOCK_START = _MAGIC + bytes((_EXTRA_FLAG,))
_HEADER = struct.Struct("<3sBIBBH")
_SUBFIELD = struct.Struct("<2sH")
_FOOTER = struct.Struct("<II")
_BSIZE = struct.Struct("<H")
# The library's stubs declare this class as an instance.
_DeflateError = cast(type[Exception], isal_zlib.error)
_USUAL_EXTRA = b"\x06\x00BC\x02\x00"
_WRITTEN_HEADER = struct.pack("<3sBIBB", _MAGIC, _EXTRA_FLAG, 0, 0, 255) + _USUAL_EXTRA


@dataclass(frozen=True, slots=True)
class Block:
    """One block: bytes `begin` to `end` of the file, which hold the uncompressed bytes `data`."""

    begin: int
    end: int
    data: bytes


def block_size(data: bytes, at: int = 0, *, offset: int = 0) -> tuple[int, int]:
    """Return the compressed size of the block whose header is at `at`, and the size of that header.

    `offset` is the file offset of `data`, used in errors. Extra subfields other than BC are skipped. Raises
    `FormatError` when the bytes are not a whole BGZF header.
    """
    # All known writers put BC first and alone, so one comparison replaces the loop over subfields.
    if data[at : at + 4] == _BLOCK_START and data[at + 10 : at + 16] == _USUAL_EXTRA:
        if len(data) < at + 18:
            raise _cut_off(offset + len(data), begin=offset + at)
        size, header = _BSIZE.unpack_from(data, at + 16)[0] + 1, 18
    else:
        size, header = _unusual_block_size(data, at, offset=offset)
    if size < header + _FOOTER.size:
        raise FormatError(f"BGZF block of {size} bytes is too small", offset=offset + at)
    return size, header


def _unusual_block_size(data: bytes, at: int, *, offset: int) -> tuple[int, int]:
    here = offset + at
    if len(data) < at + _HEADER.size:
        raise _cut_off(offset + len(data), begin=here)
    magic, flags, _, _, _, extra = _HEADER.unpack_from(data, at)
    if magic != _MAGIC:
        raise FormatError("no BGZF block begins here", offset=here)
    if not flags & _EXTRA_FLAG:
        raise FormatError("gzip, but not in BGZF blocks", offset=here)
    if flags != _EXTRA_FLAG:
        raise FormatError(f"BGZF header with gzip flags {flags:#x}", offset=here)
    field, end = at + _HEADER.size, at + _HEADER.size + extra
    if len(data) < end:
        raise _cut_off(offset + len(data), begin=here)
    while field + _SUBFIELD.size <= end:
        name, length = _SUBFIELD.unpack_from(data, field)
        field += _SUBFIELD.size
        if name == b"BC" and length == _BSIZE.size and field + length <= end:
            return _BSIZE.unpack_from(data, field)[0] + 1, end - at
        field += length
    raise FormatError("gzip, but not in BGZF blocks", offset=here)


def _cut_off(end: int, *, begin: int) -> FormatError:
    return FormatError(
        f"the file is cut off at byte {end:,}, inside the BGZF block that begins at byte {begin:,}"
    )


def inflate(data: bytes, at: int = 0, *, offset: int = 0) -> Block:
    """Decompress the block at `at` of `data`; `offset` is the file offset of `data`.

    Raises `FormatError` when the block is cut short or corrupt.
    """
    size, header = block_size(data, at, offset=offset)
    here = offset + at
    if len(data) < at + size:
        raise _cut_off(offset + len(data), begin=here)
    crc, length = _FOOTER.unpack_from(data, at + size - _FOOTER.size)
    if length > MAX_UNCOMPRESSED:
        raise FormatError(f"BGZF block claims to hold {length} bytes", offset=here)
    stream = isal_zlib.decompressobj(wbits=-15)
    try:
        # One byte more than claimed, to detect a stream that holds more.
        inflated = stream.decompress(data[at + header : at + size - _FOOTER.size], length + 1)
    except _DeflateError:
        raise FormatError("BGZF block does not inflate", offset=here) from None
    if len(inflated) != length or not stream.eof or isal_zlib.crc32(inflated) != crc:
        raise FormatError("BGZF block does not hold what it claims", offset=here)
    return Block(here, here + size, inflated)


def deflate(data: bytes) -> bytes:
    """Compress bytes into BGZF blocks, without EOF marker; empty input gives no block."""
    return b"".join(
        _deflate_block(data[at : at + _BYTES_PER_BLOCK]) for at in range(0, len(data), _BYTES_PER_BLOCK)
    )


def _deflate_block(data: bytes) -> bytes:
    payload = isal_zlib.compress(data, _LEVEL, wbits=-15)
    size = len(_WRITTEN_HEADER) + _BSIZE.size + len(payload) + _FOOTER.size
    footer = _FOOTER.pack(isal_zlib.crc32(data), len(data))
    return b"".join((_WRITTEN_HEADER, _BSIZE.pack(size - 1), payload, footer))


def is_eof(tail: bytes) -> bool:
    """Return whether a file whose last bytes these are (28 are enough) ends with the EOF marker."""
    return tail.endswith(EOF_MARKER)


def is_bgzf(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is BGZF."""
    try:
        block_size(start)
    except FormatError:
        return False
    return True


def verify_tail(read_range: ReadRange, *, size: int) -> None:
    """Inflate the last blocks of a file of `size` bytes, at least one besides the EOF marker.

    Reads the last 128 KiB. Raises `FormatError` when one of the blocks is corrupt or the file does not end with a whole
    block.
    """
    begin = max(0, size - 2 * MAX_COMPRESSED - len(EOF_MARKER))
    tail = read_range(begin, size - begin)
    at = tail.find(_BLOCK_START)
    while at >= 0 and not is_bgzf(tail[at : at + MAX_COMPRESSED]):
        at = tail.find(_BLOCK_START, at + 1)
    if at < 0:
        raise FormatError("no BGZF block in the last bytes of the file", offset=begin)
    while at < len(tail):
        at = inflate(tail, at, offset=begin).end - begin


class BlockReader:
    """Reads the blocks of a stored file in as few reads as possible.

    A read fetches `ahead` bytes, at least one block, and serves every block inside them; `fetch` reads a longer
    range at once. Holds one range of bytes at a time.
    """

    def __init__(self, read_range: ReadRange, *, ahead: int = 4 * MAX_COMPRESSED) -> None:
        self._read_range = read_range
        self._ahead = max(ahead, MAX_COMPRESSED)
        self._offset = 0
        self._data = b""
        self._at_end = False

    def fetch(self, begin: int, end: int) -> None:
        """Read bytes `begin` to `end` of the file, unless they are held already."""
        if self._offset <= begin and (end <= self._offset + len(self._data) or self._at_end):
            return
        self._offset = begin
        self._data = self._read_range(begin, end - begin)
        self._at_end = len(self._data) < end - begin

    def holds(self, begin: int) -> bool:
        """Return whether the block at `begin` is held whole, so that `block` reads nothing."""
        at = begin - self._offset
        if not 0 <= at < len(self._data):
            return False
        if self._at_end or at + MAX_COMPRESSED <= len(self._data):
            return True
        try:
            return at + block_size(self._data, at)[0] <= len(self._data)
        except FormatError:
            return False

    def block(self, begin: int) -> Block | None:
        """Return the block that begins at byte `begin`; None at the end of the file."""
        if not self.holds(begin):
            self.fetch(begin, begin + self._ahead)
        at = begin - self._offset
        if at >= len(self._data):
            return None
        return inflate(self._data, at, offset=self._offset)

    def blocks(self, begin: int) -> Iterator[Block]:
        """Yield the block at `begin` and all blocks after it, to the end of the file."""
        while (block := self.block(begin)) is not None:
            yield block
            begin = block.end
