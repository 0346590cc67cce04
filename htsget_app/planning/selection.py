"""Determines which records of a file a request wants and may have, before reading the file.

If only regions of a file are granted, a record is allowed when one of its positions is both requested and granted.
Reads without a position, and contigs that no grant names, are never allowed. Positions are 0-based and half-open.
"""

from collections.abc import Iterator

from catalogue import queries
from catalogue.access import PermissionRefused
from catalogue.errors import NotFound
from catalogue.formats.intervals import NO_END, Region, unite_regions
from catalogue.formats.registry import SPECS
from catalogue.formats.spec import FileKind, Structure
from catalogue.queries import FileContig, StoredFile
from htsget_app.errors import InvalidInput, InvalidRange
from htsget_app.params import RegionRequest, TicketRequest
from htsget_app.planning.parts import Selection

Selected = tuple[Selection, dict[int, FileContig]]


def select(file: StoredFile, request: TicketRequest) -> Selected:
    """Return what is wanted of a file, and the contigs that it takes to find it, by number.

    Raises NotFound, AmbiguousReference, InvalidInput, InvalidRange; PermissionRefused where nothing that is asked for
    is granted.
    """
    if request.header_only:
        return Selection(), {}
    if file.permission.whole:
        return _asked(file, request)
    if not file.permission.regions:
        raise PermissionRefused("these credentials open only the header")
    return _granted(file, request)


def _granted(file: StoredFile, request: TicketRequest) -> Selected:
    """Return what is asked of a file, as far as it lies in the regions that are granted of it."""
    if not file.indexed:
        raise PermissionRefused(
            "these credentials open only regions, and this file has no index to find them by"
        )
    names = queries.contigs_that_exist(file, [region.contig for region in file.permission.regions])
    contigs = {contig.number: contig for contig in names.values()}
    within = tuple(
        unite_regions(
            Region(names[region.contig].number, region.start, region.end)
            for region in file.permission.regions
            if region.contig in names
        )
    )
    asked, _ = _asked(file, request)
    regions = within if asked.whole else tuple(_common(asked.regions, within))
    nothing_asked = not asked.whole and not asked.unplaced and not unite_regions(asked.regions)
    if not regions and not nothing_asked:
        raise PermissionRefused("these credentials open only other regions")
    if SPECS[file.format].structure is Structure.CRAM:
        # Whether containers may be sent depends on their other reads.
        contigs |= {contig.number: contig for contig in queries.contigs_with_records(file)}
    return Selection(regions, within=within), contigs


def _common(asked: tuple[Region, ...], granted: tuple[Region, ...]) -> Iterator[Region]:
    """Yield the overlaps of regions; those granted are sorted and disjoint."""
    wanted = unite_regions(asked)
    at = other = 0
    while at < len(wanted) and other < len(granted):
        one, two = wanted[at], granted[other]
        if one.overlaps(two.contig, two.start, two.end):
            yield Region(one.contig, max(one.start, two.start), min(one.end, two.end))
        if (one.contig, one.end) < (two.contig, two.end):
            at += 1
        else:
            other += 1


def _asked(file: StoredFile, request: TicketRequest) -> tuple[Selection, dict[int, FileContig]]:
    """Return what is asked of a file that is granted whole."""
    if request.regions is None:
        return Selection(whole=True), {}
    if request.unplaced and request.kind != FileKind.READS:
        raise NotFound("variants have no reference *: all of them have a position")
    if not file.indexed:
        raise InvalidInput("this file has no index: ask for the whole of it, or for its header")
    found = _contigs(file, request.regions)
    regions = tuple(_region(*pair) for pair in zip(request.regions, found, strict=True))
    contigs = {contig.number: contig for contig in found}
    return Selection(regions, unplaced=request.unplaced), contigs


def _contigs(file: StoredFile, regions: tuple[RegionRequest, ...]) -> list[FileContig]:
    """Return the contig of each region."""
    named = queries.contigs_by_name(file, [region.name for region in regions if region.name is not None])
    return [
        _contig(file, region, named[region.name] if region.name is not None else None) for region in regions
    ]


def _contig(file: StoredFile, region: RegionRequest, named: FileContig | None) -> FileContig:
    if region.md5 is None:
        assert named is not None, "a region is by name, by md5 or by both"
        return named
    if named is None:
        return queries.contig_by_md5(file, region.md5)
    if named.md5 is None:
        # Another contig may have it; where none has, that is the error to tell.
        queries.contig_by_md5(file, region.md5)
    if named.md5 is None or named.md5.hex() != region.md5:
        raise InvalidInput("referenceName and referenceMD5 name different references")
    return named


def _region(asked: RegionRequest, contig: FileContig) -> Region:
    start = 0 if asked.start is None else asked.start
    # An end beyond the contig needs no clipping: there is nothing there, save what the file does hold there (VCF puts
    # telomeres one past the end).
    end = NO_END if asked.end is None else asked.end
    if contig.length is not None and start > contig.length:
        raise InvalidRange(f"start {start} is beyond {contig.name!r}, which has {contig.length} bases")
    return Region(contig.number, start, end)
