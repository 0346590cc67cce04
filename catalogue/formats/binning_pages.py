"""Binning indexes in pages: an index of one page answers queries of its positions exactly as the whole index does.

A page is a bin of some level, so that the bins below it belong to it alone. Its index has these, and of the others what
a query needs: the bins above it with the chunks that can matter, the nearest bins to its left and right at each level,
and earlier offsets for `ContigIndex.first_offset`. The head has the bins above the pages, and the united chunks of each
page. Joined, they are the whole index again.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catalogue.formats.binning import ContigIndex, Unions, first_bin, unite_offsets
from catalogue.formats.index_pages import MAX_GROWTH, MAX_PAGES, MAX_WHOLE, pack_pages, split_pages

Numbers = NDArray[np.int64]

_BIN, _CHUNK, _WINDOW, _UNION = 8, 16, 12, 24


def pack_index(index: ContigIndex) -> bytes:
    """Return the index packed, in pages if it is large and pages make what a request reads smaller."""
    packed = index.pack()
    if len(packed) > MAX_WHOLE:
        for level in _levels_by_reads(index, len(packed)):
            pager = _Pager.of(index, level)
            paged = pack_pages(pager.shift, pager.head().pack(), [each.pack() for each in pager.pages()])
            # Long records in many pages could make these much larger than the whole.
            if len(paged) <= MAX_GROWTH * len(packed):
                return paged
    return packed


def unpack_index(packed: bytes) -> ContigIndex:
    """Return what `pack_index` packed, or `join_pages` joined. Raises `FormatError` for other bytes."""
    if (split := split_pages(packed)) is None:
        return ContigIndex.unpack(packed)
    _, head, pages = split
    return _joined(head, pages)


def join_pages(head: bytes, pages: Mapping[int, bytes]) -> bytes:
    """Return an index, packed, for queries of regions whose first and last positions are on these pages.

    Raises `FormatError` for damaged ones.
    """
    if len(pages) == 1:
        # A page answers its own regions.
        return next(iter(pages.values()))
    return _joined(head, pages).pack()


def _joined(packed: bytes, pages: Mapping[int, bytes]) -> ContigIndex:
    head = ContigIndex.unpack(packed)
    unions = head.unions
    assert unions is not None, "every head has united chunks"
    left_out = ~np.isin(unions.pages, np.fromiter(pages, np.uint32, len(pages)))
    rest = Unions(unions.shift, unions.pages[left_out], unions.begins[left_out], unions.ends[left_out])
    return _merged(
        [head, *(ContigIndex.unpack(pages[number]) for number in sorted(pages))],
        replace(head, unions=rest if left_out.any() else None),
    )


def _merged(indexes: list[ContigIndex], like: ContigIndex) -> ContigIndex:
    """Return the bins and windows of all, each once: of a bin in several indexes the one with the chunks."""
    counts = np.concatenate([_chunk_counts(each) for each in indexes])
    bins = np.concatenate([each.bins for each in indexes])
    # The head has the bins above pages with all chunks, a page its own; others have fewer or as many.
    order = np.lexsort((-counts, bins))
    order = order[np.unique(bins[order], return_index=True)[1]]
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    chunks = _spread(starts[order], counts[order])
    windows, places = np.unique(np.concatenate([each.windows for each in indexes]), return_index=True)
    loffsets = np.concatenate([each.loffsets for each in indexes])
    return replace(
        like,
        bins=bins[order],
        firsts=np.concatenate(([0], np.cumsum(counts[order]))).astype("<u4"),
        chunk_begins=np.concatenate([each.chunk_begins for each in indexes])[chunks],
        chunk_ends=np.concatenate([each.chunk_ends for each in indexes])[chunks],
        loffsets=loffsets[order] if len(loffsets) else loffsets,
        windows=windows.astype("<u4"),
        linear=np.concatenate([each.linear for each in indexes])[places],
    )


def _chunk_counts(index: ContigIndex) -> Numbers:
    """Return the number of chunks of each bin."""
    return (index.firsts[1:] - index.firsts[:-1]).astype(np.int64)


def _spread(starts: Numbers, counts: Numbers) -> Numbers:
    """Return the numbers from each start on, as many as its count."""
    ends = np.cumsum(counts)
    spread: Numbers = np.arange(counts.sum()) + np.repeat(starts - (ends - counts), counts)
    return spread


def _levels_by_reads(index: ContigIndex, whole: int) -> list[int]:
    """Return the levels whose bins as pages make a head and two pages smaller than the whole index, the best first."""
    costs = _BIN + _CHUNK * _chunk_counts(index) + (8 if len(index.loffsets) else 0)
    levels = _levels_of(index)
    found: list[tuple[float, int]] = []
    for level in range(1, index.depth + 1):
        below = levels >= level
        if not below.any():
            continue
        numbers = _page_of(index.bins[below], levels[below], level)
        count = int(numbers.max()) + 2
        if count > MAX_PAGES:
            break
        sizes = np.bincount(numbers, weights=costs[below], minlength=count)
        windows = np.minimum(index.windows >> np.uint32(3 * (index.depth - level)), count - 1)
        sizes += _WINDOW * np.bincount(windows.astype(np.int64), minlength=count)
        found.append((float(costs[~below].sum()) + _UNION * count + 2 * float(sizes.max()), level))
    return [level for size, level in sorted(found) if size < whole]


def _levels_of(index: ContigIndex) -> Numbers:
    bounds = [first_bin(level) for level in range(1, index.depth + 1)]
    return np.searchsorted(bounds, index.bins, side="right")


def _page_of(bins: NDArray[np.uint32], levels: Numbers, level: int) -> Numbers:
    """Return the page of each bin at `level` or below it."""
    firsts = np.array([first_bin(each) for each in range(int(levels.max()) + 1)])
    pages: Numbers = (bins.astype(np.int64) - firsts[levels]) >> 3 * (levels - level)
    return pages


@dataclass(frozen=True, slots=True)
class _Pager:
    """Cuts an index into the bins of a level.

    `count` is the number of pages with bins of their own. `earlier` has, for each window, or bin of a CSI, where the
    largest offset below its own is that `first_offset` may go back to, -1 for none; it is empty where it does not.
    """

    index: ContigIndex
    level: int
    shift: int
    count: int
    levels: Numbers
    earlier: Numbers

    @classmethod
    def of(cls, index: ContigIndex, level: int) -> "_Pager":
        levels = _levels_of(index)
        below = levels >= level
        count = int(_page_of(index.bins[below], levels[below], level).max()) + 1
        shift = index.min_shift + 3 * (index.depth - level)
        earlier = np.zeros(0, np.int64) if index.unmapped == 0 else _earlier(index)
        return cls(index, level, shift, count, levels, earlier)

    def head(self) -> ContigIndex:
        """Return the bins above the pages, and the united chunks of each page."""
        index, above = self.index, self.levels < self.level
        counts = _chunk_counts(index)
        chunks = np.repeat(~above, counts)
        begins, ends = index.chunk_begins[chunks], index.chunk_ends[chunks]
        numbers = np.repeat(_page_of(index.bins[~above], self.levels[~above], self.level), counts[~above])
        order = numbers.argsort(kind="stable")
        begins, ends, numbers = begins[order], ends[order], numbers[order]
        bounds = np.flatnonzero(np.diff(numbers)) + 1
        united = [
            (int(page[0]), chunk.begin, chunk.end)
            for page, some, others in zip(
                *(np.split(each, bounds) for each in (numbers, begins, ends)), strict=True
            )
            for chunk in unite_offsets(some, others)
        ]
        pages, *offsets = zip(*united, strict=True)
        unions = Unions(self.shift, np.array(pages, "<u4"), *(np.array(each, "<u8") for each in offsets))
        return replace(self._part(np.flatnonzero(above), {}, slice(0, 0)), unions=unions)

    def pages(self) -> Iterator[ContigIndex]:
        """Yield every page, at last what follows the one with the last bins."""
        for number in range(self.count):
            yield self._page(number << self.shift, (number + 1) << self.shift)
        yield self._page(self.count << self.shift, 1 << self.index.min_shift + 3 * self.index.depth)

    def _page(self, start: int, end: int) -> ContigIndex:
        """Return what queries of regions within `start` to `end` need."""
        if start >= end:
            return self._part(np.zeros(0, np.int64), {}, slice(0, 0))
        own: list[int] = []
        above: list[int] = []
        for low, high in self.index.bins_over(start, end):
            (own if self.levels[low] >= self.level else above).extend(range(low, high))
        near = set(self._neighbours(start, end))
        windows, first = self._windows(start, end)
        if len(self.index.loffsets):
            may_lack = not above or int(self.index.bins[above[0]]) != 0
            more, first = self._first_of_bins([*own, *above, *near], may_lack=may_lack)
            near |= more
        near = near.difference(own, above)
        kept = self._useful(above, [*own, *near], first=first, end=end)
        kept |= {at: self.index.firsts[at : at + 1].astype(np.int64) for at in near}
        return self._part(np.array(sorted({*own, *above, *near}), np.int64), kept, windows)

    def _windows(self, start: int, end: int) -> tuple[Numbers, int]:
        """Return which changes of the linear index `first_offset` looks at, and the least that it finds."""
        index = self.index
        first = int(index.windows.searchsorted(np.uint32(start >> index.min_shift), side="right")) - 1
        last = min((end - 1) >> index.min_shift, 2**32 - 1)
        windows = np.arange(max(first, 0), int(index.windows.searchsorted(np.uint32(last), side="right")))
        found = self.earlier[windows] if len(self.earlier) and not len(index.loffsets) else windows
        known = first >= 0 and len(found) > 0 and bool((found >= 0).all())
        least = int(index.linear[found].min()) if known else 0
        return np.union1d(windows, found[found >= 0]), least

    def _first_of_bins(self, bins: list[int], *, may_lack: bool) -> tuple[set[int], int]:
        """Return further bins that `first_offset` looks at when it finds one of these, and the least that it finds.

        It finds none where it `may_lack` one.
        """
        found = self.earlier[bins] if len(self.earlier) else np.array(bins, np.int64)
        if may_lack or not len(found) or (found < 0).any():
            return set(found[found >= 0].tolist()), 0
        return set(found.tolist()), int(self.index.loffsets[found].min())

    def _neighbours(self, start: int, end: int) -> Iterator[int]:
        """Yield where the nearest bins left and right of a page are that have the same parent, at each level above."""
        bins = self.index.bins
        for level in range(1, self.level + 1):
            shift = self.index.min_shift + 3 * (self.index.depth - level)
            left, right = (first_bin(level) + (position >> shift) for position in (start, end - 1))
            at = int(bins.searchsorted(np.uint32(left))) - 1
            if at >= 0 and int(bins[at]) >= (left - 1) // 8 * 8 + 1:
                yield at
            at = int(bins.searchsorted(np.uint32(right + 1)))
            if at < len(bins) and int(bins[at]) <= (right + 7) // 8 * 8:
                yield at

    def _useful(self, above: list[int], others: list[int], *, first: int, end: int) -> dict[int, Numbers]:
        """Return which chunks of the bins above a page any query of it can use: those between its offsets."""
        index = self.index
        begins = index.chunk_begins[index.firsts[others]]
        limit = np.uint64(max(index.limit_offset(end), int(begins.max()) if others else 0))
        kept = {}
        for at in above:
            span = np.arange(int(index.firsts[at]), int(index.firsts[at + 1]))
            useful = (index.chunk_ends[span] > np.uint64(first)) & (index.chunk_begins[span] < limit)
            kept[at] = span[useful]
        return kept

    def _part(self, bins: Numbers, kept: Mapping[int, Numbers], windows: "Numbers | slice") -> ContigIndex:
        """Return some bins of the index, those in `kept` with these chunks only, and some windows."""
        index = self.index
        spans = [
            kept[at] if at in kept else np.arange(int(index.firsts[at]), int(index.firsts[at + 1]))
            for at in bins.tolist()
        ]
        chunks = np.concatenate(spans) if spans else np.zeros(0, np.int64)
        return replace(
            index,
            bins=index.bins[bins],
            firsts=np.cumsum([0, *map(len, spans)]).astype("<u4"),
            chunk_begins=index.chunk_begins[chunks],
            chunk_ends=index.chunk_ends[chunks],
            loffsets=index.loffsets[bins] if len(index.loffsets) else index.loffsets,
            windows=index.windows[windows],
            linear=index.linear[windows],
        )


def _earlier(index: ContigIndex) -> Numbers:
    """Return where the largest smaller offset is: for a CSI of any bin, for each window of those before it."""
    if len(index.loffsets):
        order = index.loffsets.argsort(kind="stable")
        below = index.loffsets[order].searchsorted(index.loffsets) - 1
        return np.where(below >= 0, order[below], -1)
    if (index.linear[1:] > index.linear[:-1]).all():
        return np.arange(-1, len(index.linear) - 1)
    seen: list[tuple[int, int]] = []
    found: list[int] = []
    for at, offset in enumerate(index.linear.tolist()):
        smaller = bisect_left(seen, (offset, -1)) - 1
        found.append(seen[smaller][1] if smaller >= 0 else -1)
        insort(seen, (offset, at))
    return np.array(found, np.int64)
