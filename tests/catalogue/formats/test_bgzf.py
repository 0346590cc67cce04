"""BGZF against Python's gzip and htslib."""

import gzip
import random
import struct
import zlib
from pathlib import Path

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats.bgzf import (
    EOF_MARKER,
    MAX_COMPRESSED,
    BlockReader,
    deflate,
    inflate,
    is_eof,
    verify_tail,
)
from tests.made_bgzf import bgzf_block, cut_anywhere, reader_of


def uncompressed_of(data: bytes) -> bytes:
    return b"".join(block.data for block in BlockReader(reader_of(data)).blocks(0))


@given(st.binary(max_size=400_000))
@settings(max_examples=30)
def test_what_is_deflated_gzip_reads(uncompressed: bytes) -> None:
    stored = deflate(uncompressed)
    assert gzip.decompress(stored) == uncompressed if uncompressed else stored == b""
    assert uncompressed_of(stored) == uncompressed


@pytest.mark.parametrize("length", [1, 0xFEFF, 0xFF00, 0xFF01, 0x10000, 0x20000, 1_000_000])
def test_bytes_that_cannot_be_compressed_fit_their_blocks(length: int, tmp_path: Path) -> None:
    uncompressed = random.Random(length).randbytes(length)
    path = tmp_path / "file.gz"
    path.write_bytes(deflate(uncompressed) + EOF_MARKER)
    with pysam.BGZFile(str(path), "r", None) as file:
        assert file.read() == uncompressed


@given(st.binary(min_size=1, max_size=20_000), st.integers(0, 2**32), st.integers(1, 5000))
@settings(max_examples=40)
def test_blocks_of_any_size_are_read(uncompressed: bytes, seed: int, size: int) -> None:
    data = cut_anywhere(uncompressed, random.Random(seed), sizes=(1, size), empty=0.1)
    assert uncompressed_of(data) == uncompressed
    begins = [block.begin for block in BlockReader(reader_of(data)).blocks(0)]
    assert begins[-1] == len(data) - len(EOF_MARKER)


def test_subfields_beside_bc_are_passed_over() -> None:
    block = bgzf_block(b"hello", extra=b"XY\x03\x00abc" + b"ZZ\x00\x00")
    assert inflate(block).data == b"hello"
    assert uncompressed_of(block + bgzf_block(b" you")) == b"hello you"


def test_what_htslib_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    with pysam.BGZFile(str(path), "w", None) as file:
        file.write(b"line\n" * 100_000)
    assert uncompressed_of(path.read_bytes()) == b"line\n" * 100_000


def test_end_of_file_is_told() -> None:
    assert is_eof(EOF_MARKER) and is_eof(bgzf_block(b"x") + EOF_MARKER)
    assert not is_eof(bgzf_block(b"x")) and not is_eof(b"") and not is_eof(EOF_MARKER[:-1])


LARGE = b"".join(bgzf_block(random.Random(number).randbytes(60_000)) for number in range(5))


@pytest.mark.parametrize(
    "data",
    [
        EOF_MARKER,
        bgzf_block(b"one") + EOF_MARKER,
        bgzf_block(b"one"),
        LARGE,
        LARGE + EOF_MARKER,
        LARGE + 3 * EOF_MARKER,
        LARGE + bgzf_block(b"last", extra=b"XY\x03\x00abc") + EOF_MARKER,
        LARGE + bgzf_block(b"\x1f\x8b\x08\x04" * 9, level=0) + EOF_MARKER,
    ],
)
def test_a_whole_tail_is_accepted(data: bytes) -> None:
    verify_tail(reader_of(data), size=len(data))


def test_a_corrupt_last_block_is_noticed() -> None:
    for last in (LARGE, LARGE + EOF_MARKER):
        end = len(LARGE)
        for at, reason in (
            (end - 1, "does not hold what it claims|claims to hold"),
            (end - 5, "does not hold"),
        ):
            damaged = bytearray(last)
            damaged[at] ^= 1
            with pytest.raises(FormatError, match=reason):
                verify_tail(reader_of(bytes(damaged)), size=len(damaged))


@pytest.mark.parametrize("data", [LARGE, bgzf_block(b"short" * 99), LARGE + bgzf_block(b"short")])
def test_a_file_cut_off_in_a_block_is_noticed(data: bytes) -> None:
    for cut in (1, 7, 12, 20):
        end = len(data) - cut
        with pytest.raises(FormatError, match=f"the file is cut off at byte {end:,}, inside the BGZF block"):
            verify_tail(reader_of(data[:end]), size=end)
    with pytest.raises(FormatError, match="no BGZF block"):
        verify_tail(reader_of(data + b"trailing bytes"), size=len(data) + 14)
    with pytest.raises(FormatError, match="no BGZF block"):
        verify_tail(reader_of(bytes(500_000)), size=500_000)


def broken(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        uncompressed_of(data)
    return caught.value


def test_errors_name_place_and_reason() -> None:
    good = bgzf_block(b"good")
    assert broken(good + gzip.compress(b"plain gzip")).offset == len(good)
    assert "not in BGZF" in broken(gzip.compress(b"plain gzip")).reason
    assert broken(good + b"nonsense, no block").offset == len(good)
    for cut in (len(good) - 3, 7, 17):
        assert f"cut off at byte {cut}" in broken(good[:cut]).reason
    wrong_sum = good[:-8] + b"\0\0\0\0" + good[-4:]
    assert "claims" in broken(wrong_sum).reason
    assert "too small" in broken(good[:16] + b"\x05\x00" + good[18:]).reason


def test_a_block_that_swells_is_refused_unswollen() -> None:
    """64 KiB of deflate stream can hold 64 MiB; neither an honest nor a lying length lets them out."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = bomb.compress(b"\0" * 40_000_000) + bomb.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\x00BC\x02\x00" + struct.pack("<H", 18 + len(payload) + 8 - 1)
    for length in (40_000_000, 65_536, 10, 0):
        assert "hold" in broken(head + payload + struct.pack("<II", 0, length)).reason


@given(st.integers(0, 10**9), st.integers(0, 255))
@settings(max_examples=300)
def test_a_changed_byte_is_noticed_or_changes_nothing(place: int, value: int) -> None:
    data = bytearray(b"".join(bgzf_block(text) for text in (b"one" * 50, b"two" * 70, b"")))
    data[place % len(data)] = value
    try:
        assert uncompressed_of(bytes(data)) == b"one" * 50 + b"two" * 70
    except FormatError:
        pass


def test_neighbouring_blocks_cost_one_read() -> None:
    data = b"".join(bgzf_block(bytes([number]) * 1000) for number in range(200))
    reads: list[int] = []

    def read_range(offset: int, length: int) -> bytes:
        reads.append(length)
        return data[offset : offset + length]

    assert len(list(BlockReader(read_range).blocks(0))) == 200
    assert len(reads) <= 2

    reads.clear()
    reader = BlockReader(read_range, ahead=1)
    reader.fetch(0, 500)
    assert reader.block(0) is not None and reads == [500]
    assert reader.block(len(data) - len(bgzf_block(bytes([199]) * 1000))) is not None
    assert reads == [500, MAX_COMPRESSED]
    assert reader.block(len(data)) is None
