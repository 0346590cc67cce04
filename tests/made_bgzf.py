"""Makes BGZF files whose blocks end anywhere, and reads such files by htslib.

What htslib would never write (records cut by the ends of blocks, no end-of-file marker) is made by compressing the
uncompressed bytes again, with the gzip of Python's standard library.
"""

import random
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import pysam

from catalogue.formats import ReadRange

EOF_MARKER = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
#: Contig names and lengths. "empty" never holds a record; "wide" is sparse and long.
CONTIGS = {"one": 120_000, "empty": 50_000, "wide": 40_000_000, "last": 60_000}


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file and its index, where it has one."""

    path: Path
    index: Path | None

    def __str__(self) -> str:
        return self.path.name


def reader_of(data: bytes) -> ReadRange:
    """A file that is nothing but bytes in memory."""
    return lambda offset, length: data[offset : offset + length]


def bgzf_block(uncompressed: bytes, *, level: int = 1, extra: bytes = b"") -> bytes:
    """One BGZF block, `extra` being subfields that come before BC."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -15)
    payload = stream.compress(uncompressed) + stream.flush()
    fields = extra + b"BC\x02\x00"
    size = 12 + len(fields) + 2 + len(payload) + 8
    return b"".join(
        (
            b"\x1f\x8b\x08\x04\0\0\0\0\0\xff",
            struct.pack("<H", len(fields) + 2) + fields + struct.pack("<H", size - 1),
            payload,
            struct.pack("<II", zlib.crc32(uncompressed), len(uncompressed)),
        )
    )


def block_offsets(data: bytes) -> list[int]:
    """Return where each BGZF block begins, and where the last one ends (SAM 1.6, section 4.1)."""
    offsets = [0]
    while offsets[-1] < len(data):
        at = offsets[-1] + 16
        offsets.append(offsets[-1] + int.from_bytes(data[at : at + 2], "little") + 1)
    return offsets


def cut_anywhere(
    uncompressed: bytes, rng: random.Random, *, sizes: tuple[int, int], eof: bool = True, empty: float = 0.0
) -> bytes:
    """The bytes in blocks of random sizes, which take no account of records; some are empty, if so wanted."""
    blocks = []
    at = 0
    while at < len(uncompressed):
        size = rng.randint(*sizes)
        blocks.append(bgzf_block(uncompressed[at : at + size]))
        at += size
        if rng.random() < empty:
            blocks.append(bgzf_block(b"", level=0))  # which is not the marker
    return b"".join(blocks) + (EOF_MARKER if eof else b"")


def uncompressed_of(path: Path) -> bytes:
    """What a BGZF file holds, read by htslib."""
    with pysam.BGZFile(str(path), "r", None) as file:
        return bytes(file.read())


def recut(
    source: Path, path: Path, *, seed: int, sizes: tuple[int, int] = (20, 3000), eof: bool = True
) -> Path:
    path.write_bytes(
        cut_anywhere(uncompressed_of(source), random.Random(seed), sizes=sizes, eof=eof, empty=0.02)
    )
    return path
