"""Make the large files for measurements of htsget, once, in var/bench: a BAM of 30-fold depth and a VCF.

Reads have 150 bases, flags of pairs and eight levels of qualities, like those of current sequencers; the BGZF blocks of
the BAM hold whole records, as htslib writes them.
"""

import random
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pysam

from catalogue.formats import bgzf

KEPT = Path(__file__).resolve().parent.parent / "var" / "bench"

DEPTH = 30
READ = 150
#: Two contigs, for a BAM of about 550 MB at 30-fold depth.
CONTIGS = {"chr1": 20_000_000, "chr2": 12_000_000}
VARIANTS = 400_000

#: What the reads were taken of.
REFERENCE = KEPT / "deep.fa"
_BASES = np.frombuffer(b"ACGT", dtype="u1")

_HEAD = np.dtype(
    [
        ("size", "<i4"), ("contig", "<i4"), ("start", "<i4"), ("name_length", "u1"), ("mapq", "u1"), ("bin", "<u2"),
        ("operations", "<u2"), ("flag", "<u2"), ("bases", "<i4"), ("mate", "<i4"), ("mate_start", "<i4"),
        ("span", "<i4"), ("name", "S12"), ("cigar", "<u4"), ("sequence", "u1", ((READ + 1) // 2,)),
        ("quality", "u1", (READ,)), ("tags", "S16"),
    ]
)  # fmt: skip
_QUALITIES = np.array([2, 12, 23, 27, 32, 35, 37, 40], dtype="u1")
_PER_BLOCK = 65_280 // _HEAD.itemsize


def make_bam() -> Path:
    """Make a BAM of at least 500 MB at 30-fold depth, with its .bai, and `REFERENCE`, with its .fai."""
    path = KEPT / "deep.bam"
    if not path.with_suffix(".bam.bai").exists() or not REFERENCE.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(1)
        with path.open("wb") as file, REFERENCE.open("wb") as reference:
            file.write(bgzf.deflate(_header()))
            for number, length in enumerate(CONTIGS.values()):
                starts = np.sort(rng.integers(0, length - READ, length * DEPTH // READ))
                genome = rng.integers(0, 4, length, dtype="u1")
                reference.write(b">chr%d\n%s\n" % (number + 1, _BASES[genome].tobytes()))
                for at in range(0, len(starts), _PER_BLOCK):
                    reads = _reads(rng, number, starts[at : at + _PER_BLOCK], genome, serial=at)
                    file.write(bgzf.deflate(reads.tobytes()))
            file.write(bgzf.EOF_MARKER)
        pysam.index(str(path))
        pysam.faidx(str(REFERENCE))
    assert path.stat().st_size >= 500_000_000, path.stat().st_size
    return path


def make_cram() -> Path:
    """Make a CRAM of the same reads, with its .crai, by samtools."""
    bam = make_bam()
    path = bam.with_suffix(".cram")
    if not Path(f"{path}.crai").exists():
        pysam.view("-C", "-T", str(REFERENCE), "-o", str(path), str(bam), catch_stdout=False)
        pysam.index(str(path))
    return path


def make_long_contig(bases: int) -> tuple[Path, Path]:
    """Make a reference with one contig of so many bases, and a BAM of 12 MB with reads in the middle of it."""
    reference, path = KEPT / f"long.{bases}.fa", KEPT / f"long.{bases}.bam"
    if not Path(f"{path}.bai").exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(3)
        genome = rng.integers(0, 4, bases, dtype="u1")
        reference.write_bytes(b">chr1\n%s\n" % _BASES[genome].tobytes())
        pysam.faidx(str(reference))
        starts = np.sort(rng.integers(bases // 2, bases // 2 + 800_000, 120_000))
        with path.open("wb") as file:
            file.write(bgzf.deflate(_header({"chr1": bases})))
            for at in range(0, len(starts), _PER_BLOCK):
                reads = _reads(rng, 0, starts[at : at + _PER_BLOCK], genome, serial=at)
                file.write(bgzf.deflate(reads.tobytes()))
            file.write(bgzf.EOF_MARKER)
        pysam.index(str(path))
    return reference, path


def _header(lengths: Mapping[str, int] = CONTIGS) -> bytes:
    text = "@HD\tVN:1.6\tSO:coordinate\n"
    text += "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in lengths.items())
    text += "@RG\tID:run1\tSM:sample\n"
    contigs = b"".join(
        struct.pack("<i", len(name) + 1) + name.encode() + b"\0" + struct.pack("<i", length)
        for name, length in lengths.items()
    )
    return b"BAM\1" + struct.pack("<i", len(text)) + text.encode() + struct.pack("<i", len(lengths)) + contigs


def _reads(
    rng: np.random.Generator, contig: int, starts: np.ndarray, genome: np.ndarray, *, serial: int
) -> np.ndarray:
    count = len(starts)
    reads = np.zeros(count, dtype=_HEAD)
    reads["size"], reads["contig"], reads["start"] = _HEAD.itemsize - 4, contig, starts
    reads["name_length"], reads["mapq"], reads["operations"], reads["flag"] = 12, 60, 1, 99
    reads["bin"] = _bins(starts, starts + READ)
    reads["bases"], reads["mate"], reads["span"] = READ, contig, 400
    reads["mate_start"] = starts + 250
    reads["name"] = [b"r%010d" % (contig * 10**9 + serial + i) for i in range(count)]
    reads["cigar"] = READ << 4
    bases = genome[starts[:, None] + np.arange(READ)]
    wrong = rng.random(bases.shape) < 0.003
    bases = np.where(wrong, (bases + 1) % 4, bases)
    codes = np.left_shift(1, bases).astype("u1")
    reads["sequence"] = codes[:, 0::2] << 4 | codes[:, 1::2]
    reads["quality"] = _QUALITIES[
        rng.choice(8, (count, READ), p=[0.01, 0.03, 0.04, 0.05, 0.07, 0.1, 0.3, 0.4])
    ]
    reads["tags"] = b"RGZrun1\0NMC\1ASC\x96"
    return reads


def _bins(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the bin of a record (SAMv1 §5.3)."""
    bins = np.zeros(len(begin), dtype="<u2")
    for shift, first in ((26, 1), (23, 9), (20, 73), (17, 585), (14, 4681)):
        same = begin >> shift == (end - 1) >> shift
        bins[same] = (first + (begin >> shift))[same]
    return bins


def make_vcf() -> Path:
    """Make a bgzip VCF of about 400,000 variants of three samples, with its .tbi."""
    path = KEPT / "many.vcf.gz"
    if not Path(f"{path}.tbi").exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        rng = random.Random(2)
        lines = [
            "##fileformat=VCFv4.3",
            *(f"##contig=<ID={name},length={size}>" for name, size in CONTIGS.items()),
        ]
        lines += ['##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">']
        lines += [
            f'##FORMAT=<ID={key},Number=1,Type={kind},Description="x">'
            for key, kind in (("GT", "String"), ("DP", "Integer"))
        ]
        lines += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\tc"]
        total = sum(CONTIGS.values())
        for name, size in CONTIGS.items():
            for start in sorted(rng.sample(range(1, size), VARIANTS * size // total)):
                samples = "\t".join(
                    f"{rng.choice(('0/0', '0/1', '1/1'))}:{rng.randint(5, 60)}" for _ in range(3)
                )
                lines.append(
                    f"{name}\t{start}\trs{rng.randrange(10**9)}\t{rng.choice('AC')}\t{rng.choice('GT')}\t"
                    f"{rng.randint(20, 99)}\tPASS\tAF={rng.random():.4f}\tGT:DP\t{samples}"
                )
        path.write_bytes(bgzf.deflate(("\n".join(lines) + "\n").encode()) + bgzf.EOF_MARKER)
        pysam.tabix_index(str(path), preset="vcf", force=True)
    return path
