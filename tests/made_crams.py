"""Makes CRAM files of every shape that matters, with htslib as their writer, and reads them back with htslib.

Needs nothing but a folder to write into. The reads are random but the same for the same seed; each has a
name of its own, so that a list of names says which reads, in which order, and how often.
"""

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pysam
import pysam.samtools

from catalogue.formats import ReadRange

#: Contig names and lengths: one with most reads, one without any, one sparse, and many small ones.
CONTIGS = {"big": 6000, "none": 1000, "sparse": 5000, **{f"small{i}": 300 for i in range(6)}, "last": 700}

#: Format options of writers, and whether reads are to be set against the reference at all.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "one slice a container": ("seqs_per_slice=12",),
    "several slices a container": ("seqs_per_slice=9", "slices_per_container=4"),
    "several references a slice": ("seqs_per_slice=13", "multi_seq_per_slice=1"),
    "several references and slices": ("seqs_per_slice=7", "slices_per_container=5", "multi_seq_per_slice=1"),
    "embedded reference": ("seqs_per_slice=20", "embed_ref=1"),
    "no reference": ("seqs_per_slice=20", "slices_per_container=2", "no_ref=1"),
    "as samtools does by itself": (),
}

VERSIONS = ("2.1", "3.0", "3.1")


@dataclass(frozen=True, slots=True)
class MadeCram:
    """A CRAM file with its .crai beside it, and what is needed to read it."""

    path: Path
    reference: Path | None
    read_options: tuple[str, ...] = field(default=())

    @property
    def index(self) -> Path:
        return Path(f"{self.path}.crai")

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    def reads_in(self, path: Path) -> list[pysam.AlignedSegment]:
        """All reads of a file made of parts of this one, in its order."""
        with self._open(path) as file:
            return list(file.fetch(until_eof=True))

    def header_of(self, path: Path) -> str:
        with self._open(path) as file:
            return str(file.header)

    def _open(self, path: Path) -> pysam.AlignmentFile:
        return pysam.AlignmentFile(
            str(path),
            "rc",
            reference_filename=str(self.reference) if self.reference else None,
            format_options=list(self.read_options),
        )


def make_reference(folder: Path, *, seed: int = 0, contigs: dict[str, int] = CONTIGS) -> Path:
    """A FASTA file of random sequence with its .fai."""
    rng = random.Random(seed)
    path = folder / "reference.fa"
    path.write_text(
        "".join(f">{name}\n{''.join(rng.choices('ACGT', k=length))}\n" for name, length in contigs.items())
    )
    pysam.faidx(str(path))
    return path


def make_sam(
    *, seed: int = 0, contigs: dict[str, int] = CONTIGS, unplaced: int = 40, comment: str = ""
) -> tuple[str, list[str]]:
    """Header text and lines of reads in coordinate order: plain, spliced, clipped, placed though unmapped."""
    rng = random.Random(seed)
    header = "@HD\tVN:1.6\tSO:coordinate\n"
    header += "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in contigs.items())
    header += "@RG\tID:1\tSM:anna\n@RG\tID:2\tSM:boris\n" + (f"@CO\t{comment}\n" if comment else "")
    lines = []
    for name, length in contigs.items():
        count = {"big": 300, "none": 0, "sparse": 12}.get(name, rng.randint(1, 15))
        starts = sorted(rng.randrange(length - 200) for _ in range(count))
        lines += [_read(rng, f"{name}.{i}", name, start, length) for i, start in enumerate(starts)]
    lines += [_read(rng, f"unplaced.{i}", "*", -1, 0) for i in range(unplaced)]
    return header, lines


def _read(rng: random.Random, read: str, contig: str, start: int, length: int) -> str:
    if contig == "*" or rng.random() < 0.1:
        flag, quality, cigar = 4, 0, "*"
    else:
        # Now and then a read reaches far over those after it, into slices that begin later.
        skip = rng.randint(1, max(1, min(1500, length - start - 60)))
        flag, quality = rng.choice((0, 16)), rng.randint(1, 60)
        cigar = rng.choices(("50M", "5S40M5S", "20M3D27M2I1M", f"25M{skip}N25M", "1M"), (8, 2, 2, 1, 1))[0]
    bases = "".join(rng.choices("ACGT", k=1 if cigar == "1M" else 50))
    tags = f"RG:Z:{rng.randint(1, 2)}\tXX:i:{rng.randint(0, 9)}"
    scores = "".join(rng.choices("FGHI", k=len(bases)))
    return f"{read}\t{flag}\t{contig}\t{start + 1}\t{quality}\t{cigar}\t*\t0\t0\t{bases}\t{scores}\t{tags}"


def make_pairs(path: Path, reference: Path, *, seed: int = 4, pairs: int = 150) -> Path:
    """A BAM or CRAM file of pairs without any fault: with MC, MQ, MD and NM as samtools computes them.

    Of some pairs one end is not mapped; ends of others are on two contigs.
    """
    rng = random.Random(seed)
    folder = path.parent / f"{path.name}.parts"
    folder.mkdir()
    with pysam.FastaFile(str(reference)) as residues:
        contigs = dict(zip(residues.references, residues.lengths, strict=True))
        header = "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in contigs.items())
        lines = [
            _end(rng, f"p{number}", residues, contig, first=first, lost=lost and first)
            for number in range(pairs)
            for lost in [rng.random() < 0.1]
            for one in [rng.choice(["big", "sparse", "last"])]
            for contig, first in [(one, True), (one if rng.random() < 0.8 else "big", False)]
        ]
        # As many pairs of which neither end is mapped.
        lines += [
            f"u{number}\t{flag}\t*\t0\t0\t*\t*\t0\t0\tACGTACGT\tFFFFGGGG\tRG:Z:1"
            for number in range(pairs)
            for flag in (77, 141)
        ]
    (folder / "made.sam").write_text(
        f"@HD\tVN:1.6\tSO:queryname\n{header}@RG\tID:1\tSM:anna\tPL:ILLUMINA\n" + "\n".join(lines) + "\n"
    )
    pysam.samtools.fixmate("-m", str(folder / "made.sam"), str(folder / "fixed.bam"), catch_stdout=False)
    pysam.samtools.sort("-o", str(folder / "sorted.bam"), str(folder / "fixed.bam"), catch_stdout=False)
    # As text, so that htslib computes the bins again: fixmate leaves them as they were.
    (folder / "tagged.sam").write_text(
        str(pysam.samtools.calmd("--output-fmt", "sam", str(folder / "sorted.bam"), str(reference)))
    )
    kind = ("-b",) if path.suffix == ".bam" else ("-C", "-T", str(reference))
    pysam.samtools.view(*kind, "-o", str(path), str(folder / "tagged.sam"), catch_stdout=False)
    pysam.index(str(path))
    return path


def _end(
    rng: random.Random, name: str, residues: pysam.FastaFile, contig: str, *, first: bool, lost: bool
) -> str:
    """One end of a pair, with a few differences from the reference."""
    flag = 1 | (64 if first else 128)
    if lost:
        return f"{name}\t{flag | 4}\t*\t0\t0\t*\t*\t0\t0\t{'ACGT' * 12}\t{'F' * 48}\tRG:Z:1"
    start = rng.randrange(residues.get_reference_length(contig) - 100)
    text = residues.fetch(contig, start, start + 60)
    kinds = {
        "50M": text[:50],
        "4S46M": "ACGT" + text[:46],
        "20M3D27M": text[:20] + text[23:50],
        "20M2I28M": text[:20] + "GT" + text[20:48],
    }
    cigar, bases = rng.choice([*kinds.items()])
    at = rng.randrange(5, 15)
    bases = bases[:at] + rng.choice("ACGT") + bases[at + 1 :]
    scores = "".join(rng.choices("FGHI", k=len(bases)))
    flag |= rng.choice((0, 16))
    return f"{name}\t{flag}\t{contig}\t{start + 1}\t{rng.randint(1, 60)}\t{cigar}\t*\t0\t0\t{bases}\t{scores}\tRG:Z:1"


def make_cram(
    folder: Path,
    *,
    reference: Path,
    sam: tuple[str, Sequence[str]],
    version: str = "3.0",
    options: Iterable[str] = (),
    name: str = "made.cram",
    eof: bool = True,
) -> MadeCram:
    """A CRAM file of these reads with its index, both written by htslib; on request without its EOF container."""
    text, lines = sam
    header = pysam.AlignmentHeader.from_text(text)
    path = folder / name
    with pysam.AlignmentFile(
        str(path),
        "wc",
        header=header,
        reference_filename=str(reference),
        format_options=[f"version={version}", *options],
    ) as file:
        for line in lines:
            file.write(pysam.AlignedSegment.fromstring(line, header))
    pysam.index(str(path))
    if not eof:
        path.write_bytes(path.read_bytes()[: -{"2": 30, "3": 38}[version[0]]])
    return MadeCram(path=path, reference=reference)


def make_container(
    blocks: bytes,
    *,
    version: str,
    reference: int = 0,
    start: int = 0,
    span: int = 0,
    records: int = 0,
    counter: int = 0,
    bases: int = 0,
    block_count: int = 1,
    landmarks: Sequence[int] = (),
) -> bytes:
    """A container as its header structure's table says (CRAMv3 §7): positions 1-based, as they are stored."""
    length = len(blocks).to_bytes(4, "little")
    place = b"".join(map(itf8, (reference, start, span, records)))
    counts = (itf8(counter) if version < "3" else ltf8(counter)) + ltf8(bases)
    rest = itf8(block_count) + itf8(len(landmarks)) + b"".join(map(itf8, landmarks))
    return _checked(length + place + counts + rest, version) + blocks


def make_header_containers(text: str, version: str) -> dict[str, bytes]:
    """Header containers of every layout that the specification allows or writers are known to have made."""
    spare = make_block(bytes(500), version=version, content=0)

    def container(block: bytes, padding: bytes = b"", **fields: Any) -> bytes:
        return make_container(block + padding, version=version, **fields)

    raw = make_block(sam_block(text), version=version, content=0)
    zipped = make_block(sam_block(text), version=version, content=0, method=1)
    roomy = make_block(sam_block(text) + b"\0" + b"@SQ\tleft over" * 9, version=version, content=0)
    padded = make_block(sam_block(text + "\0" * 99), version=version, content=0)
    return {
        "no place": container(raw),
        "as htsjdk wrote it": container(raw, start=-1),
        "as htslib writes it": container(raw, landmarks=[0, len(raw)]),
        "a start and span below zero": container(zipped, start=-1, span=-1),
        "a reference that is none": container(raw, reference=-7, start=-3, span=-2),
        "landmarks beyond the end": container(raw, landmarks=[10_000_000, -1]),
        "two blocks": container(zipped, spare, block_count=2, landmarks=[0, len(zipped)]),
        "three blocks": container(raw, spare + spare, block_count=3),
        "bytes after the blocks": container(zipped, bytes(33)),
        "a block and bytes": container(zipped, spare + bytes(7), block_count=2),
        "room in the block": container(roomy),
        "room in the text": container(padded),
    }


def make_block(
    uncompressed: bytes,
    *,
    version: str,
    content: int,
    method: int = 0,
    size: int | None = None,
    data: bytes | None = None,
) -> bytes:
    """A block (CRAMv3 §8); `data` replaces what `method` makes of `uncompressed`, and `size` its true length."""
    compress: dict[int, Callable[[bytes], bytes]] = {
        0: bytes,
        1: gzip.compress,
        2: bz2.compress,
        3: lzma.compress,
    }
    data = compress[method](uncompressed) if data is None else data
    head = (
        bytes((method, content))
        + itf8(0)
        + itf8(len(data))
        + itf8(len(uncompressed) if size is None else size)
    )
    return _checked(head + data, version)


def make_definition(version: str) -> bytes:
    return b"CRAM" + bytes(map(int, version.split("."))) + b"made".ljust(20, b"\0")


def sam_block(text: str) -> bytes:
    """What a header block holds: the length of the text and the text."""
    return len(text.encode()).to_bytes(4, "little") + text.encode()


def _checked(data: bytes, version: str) -> bytes:
    return data if version < "3" else data + zlib.crc32(data).to_bytes(4, "little")


def reader_of(data: bytes) -> ReadRange:
    return lambda offset, length: data[offset : offset + length]


def itf8(value: int) -> bytes:
    """A signed 32-bit integer as CRAM writes it (CRAMv3 §2.3)."""
    value &= 0xFFFFFFFF
    for more, bits in enumerate((7, 14, 21, 28)):
        if value < 1 << bits:
            prefix = (0xFF00 >> more) & 0xFF if more else 0
            return (prefix << 8 * more | value).to_bytes(more + 1, "big")
    return bytes(
        (0xF0 | value >> 28, value >> 20 & 0xFF, value >> 12 & 0xFF, value >> 4 & 0xFF, value & 0x0F)
    )


def ltf8(value: int) -> bytes:
    """A signed 64-bit integer as CRAM writes it (CRAMv3 §2.3)."""
    value &= 0xFFFFFFFFFFFFFFFF
    for more in range(8):
        if value < 1 << 7 * (more + 1):
            prefix = (0xFF00 >> more) & 0xFF if more else 0
            return (prefix << 8 * more | value).to_bytes(more + 1, "big")
    return b"\xff" + value.to_bytes(8, "big")
