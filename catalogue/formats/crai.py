"""CRAI, the index of CRAM (CRAMv3 §12): from rows of slices to the containers that hold reads of a region.

A row describes one slice and one reference: where its reads begin, how far they reach, and where the slice lies in the
file. Whole containers are served, so rows are grouped by container, and a container ends where the next *distinct* one
begins: several rows may describe the same container, for further slices or for further references in one slice.

A large contig index has pages (`index_pages`): a page has the containers with reads on it, the head for each page the
ranges of all of them.
"""

import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.cram import CramFile, read_data_container, verify_container, walk_containers
from catalogue.formats.cram_structure import SEVERAL_REFERENCES, UNPLACED, Container
from catalogue.formats.index_pages import MAX_GROWTH, MAX_PAGES, MAX_WHOLE, pack_pages, split_pages
from catalogue.formats.intervals import MAX_POSITION, ByteRange

#: Upper bound of an uncompressed index (256 MiB: some ten million slices); a larger one is treated as corrupt.
MAX_INDEX_LENGTH = 1 << 28

_ROW = re.compile(rb"(-?\d{1,10})\t(-?\d{1,10})\t(-?\d{1,10})\t(\d{1,18})\t(\d{1,10})\t(\d{1,10})")

_PACKED = np.dtype([("begin", "<i8"), ("end", "<i8"), ("start", "<u4"), ("stop", "<u4")])
_PACKED_VERSION = b"CRAI\x01"


Offsets = NDArray[np.int64]
Table = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True, slots=True)
class CraiRow:
    """The reads of one slice on one reference.

    `reference` is an index into the file's own list of contigs, or -1 for reads without a contig. Every
    read lies within positions `start` to `end`, 0-based and half-open. The slice begins `landmark` bytes after
    the header structure of the container at byte `container`.
    """

    reference: int
    start: int
    end: int
    container: int
    landmark: int


@dataclass(frozen=True, slots=True)
class PackedIndex:
    """An index as stored: the packed contig index of each contig with reads, by the contig's number.

    `unplaced` is the first byte of the containers with reads on no contig, which extend to the last container; None
    when there are none.
    """

    contigs: Mapping[int, bytes]
    unplaced: int | None


def parse_crai(data: bytes) -> list[CraiRow]:
    """Parse the rows of a .crai file, gzipped or not, in file order. Raises `FormatError`."""
    rows = []
    offset = 0
    for line in _uncompressed(data).splitlines(keepends=True):
        if row := line.rstrip(b"\r\n"):
            rows.append(_parse_row(row, offset))
        offset += len(line)
    return rows


def verify_rows(
    rows: Iterable[CraiRow], read_range: ReadRange, file: CramFile, *, max_containers: int = 32
) -> None:
    """Verify that the rows belong to this file.

    The rows must cover the file's data from first to last byte, and the headers of `max_containers` containers (first,
    last, and others spread evenly between) must agree with the rows. The blocks of the last container must be whole.
    Raises `FormatError`.
    """
    by_container: defaultdict[int, list[CraiRow]] = defaultdict(list)
    for row in rows:
        by_container[row.container].append(row)
    begins = sorted(by_container)
    ends = [*begins[1:], file.data.end]
    _skip_empty(read_range, file, begin=file.data.begin, end=begins[0] if begins else file.data.end)
    for i in np.unique(np.linspace(0, len(begins) - 1, max_containers, dtype=np.int64)) if begins else ():
        container = read_data_container(read_range, file, offset=begins[i])
        for row in by_container[begins[i]]:
            if container.reference not in (row.reference, SEVERAL_REFERENCES):
                raise FormatError(
                    "CRAM container holds another reference than its index says", offset=begins[i]
                )
            if row.landmark not in container.landmarks:
                raise FormatError("no CRAM slice begins where the index says", offset=begins[i])
        _skip_empty(read_range, file, begin=container.extent.end, end=ends[i])
        if i == len(begins) - 1:
            verify_container(read_range, file, container)


def verify_packed(
    packed: Mapping[int, bytes],
    unplaced: int | None,
    read_range: ReadRange,
    file: CramFile,
    *,
    max_containers: int | None = None,
) -> None:
    """Verify that packed contig indexes (by contig number) belong to this file, as `verify_rows` does.

    `unplaced` is the first byte of the containers with reads on no contig. Without `max_containers` every container is
    read, and the blocks of each must be whole. Raises `FormatError`.
    """
    ends: dict[int, int] = {}
    references: defaultdict[int, set[int]] = defaultdict(set)
    for number, data in packed.items():
        for begin, end in zip(*(array.tolist() for array in container_ranges(data)), strict=True):
            ends[begin] = end
            references[begin].add(number)
    begins = sorted(ends)
    limit = file.data.end if unplaced is None else unplaced
    _skip_empty(read_range, file, begin=file.data.begin, end=min([*begins, limit]))
    if max_containers is None:
        _verify_every(read_range, file, references, unplaced)
        return
    for i in np.unique(np.linspace(0, len(begins) - 1, max_containers, dtype=np.int64)) if begins else ():
        container = read_data_container(read_range, file, offset=begins[i])
        _verify_reference(container, references[begins[i]])
        _skip_empty(read_range, file, begin=container.extent.end, end=ends[begins[i]])
        if i == len(begins) - 1:
            verify_container(read_range, file, container)


def _verify_every(
    read_range: ReadRange, file: CramFile, references: Mapping[int, set[int]], unplaced: int | None
) -> None:
    left = set(references)
    for container in walk_containers(read_range, file):
        verify_container(read_range, file, container)
        begin = container.extent.begin
        left.discard(begin)
        if begin in references:
            _verify_reference(container, references[begin])
        elif container.records and (unplaced is None or begin < unplaced):
            raise FormatError("the index does not know a CRAM container", offset=begin)
    if left:
        raise FormatError("no CRAM container begins where the index says", offset=min(left))


def _verify_reference(container: Container, references: set[int]) -> None:
    if container.reference != SEVERAL_REFERENCES and container.reference not in references:
        raise FormatError(
            "CRAM container holds another reference than its index says", offset=container.extent.begin
        )


def pack(rows: Iterable[CraiRow], *, data: ByteRange, contigs: int) -> PackedIndex:
    """Pack the index of a file whose containers fill `data` and whose header lists `contigs` contigs.

    Raises `FormatError` when a row lies outside either, or when reads on a contig follow reads on no contig: such a
    file is not in coordinate order.
    """
    rows = list(rows)
    begins = sorted({row.container for row in rows})
    ends = dict(pairwise([*begins, data.end]))
    if begins and not (data.begin <= begins[0] and begins[-1] < data.end):
        raise FormatError("CRAM index points outside the file's containers", offset=begins[0])

    reaches: defaultdict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for row in rows:
        if row.reference >= contigs:
            raise FormatError(f"CRAM index names contig {row.reference}, the header only {contigs}")
        containers = reaches[row.reference]
        start, end = containers.get(row.container, (row.start, row.end))
        containers[row.container] = min(start, row.start), max(end, row.end)

    unplaced = min(reaches.pop(UNPLACED), default=None) if UNPLACED in reaches else None
    if unplaced is not None and any(max(containers) > unplaced for containers in reaches.values()):
        raise FormatError("CRAM file is not in coordinate order", offset=unplaced)
    packed = {}
    for reference, containers in sorted(reaches.items()):
        table = np.array(
            [(begin, ends[begin], *containers[begin]) for begin in sorted(containers)], dtype=_PACKED
        )
        packed[reference] = _pack_table(table)
    return PackedIndex(contigs=packed, unplaced=unplaced)


def containers_overlapping(packed: bytes, *, start: int, end: int) -> list[ByteRange]:
    """Return the containers that hold reads overlapping positions `start` to `end`, in file order.

    `packed` is a contig index as `pack` made it, or empty for a contig without reads. Adjacent containers
    are joined. Positions are 0-based and half-open. Raises `FormatError` for bytes that `pack` did not make.
    """
    if not packed or start >= end:
        return []
    table = _unpack(packed)
    table = table[(table["start"] < end) & (table["stop"] > start)]
    if not len(table):
        return []
    return [ByteRange(*pair) for pair in _joined_ranges(table)]


def container_ranges(packed: bytes) -> tuple[Offsets, Offsets]:
    """Return the first byte of each container that holds reads of a contig, and the byte after its last.

    Both are empty for an empty `packed`. Raises `FormatError` for bytes that `pack` did not make.
    """
    if not packed:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    table = _unpack(packed)
    return table["begin"], table["end"]


def containers_reaching_out(
    packed: bytes, *, containers: Iterable[ByteRange], within: Iterable[tuple[int, int]]
) -> bool:
    """Return whether the containers may hold reads of a contig that are not inside a single range of `within`.

    `packed` is the contig index; ranges are positions, 0-based and half-open. Raises `FormatError` for bytes that
    `pack` did not make.
    """
    if not packed:
        return False
    table = _unpack(packed)
    inside = np.zeros(len(table), dtype=np.bool_)
    for start, end in within:
        inside |= (table["start"] >= start) & (table["stop"] <= end)
    outside = table[~inside]
    return any(
        bool(((outside["begin"] < piece.end) & (outside["end"] > piece.begin)).any()) for piece in containers
    )


def first_slice(packed: bytes) -> tuple[int, int]:
    """Return the positions, 0-based and half-open, of the leftmost slice of a contig.

    `packed` is the contig index, and not empty. Raises `FormatError` for bytes that `pack` did not make.
    """
    table = _unpack(packed)
    at = int(table["start"].argmin())
    return int(table["start"][at]), int(table["stop"][at])


def join_pages(head: bytes, pages: Mapping[int, bytes], *, shift: int) -> bytes:
    """Return a contig index for regions whose first and last positions are on these pages. Raises `FormatError`."""
    if len(pages) == 1:
        return next(iter(pages.values()))
    rest = _read_table(head)
    rest = rest[~np.isin(rest["start"] >> shift, np.fromiter(pages, np.uint32, len(pages)))]
    # A container with reads on several pages is on each of them.
    return _bytes_of(np.unique(np.concatenate([rest, *map(_read_table, pages.values())])))


def _pack_table(table: Table) -> bytes:
    """Return a table packed, in pages if it is large and they make what a request reads smaller."""
    whole = _bytes_of(table)
    if len(whole) <= MAX_WHOLE or (shift := _best_shift(table)) is None:
        return whole
    firsts, lasts = _pages_of(table, shift)
    pages = [table[(firsts <= number) & (lasts >= number)] for number in range(int(firsts.max()) + 2)]
    head = [
        (*pair, number << shift, min(number + 1 << shift, MAX_POSITION))
        for number, page in enumerate(pages[:-1])
        for pair in _joined_ranges(page)
    ]
    return pack_pages(shift, _bytes_of(np.array(head, _PACKED)), [_bytes_of(page) for page in pages])


def _best_shift(table: Table) -> int | None:
    """Return the size of pages, as a power of two, for the smallest head and two pages; None if none are of use."""
    found = [(len(table), -1)]
    for shift in range(14, 32):
        firsts, lasts = _pages_of(table, shift)
        count = int(firsts.max()) + 2
        if count <= MAX_PAGES and int((lasts - firsts + 1).sum()) <= MAX_GROWTH * len(table):
            rows = np.cumsum(
                np.bincount(firsts, minlength=count + 1) - np.bincount(lasts + 1, minlength=count + 1)
            )
            found.append((count + 2 * int(rows.max()), shift))
    shift = min(found)[1]
    return shift if shift >= 0 else None


def _pages_of(table: Table, shift: int) -> tuple[Offsets, Offsets]:
    """Return the first and the last page of each container; the page after all begins is the last there is."""
    firsts = table["start"].astype(np.int64) >> shift
    return firsts, np.minimum((table["stop"].astype(np.int64) - 1) >> shift, firsts.max() + 1)


def _bytes_of(table: Table) -> bytes:
    return _PACKED_VERSION + table.tobytes()


def _joined_ranges(table: Table) -> list[tuple[int, int]]:
    """Return the ranges of containers in file order, adjacent ones and those of pages joined."""
    if not len(table):
        return []
    reached = np.maximum.accumulate(table["end"])
    fresh = np.flatnonzero(table["begin"][1:] > reached[:-1]) + 1
    begins = table["begin"][np.concatenate(([0], fresh))].tolist()
    ends = reached[np.concatenate((fresh - 1, [len(table) - 1]))].tolist()
    return list(zip(begins, ends, strict=True))


def _unpack(packed: bytes) -> Table:
    if (split := split_pages(packed)) is not None:
        directory, head, pages = split
        packed = join_pages(head, pages, shift=directory.shift)
    return _read_table(packed)


def _read_table(packed: bytes) -> Table:
    body = len(packed) - len(_PACKED_VERSION)
    if not packed.startswith(_PACKED_VERSION) or body % _PACKED.itemsize:
        raise FormatError("not a packed CRAM index of this version", offset=0)
    return np.frombuffer(packed, dtype=_PACKED, offset=len(_PACKED_VERSION))


def _parse_row(line: bytes, offset: int) -> CraiRow:
    match = _ROW.fullmatch(line)
    if not match:
        raise FormatError("not a row of a CRAM index", offset=offset)
    reference, start, span, container, landmark, _ = map(int, match.groups())
    if reference < UNPLACED:
        # Early htsjdk wrote one row with -2 for a slice of several references, which is useless for seeking.
        raise FormatError(f"CRAM index row for reference {reference}", offset=offset)
    return CraiRow(reference, *_cover(reference, start - 1, start - 1 + span), container, landmark)


def _cover(reference: int, start: int, end: int) -> tuple[int, int]:
    """Return the range of positions that contains all reads of a slice, given `start` and `end` of its index row.

    A slice whose reads have a contig but no position (POS 0) begins at -1. Reads of length 0 count as one position.
    Where start and length are both missing the writer did not know them, so the slice may reach anywhere.
    """
    if reference < 0 or (start < 0 and end <= start):
        return 0, MAX_POSITION
    start = min(max(start, 0), MAX_POSITION - 1)
    return start, min(max(end, start + 1), MAX_POSITION)


def _skip_empty(read_range: ReadRange, file: CramFile, *, begin: int, end: int) -> None:
    """Raise `FormatError` unless `begin` to `end` is empty or holds only containers without records."""
    while begin < end:
        container = read_data_container(read_range, file, offset=begin)
        if container.records:
            raise FormatError("CRAM index misses a container", offset=begin)
        begin = container.extent.end
    if begin != end:
        raise FormatError("no CRAM container begins where the index says", offset=end)


def _uncompressed(data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            text = file.read(MAX_INDEX_LENGTH + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"CRAM index does not decompress: {error}", offset=0) from error
    if len(text) > MAX_INDEX_LENGTH:
        raise FormatError(f"CRAM index is longer than {MAX_INDEX_LENGTH} bytes", offset=0)
    return text
