"""Simulate aligned read pairs of one person, and write them as BAM and CRAM with their indexes.

As in `genome`, everything follows from one seed through `random.random()`. Coordinates are 0-based and half-open.
"""

import os
import random
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pysam

from htsgetsite.demo.genome import SEED, demo_genome, md5_of, reverse_complement
from htsgetsite.demo.variation import haplotype

#: Mean coverage, and length of a read in bases.
DEPTH = 12
LENGTH = 100

_FRAGMENT = (250, 200)
_ERROR = 0.004
_LOST = 0.01
_FOREIGN = 300
_PAIRED, _PROPER, _UNMAPPED, _MATE_UNMAPPED, _REVERSE, _MATE_REVERSE, _FIRST, _SECOND = (
    1 << i for i in range(8)
)

_MATCH, _INSERTION, _DELETION = range(3)


class _Aligned(NamedTuple):
    """The alignment of residues of a haplotype to the reference: first position and CIGAR operations."""

    start: int
    cigar: tuple[tuple[int, int], ...]


class _Read(NamedTuple):
    """One read to be written; `contig` and `start` are -1 if it is unplaced."""

    name: str
    flag: int
    contig: int
    start: int
    cigar: tuple[tuple[int, int], ...]
    residues: str
    mate_start: int
    span: int


def reads_header(person: str) -> pysam.AlignmentHeader:
    """Return the header of a person's reads, with the MD5 of every chromosome."""
    return pysam.AlignmentHeader.from_dict(
        {
            "HD": {"VN": "1.6", "SO": "coordinate"},
            "SQ": [
                {
                    "SN": chromosome.name,
                    "LN": len(chromosome.residues),
                    "M5": md5_of(chromosome.residues),
                    "AN": chromosome.name.lower(),
                    "AS": "demo",
                    **({"TP": "circular"} if chromosome.circular else {}),
                }
                for chromosome in demo_genome().chromosomes
            ],
            "RG": [{"ID": person, "SM": person, "PL": "ILLUMINA", "DS": "simulated"}],
        }
    )


def write_reads(person: str, *, bam: Path, cram: Path) -> None:
    """Write a person's reads in both formats, in coordinate order, with BAI and CRAI indexes beside them.

    Not for programs with several threads: it changes environment variables while it runs.
    """
    header = reads_header(person)
    # Unplaced pairs come last; the sort is stable, so mates stay together.
    reads = sorted(_reads(person), key=lambda read: (read.contig < 0, read.contig, read.start))
    segments = [_segment(read, header, person) for read in reads]
    _write(bam, "wb", segments, header)
    with _reference_by_md5(cram.parent):
        _write(cram, "wc", segments, header, options=["version=3.0", "seqs_per_slice=2000"])


def _write(
    path: Path,
    mode: str,
    segments: Iterable[pysam.AlignedSegment],
    header: pysam.AlignmentHeader,
    options: list[str] | None = None,
) -> None:
    with pysam.AlignmentFile(str(path), mode, header=header, format_options=options) as file:
        for segment in segments:
            file.write(segment)
    pysam.index(str(path))


@contextmanager
def _reference_by_md5(folder: Path) -> Iterator[None]:
    """Let htslib find the reference by MD5: given as a file, its path would be written into the CRAM."""
    before = {name: os.environ.get(name) for name in ("REF_PATH", "REF_CACHE")}
    with tempfile.TemporaryDirectory(dir=folder) as references:
        for chromosome in demo_genome().chromosomes:
            (Path(references) / md5_of(chromosome.residues)).write_text(chromosome.residues, encoding="ascii")
        os.environ |= {"REF_PATH": f"{references}/%s", "REF_CACHE": ""}
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def _reads(person: str) -> Iterator[_Read]:
    source = random.Random(f"{SEED} {person}")
    number = 0
    for contig, chromosome in enumerate(demo_genome().chromosomes):
        haplotypes = [_Haplotype(chromosome.name, chromosome.residues, person, which) for which in (0, 1)]
        for _ in range(len(chromosome.residues) * DEPTH // (2 * LENGTH)):
            number += 1
            yield from haplotypes[source.random() < 0.5].pair(source, contig, f"{person}:{number}")
    for _ in range(_FOREIGN):
        # Contamination: reads that align nowhere.
        number += 1
        for which in (_FIRST, _SECOND):
            residues = "".join("ACGT"[int(source.random() * 4)] for _ in range(LENGTH))
            flag = _PAIRED | _UNMAPPED | _MATE_UNMAPPED | which
            yield _Read(f"{person}:{number}", flag, -1, -1, (), residues, -1, 0)


class _Haplotype:
    """One haplotype of a person's chromosome, from which fragments are sequenced."""

    def __init__(self, chromosome: str, residues: str, person: str, which: int) -> None:
        self._pieces = haplotype(chromosome, residues, person=person, which=which)
        self._begins = [0, *accumulate(len(piece.residues) for piece in self._pieces)]
        self._residues = "".join(piece.residues for piece in self._pieces)

    def pair(self, source: random.Random, contig: int, name: str) -> Iterator[_Read]:
        """Yield both reads of one random fragment; nothing if a read would contain N."""
        length = _FRAGMENT[0] + int(source.random() * _FRAGMENT[1])
        begin = int(source.random() * (len(self._residues) - length))
        ends = (begin, begin + length - LENGTH)
        if any("N" in self._residues[end : end + LENGTH] for end in ends):
            return
        left, right = (self._aligned(end, end + LENGTH) for end in ends)
        residues = [_sequenced(source, self._residues[end : end + LENGTH]) for end in ends]
        first_is_left = source.random() < 0.5
        flags = [
            _PAIRED | (_FIRST if first_is_left else _SECOND),
            _PAIRED | (_SECOND if first_is_left else _FIRST),
        ]
        if source.random() < _LOST:
            # The right read is unmapped, and placed at the position of its mate.
            yield _Read(
                name, flags[0] | _MATE_UNMAPPED, contig, left.start, left.cigar, residues[0], left.start, 0
            )
            lost = reverse_complement(residues[1])
            yield _Read(name, flags[1] | _UNMAPPED, contig, left.start, (), lost, left.start, 0)
            return
        span = right.start + _extent(right.cigar) - left.start
        flag = flags[0] | _PROPER | _MATE_REVERSE
        yield _Read(name, flag, contig, left.start, left.cigar, residues[0], right.start, span)
        flag = flags[1] | _PROPER | _REVERSE
        yield _Read(name, flag, contig, right.start, right.cigar, residues[1], left.start, -span)

    def _aligned(self, begin: int, end: int) -> _Aligned:
        """Align residues `[begin, end)` of the haplotype to the reference."""
        operations: list[tuple[int, int]] = []
        start = None
        reached = 0
        at = bisect_right(self._begins, begin) - 1
        while at < len(self._pieces) and self._begins[at] < end:
            piece, offset = self._pieces[at], self._begins[at]
            low, high = max(begin - offset, 0), min(end - offset, len(piece.residues))
            inserted = piece.start == piece.end
            # An aligner cannot tell an insertion at the edge of a read from mismatches, so it becomes a match here.
            if inserted and (start is None or offset + high == end):
                inserted = False
                placed = piece.start - (high - low) if start is None else reached
            else:
                placed = piece.start + low
            if start is None:
                start = placed
            elif not inserted and placed > reached:
                operations.append((_DELETION, placed - reached))
            operations.append((_INSERTION if inserted else _MATCH, high - low))
            reached = reached if inserted else placed + high - low
            at += 1
        assert start is not None
        return _Aligned(start, tuple(_merged(operations)))


def _merged(operations: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    kept: tuple[int, int] | None = None
    for operation, length in operations:
        if kept is not None and kept[0] == operation:
            kept = operation, kept[1] + length
            continue
        if kept is not None:
            yield kept
        kept = operation, length
    if kept is not None:
        yield kept


def _extent(cigar: Sequence[tuple[int, int]]) -> int:
    return sum(length for operation, length in cigar if operation != _INSERTION)


def _sequenced(source: random.Random, residues: str) -> str:
    """Return the residues with random sequencing errors."""
    read = list(residues)
    for at in range(len(read)):
        if source.random() < _ERROR:
            read[at] = "ACGT"[int(source.random() * 4)]
    return "".join(read)


def _segment(read: _Read, header: pysam.AlignmentHeader, person: str) -> pysam.AlignedSegment:
    segment = pysam.AlignedSegment(header)
    segment.query_name, segment.flag = read.name, read.flag
    segment.reference_id, segment.reference_start = read.contig, read.start
    segment.mapping_quality = 0 if read.flag & _UNMAPPED else 60
    segment.cigartuples = list(read.cigar) or None
    segment.query_sequence = read.residues
    segment.query_qualities = pysam.qualitystring_to_array("F" * len(read.residues))
    segment.next_reference_id = read.contig
    segment.next_reference_start = read.mate_start
    segment.template_length = read.span
    segment.set_tag("RG", person)
    return segment
