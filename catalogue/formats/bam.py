"""BAM (SAMv1 §4.2): reads the header and locates records."""

import struct
from dataclasses import replace

import numpy as np

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import deflate
from catalogue.formats.headers import (
    MAX_CONTIGS,
    FileFormat,
    FileHeader,
    HeaderContig,
    HeaderReader,
    decode_text,
)
from catalogue.formats.records import Numbers, Records, chain_records, gather, refuse
from catalogue.formats.sam import parse_sam_header
from catalogue.formats.spec import FileKind, FormatSpec, Locus, ReadLocus, Structure

_MAGIC = b"BAM\1"


def read_bam_header(read_range: ReadRange) -> FileHeader:
    """Read a BAM header. The binary dictionary defines the contigs; `@SQ` lines add md5 and aliases.

    Raises `FormatError` when the header is corrupt, cut short or longer than `MAX_HEADER` bytes.
    """
    reader = HeaderReader(read_range)
    reader.take(len(_MAGIC))
    text = decode_text(reader.take(reader.take_int32()))
    sam = parse_sam_header(text)
    described = {contig.name: contig for contig in sam.contigs}
    contigs: list[HeaderContig] = []
    count = reader.take_int32()
    if not 0 <= count <= MAX_CONTIGS:
        raise FormatError(f"header claims {count} contigs")
    for index in range(count):
        name = decode_text(reader.take(reader.take_int32()))
        length = reader.take_int32()
        if not name:
            raise FormatError(f"contig {index} of the header has no name")
        if length < 0:
            raise FormatError(
                f"contig {name[:100]} of the header has {length % 2**32:,} bases; BAM allows {2**31 - 1:,}"
            )
        contig = described.get(name) or HeaderContig(index, name, length)
        if (contig.index, contig.length) != (index, length):
            contig = replace(contig, index=index, length=length)
        contigs.append(contig)
    return FileHeader(
        format=FileFormat.BAM,
        version=sam.version,
        text=text,
        contigs=tuple(contigs),
        samples=sam.samples,
        sort_order=sam.sort_order,
        end=reader.virtual_offset(),
        packed=deflate(reader.taken()),
    )


_HEAD = np.dtype(
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
_FIXED = 36
_UNMAPPED = 4
# Which of the CIGAR operations MIDNSHP=X cover positions of the reference (SAMv1 §4.2.2).
_ON_REFERENCE = np.array([op in "MDN=X" for op in "MIDNSHP=X......."])


def walk_bam(data: bytes, last: bool) -> Records:
    """Find the records in uncompressed BAM bytes.

    An unmapped read, and one whose CIGAR covers no position, covers one position. A CIGAR too long for its
    field is replaced by one of equal extent (SAMv1 §4.2.2), which is all that matters here.
    """
    begins, walked = chain_records(data, last, numbers=1, min_size=_FIXED - 4)
    heads = gather(data, _HEAD, begins)
    cigars = begins + _FIXED + heads["name"]
    operations, bases = heads["operations"].astype(np.int64), heads["bases"].astype(np.int64)
    needed = cigars + 4 * operations + (bases + 1) // 2 + bases
    ends = begins + 4 + heads["size"]
    refuse(
        (heads["contig"] < -1) | (heads["start"] < -1) | (heads["name"] == 0) | (bases < 0) | (needed > ends),
        begins,
        "implausible BAM record",
    )
    lengths = _cigar_lengths(data, cigars, operations)
    lengths[(heads["flag"] & _UNMAPPED != 0) | (lengths == 0)] = 1
    starts = heads["start"].astype(np.int64)
    return Records(begins, ends, heads["contig"].astype(np.int64), starts, starts + lengths, walked)


def _cigar_lengths(data: bytes, cigars: Numbers, operations: Numbers) -> Numbers:
    """Return how many positions of the reference each CIGAR covers; they begin at `cigars`."""
    sums = np.concatenate(([0], np.cumsum(operations)))
    within = np.arange(sums[-1]) - np.repeat(sums[:-1], operations)
    packed = gather(data, np.dtype("<u4"), np.repeat(cigars, operations) + 4 * within)
    lengths = np.where(_ON_REFERENCE[packed & 15], packed >> 4, 0)
    totals = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return totals[sums[1:]] - totals[sums[:-1]]


def _locus_reader(header: FileHeader) -> ReadLocus:
    return lambda start: Locus(*struct.unpack_from("<ii", start, 4)) if len(start) >= 12 else None


BAM = FormatSpec(
    format=FileFormat.BAM,
    kind=FileKind.READS,
    structure=Structure.BGZF,
    magics=(_MAGIC,),
    suffixes=(".bam",),
    index_suffixes=(".bai", ".csi"),
    # CSI has no limit of contig length, unlike BAI.
    built_index_suffix=".csi",
    # Windows of 4 kb, not of 16: a search for a small region looks at half of the records (docs/benchmarks.md).
    built_index_options=("-c", "-m", "12"),
    converts_to=(FileFormat.CRAM,),
    read_header=read_bam_header,
    record_walker=lambda _names: walk_bam,
    locus_reader=_locus_reader,
)
