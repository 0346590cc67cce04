"""Decompresses text files; recognises the compression by content, never by file name.

Reads uncompressed text, gzip (one or many members) and BGZF; rejects other compressions by name.
"""

import io
from collections.abc import Iterator
from typing import Final, cast

from isal import igzip, isal_zlib

from catalogue.formats import FormatError
from catalogue.formats.bgzf import EOF_MARKER, is_bgzf, is_eof

#: Bytes of every chunk but the last.
CHUNK: Final = 1 << 19

# The stubs of isal declare this error class as an instance.
_CORRUPT = (igzip.BadGzipFile, cast(type[Exception], isal_zlib.error))
_GZIP = b"\x1f\x8b"
_REFUSED = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"\x1f\x9d": "compress",
}


class WatchedInput(io.RawIOBase):
    """A binary input that counts the bytes read, and keeps the last few of them.

    Works on streams that cannot seek, such as standard input. Closing it does not close `stream`.
    """

    def __init__(self, stream: io.RawIOBase | io.BufferedIOBase) -> None:
        self._stream = stream
        self.count = 0
        self.tail = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Fill the buffer with as many reads as needed; return fewer bytes only at the end."""
        view = memoryview(buffer).cast("B")
        got = 0
        while got < len(view) and (more := self._stream.readinto(view[got:])):
            got += more
        self.count += got
        last = bytes(view[max(got - len(EOF_MARKER), 0) : got])
        self.tail = (self.tail + last)[-len(EOF_MARKER) :]
        return got


def decompressed_chunks(watched: WatchedInput) -> Iterator[bytes]:
    """Yield the uncompressed bytes, in chunks of `CHUNK`.

    Raises `FormatError` for another compression, for gzip that is corrupt or cut short, and for BGZF without EOF
    marker, which was cut short between two blocks.
    """
    stream = io.BufferedReader(watched, CHUNK)
    start = stream.peek(32)
    for magic, name in _REFUSED.items():
        if start.startswith(magic):
            raise FormatError(f"compressed with {name}; decompress it, or compress it with gzip or bgzip")
    if not start.startswith(_GZIP):
        yield from _chunks(stream)
        return
    try:
        yield from _chunks(igzip.IGzipFile(fileobj=stream, mode="rb"))  # type: ignore[no-untyped-call]
    except EOFError:
        raise FormatError("the gzip data is cut short") from None
    except _CORRUPT as error:
        raise FormatError(f"the gzip data is corrupt ({error})") from None
    if is_bgzf(start) and not is_eof(watched.tail):
        raise FormatError("the bgzip file is cut short: it lacks its end-of-file marker")


def _chunks(stream: io.BufferedIOBase) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk
