"""Contig indexes of simulated records, as htslib would write them, from human chromosomes down to a few reads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalogue.formats.binning import ContigIndex, first_bin
from catalogue.formats.crai import CraiRow
from catalogue.formats.intervals import VirtualOffset

#: Uncompressed bytes of a record, and of a block, and its compressed bytes.
RECORD, BLOCK, STORED = 200, 20_000, 4_000


def make_contig_index(
    rng: np.random.Generator,
    *,
    length: int,
    records: int,
    spans: Sequence[int] = (150,),
    min_shift: int = 14,
    depth: int = 5,
    csi: bool = False,
    unmapped: int | None = 0,
) -> ContigIndex:
    """The index of records that begin anywhere on a contig, each of one of `spans` positions."""
    starts = np.sort(rng.integers(0, length, records))
    stops = starts + rng.choice(spans, records)
    places = 1000 + RECORD * np.arange(records + 1)
    offsets = (places // BLOCK * STORED << 16 | places % BLOCK).astype(np.uint64)
    bins = np.zeros(records, np.int64)
    for level in range(depth, 0, -1):
        shift = min_shift + 3 * (depth - level)
        inside = (bins == 0) & (starts >> shift == (stops - 1) >> shift)
        bins = np.where(inside, first_bin(level) + (starts >> shift), bins)
    order = np.argsort(bins, kind="stable")
    new = np.append(True, (np.diff(bins[order]) != 0) | (np.diff(order) != 1))
    numbers, firsts = np.unique(bins[order][new], return_index=True)
    last = np.append(np.flatnonzero(new)[1:] - 1, records - 1)
    linear = _linear(starts >> min_shift, (stops - 1) >> min_shift, offsets)
    windows = np.flatnonzero(np.append(True, np.diff(linear) != 0))
    none = np.zeros(0, np.uint64)
    return ContigIndex(
        min_shift=min_shift,
        depth=depth,
        bins=numbers.astype(np.uint32),
        firsts=np.append(firsts, new.sum()).astype(np.uint32),
        chunk_begins=offsets[order[new]],
        chunk_ends=offsets[order[last] + 1],
        loffsets=linear[_first_windows(numbers, depth)] if csi else none,
        windows=np.zeros(0, np.uint32) if csi else windows.astype(np.uint32),
        linear=none if csi else linear[windows],
        begin=VirtualOffset(int(offsets[0])),
        end=VirtualOffset(int(offsets[-1])),
        mapped=records,
        unmapped=unmapped,
    )


def _linear(
    firsts: NDArray[np.int64], lasts: NDArray[np.int64], offsets: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """The first offset of each window; of one without records that of the next that has some."""
    linear = np.full(int(lasts.max()) + 1, 2**63, np.uint64)
    for further in range(int((lasts - firsts).max()) + 1):
        reaching = firsts + further <= lasts
        np.minimum.at(linear, firsts[reaching] + further, offsets[:-1][reaching])
    for window in range(len(linear) - 2, -1, -1):
        if linear[window] == 2**63:
            linear[window] = linear[window + 1]
    return linear


def _first_windows(bins: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """The first window of each bin."""
    bounds = np.array([first_bin(level) for level in range(depth + 1)])
    levels = np.searchsorted(bounds, bins, side="right") - 1
    windows: NDArray[np.int64] = (bins - bounds[levels]) << 3 * (depth - levels)
    return windows


def make_human_index(rng: np.random.Generator) -> ContigIndex:
    """The index of human chromosome 1 with as many reads as make 800 kB of it."""
    return make_contig_index(rng, length=248_956_422, records=3_000_000)


def make_crai_rows(
    rng: np.random.Generator, *, length: int, containers: int, span: int, unknown: int = 0
) -> list[CraiRow]:
    """Rows of containers that follow each other; of the `unknown` ones the writer did not know the positions."""
    starts = np.sort(rng.integers(0, length, containers))
    lost = set(rng.integers(0, containers, unknown).tolist())
    rows = []
    for at, start in enumerate(starts.tolist()):
        begin, end = (0, 2**32 - 1) if at in lost else (start, start + int(rng.integers(1, span)))
        rows.append(CraiRow(0, begin, end, 30 + 500 * at, 20))
    return rows
