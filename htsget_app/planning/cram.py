"""Plans the parts of a CRAM answer: file definition and header, whole containers, one EOF container.

A container cannot be cut without decoding its records, so an answer is exact to the container: every one that holds a
read of the wanted regions, no other, in file order, once.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from catalogue.formats import ReadRange, prefetch
from catalogue.formats.crai import containers_overlapping, containers_reaching_out
from catalogue.formats.cram import read_version
from catalogue.formats.intervals import ByteRange, Region, unite_ranges, unite_regions
from htsget_app.planning.cutter import read_exactly
from htsget_app.planning.parts import (
    Inline,
    Limits,
    NotSeparable,
    Part,
    PartClass,
    PlannedFile,
    Selection,
    StoredRange,
    merge_parts,
)


def plan_cram(file: PlannedFile, selection: Selection, read_range: ReadRange, limits: Limits) -> list[Part]:
    """Return the parts whose bytes concatenate to a CRAM file with the containers of the selection.

    Reads the stored file only where the containers fit into the ticket. Above `limits.max_ranges` separate ranges, and
    only then, containers between wanted ones come along; with `selection.within` none does, and `file.contigs` has to
    hold every contig with reads.

    Raises `FormatError` where the file is shorter than it was or its index is damaged, `NotSeparable` where a wanted
    container may hold a read that is not wholly within `selection.within`.
    """
    eof = Inline(read_version(file.header).eof, PartClass.BODY)
    stored = file.stored
    data = ByteRange(stored.header_end.coffset, stored.size - (len(eof.data) if stored.has_eof else 0))
    wanted = _wanted(file, selection, data)
    body: list[Part]
    if selection.within is not None:
        _check_within(file, wanted, selection.within)
    if sum(piece.length for piece in wanted) <= limits.inline:
        prefetch(read_range, ((piece.begin, piece.length) for piece in wanted))
        body = [*(Inline(read_exactly(read_range, piece), PartClass.BODY) for piece in wanted), eof]
    else:
        *before, last = wanted if selection.within is not None else _join_nearest(wanted, limits.max_ranges)
        # The stored file's own EOF container needs no part of its own where it comes next.
        own_eof = stored.has_eof and last.end == data.end
        ranges = [*before, ByteRange(last.begin, stored.size) if own_eof else last]
        body = [StoredRange(piece, PartClass.BODY) for piece in ranges] + ([] if own_eof else [eof])
    return merge_parts([_header(file, limits), *body], max_part_bytes=limits.max_part_bytes)


def _header(file: PlannedFile, limits: Limits) -> Part:
    if len(file.header) <= limits.inline:
        return Inline(file.header, PartClass.HEADER)
    return StoredRange(ByteRange(0, len(file.header)), PartClass.HEADER)


def _wanted(file: PlannedFile, selection: Selection, data: ByteRange) -> list[ByteRange]:
    """Return the ranges of the selected containers, in file order; `data` is the range of all containers."""
    if selection.whole:
        return [data] if data.length else []
    ranges = [piece for region in unite_regions(selection.regions) for piece in _containers(file, region)]
    if selection.unplaced and file.stored.unplaced_begin is not None:
        ranges.append(ByteRange(file.stored.unplaced_begin.coffset, data.end))
    return unite_ranges(ranges)


def _containers(file: PlannedFile, region: Region) -> Iterable[ByteRange]:
    return containers_overlapping(file.contigs[region.contig].index, start=region.start, end=region.end)


def _check_within(file: PlannedFile, wanted: list[ByteRange], within: Iterable[Region]) -> None:
    """Raise `NotSeparable` where a wanted container may hold a read that is not wholly within the regions."""
    allowed: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for region in unite_regions(within):
        allowed[region.contig].append((region.start, region.end))
    for number, contig in file.contigs.items():
        if containers_reaching_out(contig.index, containers=wanted, within=allowed[number]):
            raise NotSeparable
    unplaced = file.stored.unplaced_begin
    if unplaced is not None and any(piece.end > unplaced.coffset for piece in wanted):
        raise NotSeparable


def _join_nearest(ranges: list[ByteRange], max_ranges: int) -> list[ByteRange]:
    """Join the ranges with the smallest gaps between them until there are at most `max_ranges`."""
    gaps = sorted(after.begin - before.end for before, after in pairwise(ranges))
    surplus = len(ranges) - max_ranges
    return unite_ranges(ranges, gap=gaps[surplus - 1]) if surplus > 0 else ranges
