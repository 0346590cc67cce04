"""Makes BAM, VCF and BCF files of every awkward kind, with their indexes; the same for the same seed.

Records are written by htslib. What htslib would never write (records cut by the ends of blocks, no end-of-file marker)
is made by compressing the uncompressed bytes again, with the gzip of Python's standard library.
"""

import random
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam
import pysam.bcftools

from catalogue.formats import ReadRange
from tests.made_once import made_once

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


# ---- reads


def make_bam_header(contigs: dict[str, int], *, comments: int = 0) -> pysam.AlignmentHeader:
    return pysam.AlignmentHeader.from_dict(
        {
            "HD": {"VN": "1.6", "SO": "coordinate"},
            "SQ": [
                {"SN": name, "LN": length, "M5": f"{number:032x}", "AN": f"chr{name},{name}.1"}
                for number, (name, length) in enumerate(contigs.items())
            ],
            "RG": [{"ID": "1", "SM": "sample"}, {"ID": "2", "SM": "sample"}, {"ID": "3", "SM": "other"}],
            "CO": [f"comment {number} {random.Random(number).random()}" for number in range(comments)],
        }
    )


_QUALITIES = "".join(chr(33 + quality) for quality in range(40))


def make_read(
    header: pysam.AlignmentHeader,
    name: str,
    *,
    contig: int,
    start: int,
    cigar: Sequence[tuple[int, int]],
    rng: random.Random,
    flag: int = 0,
) -> pysam.AlignedSegment:
    read = pysam.AlignedSegment(header)
    bases = sum(length for operation, length in cigar if operation in (0, 1, 4, 7, 8))
    read.query_name, read.flag = name, flag
    read.reference_id, read.reference_start = contig, start
    read.mapping_quality = rng.randrange(60)
    read.cigartuples = list(cigar) or None
    read.query_sequence = "".join(rng.choices("ACGT", k=bases or 50))
    read.query_qualities = pysam.qualitystring_to_array("".join(rng.choices(_QUALITIES, k=bases or 50)))
    read.set_tag("RG", rng.choice("123"))
    return read


def make_cigar(rng: random.Random) -> list[tuple[int, int]]:
    match rng.randrange(10):
        case 0:
            return [(4, 10), (0, 60), (3, rng.randint(100, 30_000)), (0, 40)]
        case 1:
            return [(0, 20), (1, 5), (0, 30), (2, 7), (0, 40), (5, 12)]
        case 2:
            return [(7, 30), (8, 1), (7, 29)]
        case 3:
            return []
        case 4:
            return [(4, 30)]
        case _:
            return [(0, rng.randint(30, 150))]


def make_reads(
    header: pysam.AlignmentHeader, *, seed: int, count: int, simple: bool = False
) -> Iterator[pysam.AlignedSegment]:
    """Reads of all kinds in coordinate order: spliced, clipped, without CIGAR, unmapped but placed.

    Simple ones are as of a genome: all mapped, of one length, without splices.
    """
    rng = random.Random(seed)
    places = sorted(
        (contig, rng.randrange(min(length, 100_000) if rng.random() < 0.8 else length))
        for contig, (name, length) in enumerate(zip(header.references, header.lengths, strict=True))
        if name != "empty"
        for _ in range(count if name == "one" else count // 4)
    )
    for number, (contig, start) in enumerate(places):
        if simple:
            yield make_read(header, f"r{number}", contig=contig, start=start, cigar=[(0, 100)], rng=rng)
        elif rng.random() < 0.06:
            yield make_read(header, f"u{number}", contig=contig, start=start, cigar=[], rng=rng, flag=4)
        else:
            cigar = make_cigar(rng)
            yield make_read(header, f"r{number}", contig=contig, start=start, cigar=cigar, rng=rng)


def make_bam(
    path: Path,
    *,
    seed: int = 1,
    count: int = 1500,
    unplaced: int = 0,
    comments: int = 0,
    contigs: dict[str, int] = CONTIGS,
    simple: bool = False,
    extra: Callable[[pysam.AlignmentHeader], Iterable[pysam.AlignedSegment]] = lambda header: (),
) -> Path:
    """A sorted BAM file; `extra` reads come among the others, where they belong."""
    header = make_bam_header(contigs, comments=comments)
    rng = random.Random(seed)
    placed = sorted(
        [*make_reads(header, seed=seed, count=count, simple=simple), *extra(header)],
        key=lambda read: (read.reference_id, read.reference_start),
    )
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for read in placed:
            file.write(read)
        for number in range(unplaced):
            file.write(make_read(header, f"n{number}", contig=-1, start=-1, cigar=[], rng=rng, flag=4))
    return path


def giant_reads(header: pysam.AlignmentHeader) -> Iterator[pysam.AlignedSegment]:
    """Reads longer than several blocks, and one whose CIGAR does not fit its field."""
    rng = random.Random(0)
    for number in range(6):
        start = number * 15_000
        yield make_read(header, f"g{number}", contig=0, start=start, cigar=[(0, 110_000)], rng=rng)
    cigar = [(0, 1), (2, 1)] * 33_000 + [(0, 1)]
    yield make_read(header, "c", contig=2, start=1000, cigar=cigar, rng=rng)


def make_long_reads(header: pysam.AlignmentHeader) -> Iterator[pysam.AlignedSegment]:
    """Sparse reads of up to 200,000 positions in coordinate order, as of a sequencer of long molecules."""
    rng = random.Random(11)
    places = sorted(
        (contig, rng.randrange(length - 200_000))
        for contig, length in enumerate(header.lengths)
        for _ in range(length // 60_000)
    )
    for number, (contig, start) in enumerate(places):
        cigar = [(0, 60), (3, rng.choice((1, 20_000, 150_000))), (0, rng.randint(1, 4000))]
        yield make_read(header, f"r{number}", contig=contig, start=start, cigar=cigar, rng=rng)


def index_bam(path: Path, *, csi: int | None = None) -> MadeFile:
    """The file with a BAI beside it, or a CSI of `csi` as min_shift."""
    suffix = ".bai" if csi is None else ".csi"
    options = ["-b"] if csi is None else ["-c", "-m", str(csi)]
    pysam.index(*options, str(path))
    return MadeFile(path, Path(f"{path}{suffix}"))


# ---- variants


def make_vcf_header(contigs: dict[str, int] = CONTIGS, *, samples: int = 2, comments: int = 0) -> str:
    return "\n".join(
        [
            "##fileformat=VCFv4.3",
            '##FILTER=<ID=PASS,Description="All filters passed">',
            '##INFO=<ID=END,Number=1,Type=Integer,Description="End, position">',
            '##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length">',
            '##INFO=<ID=NOTE,Number=1,Type=String,Description="Filling">',
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
            '##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="Length of block">',
            *(f"##contig=<ID={name},length={length},md5={length:032x}>" for name, length in contigs.items()),
            *(f"##comment{number}={random.Random(number).random()}" for number in range(comments)),
            "\t".join(
                ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
                + [f"s{number}" for number in range(samples)]
            ),
            "",
        ]
    )


def make_vcf_line(rng: random.Random, contig: str, position: int, number: int, *, filling: int = 60) -> str:
    """A record at 1-based `position`: plain, long REF, symbolic with END or SVLEN or both, block with LEN."""
    reference, alternative, keys, format_keys, sample = "A", "C", "", "GT", "0/1"
    match rng.randrange(9):
        case 0:
            reference = "".join(rng.choices("ACGT", k=rng.randint(2, 300)))
        case 1:
            alternative, keys = "<DEL>", f"END={position + rng.randint(0, 9000)};"
        case 2:
            alternative, keys = "<DEL:ME>,G", f"SVLEN=-{rng.randint(1, 20_000)},700;"
        case 3:
            alternative, keys = "T,<DUP>", f"SVLEN=9000,{rng.randint(1, 5000)};"
        case 4:
            alternative, keys = "<INS>", f"SVLEN={rng.randint(1, 5000)};"
        case 5:
            alternative, keys = "<*>", ""
            format_keys, sample = "GT:LEN", f"0/0:{rng.randint(1, 800)}"
        case 6:
            alternative, keys = ".", f"END={max(1, position - 3)};"
        case _:
            pass
    noise = "".join(
        rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", k=rng.randrange(filling))
    )
    fields = [contig, position, f"v{number}", reference, alternative, 50, "PASS", f"{keys}NOTE=x{noise}"]
    return "\t".join(map(str, [*fields, format_keys, sample, sample])) + "\n"


def make_vcf_text(
    *,
    seed: int = 1,
    count: int = 1500,
    contigs: dict[str, int] = CONTIGS,
    comments: int = 0,
    filling: int = 60,
) -> bytes:
    rng = random.Random(seed)
    lines = []
    for name, length in contigs.items():
        if name != "empty":
            near = min(length, 100_000)
            places = [
                rng.randint(1, near if rng.random() < 0.8 else length)
                for _ in range(count if name == "one" else count // 4)
            ]
            lines += [(name, place) for place in sorted(places)]
    return (
        make_vcf_header(contigs, comments=comments)
        + "".join(make_vcf_line(rng, *place, number, filling=filling) for number, place in enumerate(lines))
    ).encode()


def make_structural_variants(length: int) -> bytes:
    """A few thousand insertions, deletions and duplications, far apart and of every size."""
    rng = random.Random(12)
    contigs = {"one": length, "two": length // 4}
    places = [
        (name, place)
        for name, size in contigs.items()
        for place in sorted(rng.randrange(1, size) for _ in range(size // 25_000))
    ]
    lines = []
    for number, (name, place) in enumerate(places):
        kind = rng.choice(("INS", "DEL", "DUP"))
        reach = 0 if kind == "INS" else int(10 ** rng.uniform(1.7, 6))
        info = f"END={place + reach};NOTE={'x' * rng.randrange(100, 600)}"
        lines.append(f"{name}\t{place}\tv{number}\tN\t<{kind}>\t50\tPASS\t{info}\tGT\t0/1\t0/1\n")
    return (make_vcf_header(contigs) + "".join(lines)).encode()


def make_vcf(path: Path, text: bytes) -> Path:
    with pysam.BGZFile(str(path), "w", None) as file:
        file.write(text)
    return path


def index_vcf(path: Path, *, csi: int | None = None) -> MadeFile:
    """The file with a TBI beside it, or a CSI of `csi` as min_shift."""
    pysam.tabix_index(str(path), preset="vcf", force=True, csi=csi is not None, min_shift=csi or 0)
    return MadeFile(path, Path(f"{path}{'.tbi' if csi is None else '.csi'}"))


def make_bcf(path: Path, text: bytes) -> Path:
    source = path.with_suffix(".source.vcf")
    source.write_bytes(text)
    with (
        pysam.VariantFile(str(source)) as records,
        pysam.VariantFile(str(path), "wb", header=records.header) as file,
    ):
        for record in records:
            file.write(record)
    source.unlink()
    return path


def index_bcf(path: Path, *, csi: int = 14) -> MadeFile:
    pysam.bcftools.index("-f", "-c", "-m", str(csi), str(path), catch_stdout=False)
    return MadeFile(path, Path(f"{path}.csi"))


# ---- all kinds


def _bam(folder: Path, name: str, *, csi: int | None = None, **options: object) -> MadeFile:
    return index_bam(make_bam(folder / f"{name}.bam", **options), csi=csi)  # type: ignore[arg-type]


def _cut_bam(
    folder: Path, name: str, *, eof: bool = True, csi: int | None = None, **options: object
) -> MadeFile:
    whole = make_bam(folder / f"{name}.whole.bam", **options)  # type: ignore[arg-type]
    return index_bam(recut(whole, folder / f"{name}.bam", seed=7, eof=eof), csi=csi)


def _cut_vcf(
    folder: Path, name: str, *, csi: int | None = None, eof: bool = True, sizes: tuple[int, int]
) -> MadeFile:
    path = folder / f"{name}.vcf.gz"
    path.write_bytes(cut_anywhere(make_vcf_text(), random.Random(3), sizes=sizes, eof=eof, empty=0.02))
    return index_vcf(path, csi=csi)


def _cut_bcf(folder: Path, name: str) -> MadeFile:
    whole = make_bcf(folder / f"{name}.whole.bcf", make_vcf_text(seed=5))
    return index_bcf(recut(whole, folder / f"{name}.bcf", seed=8))


def _undeclared(folder: Path) -> MadeFile:
    """A VCF whose contigs only its index names."""
    lines = make_vcf_text(count=300).splitlines(keepends=True)
    text = b"".join(line for line in lines if not line.startswith(b"##contig"))
    return index_vcf(make_vcf(folder / "undeclared.vcf.gz", text))


def _unended(folder: Path) -> MadeFile:
    """A VCF whose last line has no newline, and whose last block is not the end-of-file marker."""
    text = make_vcf_text(count=300).rstrip(b"\n")
    path = folder / "unended.vcf.gz"
    path.write_bytes(cut_anywhere(text, random.Random(4), sizes=(200, 9000), eof=False))
    return index_vcf(path)


_MAKERS: dict[str, Callable[[Path], MadeFile]] = {
    "bam by htslib": lambda folder: _bam(folder, "plain", unplaced=300),
    "bam with csi": lambda folder: _bam(folder, "csi", csi=14, unplaced=20),
    "bam with fine csi": lambda folder: _bam(folder, "fine", csi=9),
    "bam with coarse csi": lambda folder: _bam(folder, "coarse", csi=17),
    "bam with records cut by blocks": lambda folder: _cut_bam(folder, "cut", unplaced=200),
    "bam cut, csi, no end": lambda folder: _cut_bam(folder, "cutcsi", csi=12, eof=False, unplaced=50),
    "bam with giant reads": lambda folder: _bam(folder, "giant", count=300, extra=giant_reads),
    "bam with giant reads cut": lambda folder: _cut_bam(
        folder, "giantcut", count=300, extra=giant_reads, csi=14
    ),
    "bam of one header": lambda folder: _bam(folder, "header", count=0),
    "bam of one header, no end": lambda folder: _cut_bam(folder, "headernoend", count=0, eof=False),
    "bam all unplaced": lambda folder: _bam(folder, "unplaced", count=0, unplaced=900),
    "bam with long header": lambda folder: _bam(folder, "long", count=200, comments=9000, unplaced=10),
    "bam with long header cut": lambda folder: _cut_bam(
        folder, "longcut", count=200, comments=9000, unplaced=10
    ),
    "bam of many reads": lambda folder: _bam(folder, "deep", count=12_000, unplaced=100),
    "vcf by htslib": lambda folder: index_vcf(make_vcf(folder / "plain.vcf.gz", make_vcf_text())),
    "vcf with csi": lambda folder: index_vcf(make_vcf(folder / "csi.vcf.gz", make_vcf_text()), csi=11),
    "vcf with lines cut by blocks": lambda folder: _cut_vcf(folder, "cut", sizes=(20, 3000)),
    "vcf cut, csi, no end": lambda folder: _cut_vcf(
        folder, "cutcsi", csi=14, eof=False, sizes=(3000, 65_000)
    ),
    "vcf of one header": lambda folder: index_vcf(make_vcf(folder / "header.vcf.gz", make_vcf_text(count=0))),
    "vcf with long lines": lambda folder: index_vcf(
        make_vcf(folder / "wide.vcf.gz", make_vcf_text(count=300, filling=9000, comments=5000))
    ),
    "vcf with undeclared contigs": _undeclared,
    "vcf without last newline": _unended,
    "bcf by htslib": lambda folder: index_bcf(make_bcf(folder / "plain.bcf", make_vcf_text())),
    "bcf with fine csi": lambda folder: index_bcf(make_bcf(folder / "fine.bcf", make_vcf_text()), csi=10),
    "bcf with records cut by blocks": lambda folder: _cut_bcf(folder, "cut"),
    "bcf of one header": lambda folder: index_bcf(make_bcf(folder / "header.bcf", make_vcf_text(count=0))),
}


def _copies(kind: str, make: Callable[[Path], MadeFile]) -> Callable[[Path], MadeFile]:
    def copy(folder: Path) -> MadeFile:
        first = made_once(f"{kind}.file", make)
        copied = [Path(shutil.copy2(path, folder)) for path in sorted(first.iterdir())]
        index = next(path for path in copied if path.suffix in {".bai", ".csi", ".tbi"})
        return MadeFile(index.with_suffix(""), index)

    return copy


#: How to get each kind of file, with its index, in a folder.
KINDS = {kind: _copies(kind, make) for kind, make in _MAKERS.items()}
