"""Plans the blocks of a CRAM answer: file definition and header, whole containers, one end-of-file container.

A container cannot be cut without decoding its records, so an answer is exact at the level of containers:
every one that holds a read of the wanted regions, no other, in file order, once.
"""

from collections.abc import Iterable
from itertools import pairwise

from catalogue.formats import FormatError, ReadRange, prefetch
from catalogue.formats.crai import containers_overlapping, containers_reaching_out
from catalogue.formats.cram import read_version
from catalogue.formats.intervals import ByteRange, Region, unite_ranges, unite_regions
from htsget_app.planning.parts import (
    Block,
    FileLayout,
    Inline,
    Limits,
    NotSeparable,
    PartClass,
    Selection,
    StoredRange,
    merge_parts,
)


def plan_cram(
    file: FileLayout, selection: Selection, *, read_range: ReadRange, limits: Limits
) -> list[Block]:
    """The blocks whose bytes, one after the other, are a CRAM file with the containers of the selection.

    Reads the stored file only where the containers fit into the ticket. Above `limits.max_ranges` separate
    ranges, and only then, containers between wanted ones come along. Raises `FormatError` where the file is
    shorter than it was, or what is stored about it is damaged.

    With `selection.within` none comes along, `file.contigs` has to hold every contig with reads, and
    `NotSeparable` is raised where a wanted container may hold a read that is not wholly within.
    """
    eof = Inline(read_version(file.header).eof, PartClass.BODY)
    data = ByteRange(file.header_end.coffset, file.size - (len(eof.data) if file.has_eof else 0))
    wanted = _wanted(file, selection, data)
    if selection.within is not None:
        _check_within(file, wanted, selection.within)
    body: list[Block]
    if sum(piece.length for piece in wanted) <= limits.inline:
        prefetch(read_range, ((piece.begin, piece.length) for piece in wanted))
        body = [*(Inline(_read(read_range, piece), PartClass.BODY) for piece in wanted), eof]
    else:
        *before, last = wanted if selection.within is not None else _few(wanted, most=limits.max_ranges)
        # The stored file's own end-of-file container needs no block of its own where it comes next.
        own_eof = file.has_eof and last.end == data.end
        ranges = [*before, ByteRange(last.begin, file.size) if own_eof else last]
        body = [StoredRange(piece, PartClass.BODY) for piece in ranges] + ([] if own_eof else [eof])
    return merge_parts([_header(file, limits), *body], max_part_bytes=limits.max_part_bytes)


def _header(file: FileLayout, limits: Limits) -> Block:
    if len(file.header) <= limits.inline:
        return Inline(file.header, PartClass.HEADER)
    return StoredRange(ByteRange(0, len(file.header)), PartClass.HEADER)


def _wanted(file: FileLayout, selection: Selection, data: ByteRange) -> list[ByteRange]:
    if selection.whole:
        return [data] if data.length else []
    pieces = [piece for region in unite_regions(selection.regions) for piece in _containers(file, region)]
    if selection.unplaced and file.unplaced_begin is not None:
        pieces.append(ByteRange(file.unplaced_begin.coffset, data.end))
    return unite_ranges(pieces)


def _containers(file: FileLayout, region: Region) -> Iterable[ByteRange]:
    return containers_overlapping(file.contigs[region.contig].index, start=region.start, end=region.end)


def _check_within(file: FileLayout, wanted: list[ByteRange], within: Iterable[Region]) -> None:
    united = unite_regions(within)
    for number, contig in file.contigs.items():
        stretches = [(region.start, region.end) for region in united if region.contig == number]
        if containers_reaching_out(contig.index, containers=wanted, within=stretches):
            raise NotSeparable
    if file.unplaced_begin is not None and any(piece.end > file.unplaced_begin.coffset for piece in wanted):
        raise NotSeparable


def _few(ranges: list[ByteRange], *, most: int) -> list[ByteRange]:
    """The ranges, those with the smallest gaps between them made one until there are at most `most`."""
    gaps = sorted(after.begin - before.end for before, after in pairwise(ranges))
    surplus = len(ranges) - most
    return unite_ranges(ranges, gap=gaps[surplus - 1]) if surplus > 0 else ranges


def _read(read_range: ReadRange, piece: ByteRange) -> bytes:
    data = read_range(piece.begin, piece.length)
    if len(data) < piece.length:
        raise FormatError("file ends before its last container", offset=piece.begin + len(data))
    return data
