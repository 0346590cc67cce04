"""BCF 2.1 and 2.2 (VCFv4.3 §6): reads the header and locates records."""

import struct

import numpy as np

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.headers import FileFormat, FileHeader, HeaderReader, decode_text
from catalogue.formats.records import Records, chain_records, gather, refuse
from catalogue.formats.spec import FileKind, FormatSpec, Locus, ReadLocus, Structure
from catalogue.formats.vcf import parse_vcf_header

_MAGICS = (b"BCF\2\1", b"BCF\2\2")


def read_bcf_header(read_range: ReadRange) -> FileHeader:
    """Read a BCF header (VCFv4.3 §6.2).

    Raises `FormatError` when the header is corrupt, cut short or longer than `MAX_HEADER` bytes.
    """
    reader = HeaderReader(read_range)
    magic = reader.take(5)
    text = decode_text(reader.take(reader.take_int32()))
    if not text.startswith("##fileformat=VCF"):
        raise FormatError("BCF header holds no VCF header")
    return parse_vcf_header(FileFormat.BCF, text, version=f"2.{magic[4]}", reader=reader)


_HEAD = np.dtype(
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


def walk_bcf(data: bytes, last: bool) -> Records:
    """Find the records in uncompressed BCF bytes (VCFv4.3 §6.3). A record covers `rlen` positions."""
    begins, walked = chain_records(data, last, numbers=2, min_size=_HEAD.itemsize - 8)
    heads = gather(data, _HEAD, begins)
    sizes = heads["shared"].astype(np.int64), heads["individual"].astype(np.int64)
    ends = begins + 8 + sizes[0] + sizes[1]
    refuse(
        (heads["contig"] < 0) | (heads["start"] < -1) | (sizes[0] < _HEAD.itemsize - 8),
        begins,
        "implausible BCF record",
    )
    starts, lengths = heads["start"].astype(np.int64), heads["length"].astype(np.int64)
    for broken in np.flatnonzero(lengths < 0):
        lengths[broken] = _reference_length(data, int(begins[broken]), int(ends[broken]))
    return Records(begins, ends, heads["contig"].astype(np.int64), starts, starts + lengths, walked)


def _reference_length(data: bytes, begin: int, end: int) -> int:
    """Return the length of the REF allele, needed because some writers leave `rlen` negative."""
    at = begin + _HEAD.itemsize
    length = 0
    for _ in ("ID", "REF"):
        at += length
        if at >= end:
            raise FormatError("implausible BCF record", offset=begin)
        length, at = data[at] >> 4, at + 1
        if length == 15:
            width = {1: 1, 2: 2, 3: 4}.get(data[at] & 15 if at < end else 0)
            if width is None or at + 1 + width > end:
                raise FormatError("implausible BCF record", offset=begin)
            length = int.from_bytes(data[at + 1 : at + 1 + width], "little")
            at += 1 + width
    if at + length > end:
        raise FormatError("implausible BCF record", offset=begin)
    return length


def _locus_reader(header: FileHeader) -> ReadLocus:
    return lambda start: Locus(*struct.unpack_from("<ii", start, 8)) if len(start) >= 16 else None


BCF = FormatSpec(
    format=FileFormat.BCF,
    kind=FileKind.VARIANTS,
    structure=Structure.BGZF,
    magics=_MAGICS,
    suffixes=(".bcf", ".bcf.gz", ".bcf.bgz"),
    index_suffixes=(".csi",),
    built_index_suffix=".csi",
    built_index_options=("-c",),
    converts_to=(FileFormat.VCF,),
    read_header=read_bcf_header,
    record_walker=lambda _names: walk_bcf,
    locus_reader=_locus_reader,
)
