"""Makes BAM files by htslib, with their indexes; the same for the same seed."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pysam

from tests.made_bgzf import CONTIGS, MadeFile


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
