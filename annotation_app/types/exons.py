"""Exons and introns of a transcript, in the order of transcription; indexes count from 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from annotation_app.context import Peers
from annotation_app.types.genomes import Region
from annotation_app.types.places import Location, Slice, location, regions_of, relative
from catalogue.queries.annotation import StoredTranscript, split_version


class ExonPlace(NamedTuple):
    """Where one exon lies; positions are 0-based, half-open, and `region` is a primary key."""

    start: int
    end: int
    strand: int
    region: int


class Exon:
    """An exon, whatever the transcript."""

    type = "Exon"
    so_term = "exon"

    def __init__(self, stable_id: str | None, place: ExonPlace, region: Region) -> None:
        self.stable_id = stable_id
        self.place = place
        self.region = region

    @property
    def slice(self) -> Slice:
        """Where it lies."""
        return Slice(self.region, self.place.start, self.place.end, self.place.strand)

    @property
    def version(self) -> int | None:
        """The version, where the stable id has one."""
        return None if self.stable_id is None else split_version(self.stable_id)[1]

    @property
    def unversioned_stable_id(self) -> str | None:
        """The stable id without its version."""
        return None if self.stable_id is None else split_version(self.stable_id)[0]


@dataclass(frozen=True, slots=True)
class SplicedExon:
    """An exon in a transcript; without a relative location on another region (trans-splicing)."""

    index: int
    relative_location: Location | None
    exon: Exon


@dataclass(frozen=True, slots=True)
class PhasedExon:
    """An exon with the phases of its edges."""

    index: int
    start_phase: int
    end_phase: int
    exon: Exon


@dataclass(frozen=True, slots=True)
class Intron:
    """What is spliced out between two exons."""

    index: int
    slice: Slice
    relative_location: Location
    type: str = "Intron"
    so_term: str = "intron"
    sequence_checksum: None = None


def exon_places(row: StoredTranscript) -> list[ExonPlace]:
    """Return where the exons of a transcript lie."""
    count = len(row.exon_starts)
    strands = row.exon_strands or [row.strand] * count
    regions = row.exon_regions or [row.region] * count
    return list(map(ExonPlace, row.exon_starts, row.exon_ends, strands, regions))


def exons(row: StoredTranscript, peers: Peers[StoredTranscript]) -> Iterator[Exon]:
    """Yield the exons of a transcript."""
    regions = regions_of(peers)
    names: Sequence[str | None] = row.exon_ids or [None] * len(row.exon_starts)
    for name, place in zip(names, exon_places(row), strict=True):
        yield Exon(name, place, regions[place.region])


def spliced_exons(row: StoredTranscript, peers: Peers[StoredTranscript]) -> list[SplicedExon]:
    """Return the exons of a transcript with their places in it."""
    return [
        SplicedExon(
            index,
            relative(row, exon.region.row, exon.place.start, exon.place.end)
            if exon.place.region == row.region
            else None,
            exon,
        )
        for index, exon in enumerate(exons(row, peers), 1)
    ]


def introns(row: StoredTranscript, peers: Peers[StoredTranscript]) -> list[Intron]:
    """Return the introns between exons of one region and strand; the index is that of the exon before."""
    region = regions_of(peers)[row.region]
    found = []
    for index, (before, after) in enumerate(pairwise(exon_places(row)), 1):
        if before.strand != after.strand or {before.region, after.region} != {row.region}:
            continue
        start, end = (after.end, before.start) if before.strand < 0 else (before.end, after.start)
        if start < end:
            place = Slice(region, start, end, before.strand)
            found.append(Intron(index, place, relative(row, region.row, start, end)))
    return found


def length_of(row: StoredTranscript) -> int:
    """Return the number of residues of the joined exons."""
    return sum(row.exon_ends) - sum(row.exon_starts)


def extent(row: StoredTranscript, first: int, last: int, region: Region) -> Location | None:
    """Return between which positions of the region the residues `[first, last)` of the cDNA lie; None for none."""
    starts, ends, done = [], [], 0
    for exon in exon_places(row):
        size = exon.end - exon.start
        begin, stop = max(first - done, 0), min(last - done, size)
        done += size
        if begin < stop and exon.region == row.region:
            forward = exon.strand >= 0
            starts.append(exon.start + begin if forward else exon.end - stop)
            ends.append(exon.start + stop if forward else exon.end - begin)
    return location(region.row, min(starts), max(ends)) if starts else None
