"""Where records lie in plain bytes, and which positions they cover: BAM, BCF and VCF.

A record covers the positions that htslib takes it to cover, so that what overlaps a region here overlaps it
there.
"""

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import NO_END, Region, unite_regions

#: The longest record that is believed, in bytes.
MAX_RECORD: Final = 256 * 1024 * 1024
#: Stands for any contig that was not asked for, in `Records.contigs` of a VCF.
OTHER_CONTIG: Final = -2
#: Every record that lies on no contig overlaps this.
UNPLACED: Final = Region(-1, -1, NO_END)

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records in the order of their bytes: record i is bytes `begins[i]` to `ends[i]` of the plain bytes.

    It covers positions `starts[i]` to `stops[i]` (0-based, half-open; a BCF record may cover none) of contig
    `contigs[i]`. The bytes from `walked` on are the beginning of a record that does not end within them.
    """

    begins: Numbers
    ends: Numbers
    contigs: Numbers
    starts: Numbers
    stops: Numbers
    walked: int

    def __len__(self) -> int:
        return len(self.begins)


class RegionSet:
    """Regions to hold records against, many at a time."""

    def __init__(self, regions: Iterable[Region]) -> None:
        self.regions = tuple(unite_regions(regions))
        by_contig: dict[int, list[Region]] = {}
        for region in self.regions:
            by_contig.setdefault(region.contig, []).append(region)
        self._edges = {
            contig: (
                np.array([piece.start for piece in pieces], dtype=np.int64),
                np.array([piece.end for piece in pieces], dtype=np.int64),
            )
            for contig, pieces in by_contig.items()
        }

    def overlapped_by(self, records: Records) -> NDArray[np.bool_]:
        """For each record, whether it overlaps any of the regions."""
        hits = np.zeros(len(records), dtype=np.bool_)
        for contig, (starts, ends) in self._edges.items():
            here = records.contigs == contig
            # The regions of a contig are disjoint and sorted: only the first that ends behind a record's
            # start can be the first that it overlaps.
            first = ends.searchsorted(records.starts, side="right")
            inside = first < len(ends)
            hits |= here & inside & (starts[np.where(inside, first, 0)] < records.stops)
        return hits


RecordWalker = Callable[[bytes, bool], Records]


def record_walker(format: FileFormat, *, names: Mapping[int, str]) -> RecordWalker:
    """A function (`plain`, `last`) that finds the records in plain bytes which begin with one.

    `last` says that no byte of a record follows: then what is left over is a line without its newline, or
    an error. `names` gives the contigs of interest of a VCF, whose records know them by name; the others
    are `OTHER_CONTIG`. The function raises `FormatError` on bytes that cannot be records; its offset counts
    from the bytes given.
    """
    match format:
        case FileFormat.BAM:
            return walk_bam
        case FileFormat.BCF:
            return walk_bcf
        case FileFormat.VCF:
            numbers = {name.encode(): number for number, name in names.items()}
            return lambda plain, last: walk_vcf(plain, last, numbers=numbers)
        case _:
            raise ValueError(f"{format} has no records in plain bytes")


_BAM_HEAD = np.dtype(
    [
        ("size", "<i4"),
        ("contig", "<i4"),
        ("start", "<i4"),
        ("name", "u1"),
        ("quality", "u1"),
        ("bin", "<u2"),
        ("operations", "<u2"),
        ("flag", "<u2"),
        ("bases", "<i4"),
    ]
)
_BAM_FIXED = 36
_UNMAPPED = 4
# Of the CIGAR operations MIDNSHP=X, those that take up positions of the reference (SAMv1 §4.2.2).
_ON_REFERENCE = np.array([op in "MDN=X" for op in "MIDNSHP=X......."])


def walk_bam(plain: bytes, last: bool) -> Records:
    """The records of a BAM file (SAMv1 §4.2).

    An unmapped read, and one whose CIGAR takes up no position, covers one position. A CIGAR too long for
    its field is replaced by one of equal extent (SAMv1 §4.2.2), which is all that matters here.
    """
    begins, walked = _chain(plain, last, _BAM_SIZE, fixed=4, least=_BAM_FIXED - 4)
    heads = _gather(plain, _BAM_HEAD, begins)
    cigars = begins + _BAM_FIXED + heads["name"]
    operations, bases = heads["operations"].astype(np.int64), heads["bases"].astype(np.int64)
    needed = cigars + 4 * operations + (bases + 1) // 2 + bases
    ends = begins + 4 + heads["size"]
    _refuse(
        (heads["contig"] < -1) | (heads["start"] < -1) | (heads["name"] == 0) | (bases < 0) | (needed > ends),
        begins,
        "implausible BAM record",
    )
    lengths = _cigar_lengths(plain, cigars, operations)
    lengths[(heads["flag"] & _UNMAPPED != 0) | (lengths == 0)] = 1
    starts = heads["start"].astype(np.int64)
    return Records(begins, ends, heads["contig"].astype(np.int64), starts, starts + lengths, walked)


def _cigar_lengths(plain: bytes, cigars: Numbers, operations: Numbers) -> Numbers:
    """How many positions of the reference each CIGAR takes up; they begin at `cigars`."""
    sums = np.concatenate(([0], np.cumsum(operations)))
    within = np.arange(sums[-1]) - np.repeat(sums[:-1], operations)
    packed = _gather(plain, np.dtype("<u4"), np.repeat(cigars, operations) + 4 * within)
    lengths = np.where(_ON_REFERENCE[packed & 15], packed >> 4, 0)
    totals = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return totals[sums[1:]] - totals[sums[:-1]]


_BCF_HEAD = np.dtype(
    [
        ("shared", "<u4"),
        ("individual", "<u4"),
        ("contig", "<i4"),
        ("start", "<i4"),
        ("length", "<i4"),
        ("quality", "<f4"),
        ("counts", "<u4"),
        ("samples", "<u4"),
    ]
)


def walk_bcf(plain: bytes, last: bool) -> Records:
    """The records of a BCF file (VCFv4.3 §6.3): what a record covers is its own `rlen`."""
    begins, walked = _chain(plain, last, _BCF_SIZES, fixed=8, least=_BCF_HEAD.itemsize - 8)
    heads = _gather(plain, _BCF_HEAD, begins)
    sizes = heads["shared"].astype(np.int64), heads["individual"].astype(np.int64)
    ends = begins + 8 + sizes[0] + sizes[1]
    _refuse(
        (heads["contig"] < 0) | (heads["start"] < -1) | (sizes[0] < _BCF_HEAD.itemsize - 8),
        begins,
        "implausible BCF record",
    )
    starts, lengths = heads["start"].astype(np.int64), heads["length"].astype(np.int64)
    for broken in np.flatnonzero(lengths < 0):
        lengths[broken] = _bcf_reference_length(plain, int(begins[broken]), int(ends[broken]))
    return Records(begins, ends, heads["contig"].astype(np.int64), starts, starts + lengths, walked)


def _bcf_reference_length(plain: bytes, begin: int, end: int) -> int:
    """The length of the REF allele, which stands in for an `rlen` that some writers leave negative."""
    at = begin + _BCF_HEAD.itemsize
    length = 0
    for _ in ("ID", "REF"):
        at += length
        if at >= end:
            raise FormatError("implausible BCF record", offset=begin)
        length, at = plain[at] >> 4, at + 1
        if length == 15:
            width = {1: 1, 2: 2, 3: 4}.get(plain[at] & 15 if at < end else 0)
            if width is None or at + 1 + width > end:
                raise FormatError("implausible BCF record", offset=begin)
            length = int.from_bytes(plain[at + 1 : at + 1 + width], "little")
            at += 1 + width
    if at + length > end:
        raise FormatError("implausible BCF record", offset=begin)
    return length


_BAM_SIZE = struct.Struct("<i")
_BCF_SIZES = struct.Struct("<II")


def _chain(plain: bytes, last: bool, layout: struct.Struct, *, fixed: int, least: int) -> tuple[Numbers, int]:
    """Where records begin that say their own size (the sum of `layout`) in their first `fixed` bytes."""
    begins: list[int] = []
    add, unpack = begins.append, layout.unpack_from
    at, furthest = 0, len(plain) - fixed
    while at <= furthest:
        size = sum(unpack(plain, at))
        if not least <= size <= MAX_RECORD:
            raise FormatError(f"record of {size} bytes", offset=at)
        following = at + fixed + size
        if following > len(plain):
            break
        add(at)
        at = following
    if last and at < len(plain):
        raise FormatError("record is cut short", offset=at)
    return np.array(begins, dtype=np.int64), at


def _gather(plain: bytes, dtype: np.dtype[Any], places: Numbers) -> NDArray[Any]:
    """One item of `dtype` from each place, wherever it is aligned."""
    count = len(plain) - dtype.itemsize + 1
    if count < 1 or not len(places):
        return np.empty(0, dtype=dtype)
    return np.ndarray(count, dtype=dtype, buffer=plain, strides=(1,))[places]


def _refuse(wrong: NDArray[np.bool_], begins: Numbers, reason: str) -> None:
    if wrong.any():
        raise FormatError(reason, offset=int(begins[wrong.argmax()]))


_END = re.compile(rb"(?:^|;)END=(\d{1,18})")
_SVLEN = re.compile(rb"(?:^|;)SVLEN=([^;]*)")
_LENGTH = re.compile(rb"[ \t]*([+-]?\d{1,18})")
_SPANNING_ALLELE = re.compile(rb"<(?:CNV|DEL|DUP|INV)(?::[^,]*)?>")
_MAX_DIGITS = 18
_BLOCK_ALLELES = (b"<*>", b"<NON_REF>")


def walk_vcf(plain: bytes, last: bool, *, numbers: Mapping[bytes, int]) -> Records:
    """The records of a VCF file (VCFv4.3 §1.6), of the contigs in `numbers`; the others are `OTHER_CONTIG`.

    A record covers REF, and further as far as INFO's END, SVLEN (for symbolic deletions and the like) and
    FORMAT's LEN (for reference blocks) reach: the rule of htslib since 1.21. Comments and empty lines are
    no records.
    """
    newlines = np.flatnonzero(np.frombuffer(plain, dtype=np.uint8) == ord("\n")).tolist()
    if last and len(plain) > (newlines[-1] + 1 if newlines else 0):
        newlines.append(len(plain))
    rows: list[tuple[int, int, int, int, int]] = []
    begin = 0
    for newline in newlines:
        if newline > begin and plain[begin] != ord("#"):
            number = numbers.get(plain[begin : plain.find(b"\t", begin, newline)], OTHER_CONTIG)
            end = min(newline + 1, len(plain))
            rows.append((begin, end, number, *_vcf_extent(plain[begin:newline], begin)))
        begin = min(newline + 1, len(plain))
    if len(plain) - begin > MAX_RECORD:
        raise FormatError(f"line of more than {MAX_RECORD} bytes", offset=begin)
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    begins, ends, contigs, starts, stops = (np.ascontiguousarray(column) for column in table.T)
    return Records(begins, ends, contigs, starts, stops, walked=begin)


def _vcf_extent(line: bytes, offset: int) -> tuple[int, int]:
    fields = line.split(b"\t", 8)
    if len(fields) < 8 or not fields[1].isdigit() or len(fields[1]) > _MAX_DIGITS:
        raise FormatError("line that is no VCF record", offset=offset)
    reference, alleles, info = fields[3], fields[4], fields[7]
    start = max(0, int(fields[1]) - 1)
    stop = start + len(reference)
    if b"END=" in info and (end := _END.search(info)):
        stop = max(stop, int(end[1]))
    if b"<" in alleles:
        if b"SVLEN=" in info:
            stop = max(stop, start + _symbolic_length(alleles, info))
        if any(allele in _BLOCK_ALLELES for allele in alleles.split(b",")) and len(fields) == 9:
            stop = max(stop, start + _block_length(fields[8]))
    return start, stop


def _symbolic_length(alleles: bytes, info: bytes) -> int:
    lengths = found[1].rstrip(b"\r").split(b",") if (found := _SVLEN.search(info)) else []
    return max(
        (
            abs(_leading_number(length))
            for allele, length in zip(alleles.split(b","), lengths, strict=False)
            if _SPANNING_ALLELE.fullmatch(allele)
        ),
        default=0,
    )


def _block_length(format_and_samples: bytes) -> int:
    keys, *samples = format_and_samples.split(b"\t")
    names = keys.rstrip(b"\r").split(b":")
    if b"LEN" not in names:
        return 0
    place = names.index(b"LEN")
    values = (sample.split(b":") for sample in samples)
    return max((_leading_number(value[place]) for value in values if len(value) > place), default=0)


def _leading_number(text: bytes) -> int:
    return int(found[1]) if (found := _LENGTH.match(text)) else 0
