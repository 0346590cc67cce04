"""Finds the keys of a data file's index, and reads and verifies its bytes into contig indexes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.binning import BinningIndex
from catalogue.formats.binning_pages import pack_index
from catalogue.formats.crai import CraiRow, pack, parse_crai, verify_rows
from catalogue.formats.cram import CramFile
from catalogue.formats.headers import FileFormat, FileHeader, with_indexed_contigs
from catalogue.formats.index_files import read_index
from catalogue.formats.intervals import VirtualOffset
from catalogue.formats.registry import SPECS, strip_suffix
from catalogue.formats.spec import FileKind
from catalogue.ingest.indexes.proof import SAMPLES, prove_binning_index

#: Upper bound of the size of an index file, in bytes.
MAX_INDEX_FILE = 256 * 1024 * 1024

_COMPRESSED_SUFFIX = re.compile(r"\.b?gz$", re.IGNORECASE)
_VCF_COLUMNS = (1, 2)
_ZERO_BASED = 0x10000


class StoredContigIndex(NamedTuple):
    """The packed index of one contig and, if the file's index has counts, its mapped and unmapped records."""

    packed: bytes
    mapped: int | None = None
    unmapped: int | None = None


@dataclass(frozen=True, slots=True)
class FileIndex:
    """An index ready to be stored: contig indexes by the contig's number in the file.

    `unplaced_begin` (a virtual offset) is None if every record has a contig; `unplaced` is the number of records
    without contig, None if the index has no count. `placed_end` is the end of the last record on a contig, None for
    CRAM. `extra_contigs` are the names that only the index of a VCF has, in the order in which they follow the
    header's.
    """

    kind: str
    contigs: Mapping[int, StoredContigIndex]
    unplaced_begin: int | None
    unplaced: int | None
    placed_end: VirtualOffset | None = None
    extra_contigs: tuple[str, ...] = ()


def index_keys(key: str, format: FileFormat) -> list[str]:
    """Return the possible keys of the index of the file `key`, the most common first."""
    # x.vcf.gz may have its index in x.vcf.tbi, written by programs that strip one suffix only.
    stems = (key, strip_suffix(key)[0], _COMPRESSED_SUFFIX.sub("", key))
    return list(dict.fromkeys(stem + suffix for stem in stems for suffix in SPECS[format].index_suffixes))


def read_binning_index(data: bytes, *, header: FileHeader, read_range: ReadRange, size: int) -> FileIndex:
    """Read and verify the BAI, CSI or TBI index `data` of a file of `size` bytes.

    Raises `FormatError` if it is not an index, or not the index of this file.
    """
    index = read_index(data)
    index.verify_extent(size)
    full, numbers = _numbering(index, header)
    prove_binning_index(index, numbers=numbers, header=full, read_range=read_range)
    contigs = {contig.index: StoredContigIndex(b"", 0, 0) for contig in full.contigs}
    for number, contig in zip(numbers, index.contigs, strict=True):
        if contig is not None:
            contigs[number] = StoredContigIndex(pack_index(contig), contig.mapped, contig.unmapped)
    unplaced_begin = None
    if SPECS[header.format].kind is FileKind.READS and index.unplaced != 0:
        unplaced_begin = index.placed_end() or header.end
    extra = tuple(contig.name for contig in full.contigs[len(header.contigs) :])
    return FileIndex(index.kind, contigs, unplaced_begin, index.unplaced, index.placed_end(), extra)


def read_cram_index(data: bytes, *, file: CramFile, read_range: ReadRange) -> FileIndex:
    """Read and verify the CRAI index `data` of a CRAM file. Raises `FormatError` as `read_binning_index`."""
    rows = parse_crai(data)
    verify_rows(rows, read_range, file, max_containers=SAMPLES)
    _verify_order(rows)
    packed = pack(rows, data=file.data, contigs=len(file.header.contigs))
    contigs = {number: StoredContigIndex(data) for number, data in packed.contigs.items()}
    unplaced_begin = None if packed.unplaced is None else VirtualOffset.at(packed.unplaced)
    return FileIndex("CRAI", contigs, unplaced_begin, None)


def _verify_order(rows: Sequence[CraiRow]) -> None:
    """Raise `FormatError` unless slices follow one another in coordinate order.

    The index does not give the order of reads inside a slice. A start of 0 may mean that the writer did not know it.
    """
    known = sorted((row.container, row.landmark, row.reference, row.start) for row in rows if row.start > 0)
    placed = [(reference, start) for _, _, reference, start in known if reference >= 0]
    if placed != sorted(placed):
        raise FormatError("the reads are not in coordinate order")


def _numbering(index: BinningIndex, header: FileHeader) -> tuple[FileHeader, list[int]]:
    """Return the header with the contigs that only the index names, and the number of each contig of the index."""
    spec = SPECS[header.format]
    if spec.records_name_contigs:
        return _numbering_by_name(index, header)
    declared = {contig.index for contig in header.contigs}
    if spec.kind is FileKind.READS and len(index.contigs) != len(declared):
        raise FormatError(f"the index knows {len(index.contigs)} contigs, the header {len(declared)}")
    for number, contig in enumerate(index.contigs):
        if contig is not None and number not in declared:
            raise FormatError(f"the index has records on contig {number}, which the header does not declare")
    return header, list(range(len(index.contigs)))


def _numbering_by_name(index: BinningIndex, header: FileHeader) -> tuple[FileHeader, list[int]]:
    columns = index.columns
    if columns is None:
        raise FormatError("the index was not made by tabix, which alone can index VCF")
    if (columns.sequence, columns.begin) != _VCF_COLUMNS or columns.format & _ZERO_BASED:
        raise FormatError("tabix indexed other columns than those of VCF")
    names = index.names[: len(index.contigs)]
    if len(set(names)) != len(names):
        raise FormatError("the index names a contig twice")
    full = with_indexed_contigs(header, names)
    numbers = {contig.name: contig.index for contig in full.contigs}
    return full, [numbers[name] for name in names]
