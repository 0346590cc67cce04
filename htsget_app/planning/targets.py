"""Finds, in the index of a BAM, VCF or BCF file, the chunks to search for the records of regions."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from catalogue.formats.binning import ContigIndex
from catalogue.formats.intervals import Chunk, Region, VirtualOffset, unite_chunks
from catalogue.formats.records import UNPLACED
from htsget_app.planning.parts import Limits, PlannedFile


@dataclass(frozen=True, slots=True)
class Target:
    """A chunk to search for wanted records.

    `beyond` is a contig and position that no wanted record follows, None when no such place is known; reading on from
    the record at `tail` finds the last wanted one. `dense` says that the chunk serves one region alone, so that nearly
    every record between the first wanted and the last is wanted too, and every one from position `start` on.
    """

    chunk: Chunk
    beyond: tuple[int, int] | None
    tail: VirtualOffset
    dense: bool
    start: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A chunk that the index names for a region; reading on from `tail` finds the region's last record."""

    chunk: Chunk
    region: Region
    tail: VirtualOffset


def find_targets(file: PlannedFile, regions: Collection[Region], limits: Limits) -> list[Target]:
    """Return what to search for the records of the regions: at most `limits.max_ranges` chunks, in file order.

    `UNPLACED` stands for the records on no contig. Raises `FormatError` where the index is damaged.
    """
    indexes = file.binning_indexes(regions)
    candidates = [
        candidate
        for region in regions
        for candidate in (
            _unplaced(file) if region == UNPLACED else _placed(region, indexes, file.records_end)
        )
    ]
    waiting = sorted(candidates, key=lambda candidate: candidate.chunk, reverse=True)
    targets = []
    for chunk in join_nearest([candidate.chunk for candidate in candidates], limits, limits.max_ranges):
        inside = []
        while waiting and waiting[-1].chunk.begin < chunk.end:
            inside.append(waiting.pop())
        targets.append(_target(chunk, inside))
    return targets


def join_nearest(chunks: Iterable[Chunk], limits: Limits, max_chunks: int) -> list[Chunk]:
    """Join chunks within `limits.join_gap` of each other, then the nearest until there are at most `max_chunks`."""
    united = unite_chunks(chunks, gap=limits.join_gap)
    surplus = len(united) - max_chunks
    if surplus <= 0:
        return united
    gaps = sorted(after.begin.coffset - before.end.coffset for before, after in pairwise(united))
    return unite_chunks(united, gap=gaps[surplus - 1])


def _unplaced(file: PlannedFile) -> Iterator[_Candidate]:
    begin, end = file.stored.unplaced_begin, file.records_end
    if begin is not None and begin < end:
        yield _Candidate(Chunk(begin, end), UNPLACED, begin)


def _placed(region: Region, indexes: dict[int, ContigIndex], limit: VirtualOffset) -> Iterator[_Candidate]:
    if region.contig not in indexes:
        return
    index = indexes[region.contig]
    chunks = index.query(region.start, region.end)
    tail = VirtualOffset(index.tail_offset(region.end)) if chunks else limit
    for chunk in chunks:
        end = min(chunk.end, limit)
        if chunk.begin < end:
            yield _Candidate(Chunk(chunk.begin, end), region, tail)


def _target(chunk: Chunk, candidates: list[_Candidate]) -> Target:
    """Return the target of a chunk; `beyond` is the end of the wanted regions on the last contig of the chunk."""
    contig = max(candidates, key=lambda candidate: candidate.chunk.end).region.contig
    last = max(
        (candidate for candidate in candidates if candidate.region.contig == contig),
        key=lambda candidate: candidate.region.end,
    )
    beyond = None if last.region == UNPLACED else (contig, last.region.end)
    dense = len({candidate.region for candidate in candidates}) == 1
    return Target(chunk, beyond, last.tail, dense=dense, start=last.region.start)
