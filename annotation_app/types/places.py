"""Where features lie. Positions of the catalogue, 0-based and half-open, become 1-based and closed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from annotation_app.context import Peers
from annotation_app.types.genomes import Region
from catalogue.queries.annotation import StoredRegion


class Placed(Protocol):
    """A row of a feature: a gene or a transcript."""

    @property
    def pk(self) -> int: ...
    @property
    def genome(self) -> int: ...
    @property
    def region(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def strand(self) -> int: ...


Feature = TypeVar("Feature", bound=Placed)


@dataclass(frozen=True, slots=True)
class Location:
    """Positions from `start` to `end`, both included, counted from 1."""

    start: int
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class Strand:
    """A strand, by name and by number."""

    code: str | None
    value: int | None


_STRANDS: Final = {1: Strand("forward", 1), -1: Strand("reverse", -1), 0: Strand(None, None)}


class Slice:
    """A place on a region; `start` and `end` are 0-based, half-open, in residues."""

    default = True

    def __init__(self, region: Region, start: int, end: int, strand: int) -> None:
        self.region = region
        self.location = location(region.row, start, end)
        self.strand = _STRANDS[strand]


def regions_of(peers: Peers[Feature]) -> Mapping[int, Region]:
    """Return the regions of features, and of their exons, by primary key."""
    return peers.related("regions", lambda: _load_regions(peers))


def _load_regions(peers: Peers[Feature]) -> Mapping[int, Region]:
    keys = {row.region for row in peers.rows}
    keys.update(key for row in peers.rows for key in getattr(row, "exon_regions", ()))
    stored = peers.context.regions(keys)
    of_regions = Peers([stored[key] for key in sorted(keys)], peers.context)
    return {row.pk: Region(row, of_regions) for row in of_regions.rows}


def slice_of(row: Placed, peers: Peers[Feature]) -> Slice:
    """Return the place of a feature."""
    return Slice(regions_of(peers)[row.region], row.start, row.end, row.strand)


def location(region: StoredRegion, start: int, end: int) -> Location:
    """Return a location on a region; positions beyond the end of a circular one begin anew at 1."""
    first, last = start + 1, end
    if region.circular and last > region.length:
        last -= region.length
        first -= region.length if first > region.length else 0
    return Location(first, last, end - start)


def relative(parent: Placed, region: StoredRegion, start: int, end: int) -> Location:
    """Return where a part lies in a feature of the same region, in the direction of its strand."""
    if region.circular and start < parent.start:
        # The parent crosses the origin, and the part lies behind it.
        start, end = start + region.length, end + region.length
    first = parent.end - end if parent.strand < 0 else start - parent.start
    return Location(first + 1, first + end - start, end - start)
