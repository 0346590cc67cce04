"""Decompression of every supported compression; errors for cut and corrupt input."""

import gzip
import io
import os
from pathlib import Path

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats import gunzip as gunzip_module
from catalogue.formats.bgzf import EOF_MARKER, deflate
from catalogue.formats.gunzip import CHUNK, WatchedInput, decompressed_chunks


def unpacked(data: bytes) -> bytes:
    return b"".join(decompressed_chunks(WatchedInput(io.BytesIO(data))))


@given(parts=st.lists(st.binary(max_size=300), max_size=5), padding=st.integers(0, 20))
def test_members_behind_one_another_read_as_one(parts: list[bytes], padding: int) -> None:
    members = b"".join(gzip.compress(part) for part in parts)
    assert unpacked(members + (b"\0" * padding if parts else b"")) == b"".join(parts)
    blocks = b"".join(deflate(part) for part in parts) + EOF_MARKER
    assert unpacked(blocks) == b"".join(parts)


def test_plain_text_is_handed_on_in_chunks() -> None:
    data = os.urandom(2 * CHUNK + 5).replace(b"\x1f\x8b", b"..")
    watched = WatchedInput(io.BytesIO(b">" + data))
    chunks = list(decompressed_chunks(watched))
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 6]
    assert b"".join(chunks) == b">" + data
    assert watched.count == len(data) + 1
    assert unpacked(b"") == b""


def test_what_bgzip_writes(tmp_path: Path) -> None:
    data = os.urandom(200_000)
    with pysam.BGZFile(str(tmp_path / "x"), "w", None) as file:
        file.write(data)
    stored = (tmp_path / "x").read_bytes()
    assert unpacked(stored) == data
    with pytest.raises(FormatError, match="lacks its end-of-file marker"):
        unpacked(stored.removesuffix(EOF_MARKER))


@pytest.mark.parametrize("kind", ["gzip", "bgzf"])
def test_cut_short_anywhere(kind: str) -> None:
    data = os.urandom(150_000)
    stored = gzip.compress(data) if kind == "gzip" else deflate(data) + EOF_MARKER
    for length in [2, 3, 9, 11, 17, 100, 65_000, 66_000, *range(len(stored) - 40, len(stored))]:
        with pytest.raises(FormatError, match=r"cut short|corrupt"):
            unpacked(stored[:length])


def test_corrupt_anywhere() -> None:
    data = os.urandom(3000)
    stored = gzip.compress(data)
    for place in range(0, len(stored), 7):
        if place in range(4, 10):
            # Time, extra flags and operating system mean nothing to the data.
            continue
        damaged = bytearray(stored)
        damaged[place] ^= 0x55
        if bytes(damaged[:2]) != b"\x1f\x8b":
            continue
        with pytest.raises(FormatError):
            unpacked(bytes(damaged))


def test_other_bytes_behind_the_last_member() -> None:
    with pytest.raises(FormatError):
        unpacked(gzip.compress(b"x") + b"something else that is long enough")


@pytest.mark.parametrize(
    ("magic", "name"),
    [(b"BZh9", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip")],
)
def test_other_compressions_are_refused_by_name(magic: bytes, name: str) -> None:
    with pytest.raises(FormatError, match=name):
        unpacked(magic + b"whatever")


def test_a_pipe_that_gives_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dripping(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._data = data

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
            got, self._data = self._data[:1], self._data[1:]
            memoryview(buffer)[: len(got)] = got
            return len(got)

    monkeypatch.setattr(gunzip_module, "CHUNK", 100)
    data = os.urandom(500).replace(b"\x1f\x8b", b"..")
    assert b"".join(decompressed_chunks(WatchedInput(Dripping(b">" + data)))) == b">" + data
    stored = deflate(data) + EOF_MARKER
    assert b"".join(decompressed_chunks(WatchedInput(Dripping(stored)))) == data
