"""Comparison of sequence collections (sequence collections 1.0.0, "Comparison"), in time proportional to their size.

Equal elements get equal numbers, so that numpy can count them.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from catalogue.formats.digests import SHA512T24U_BYTES as _DIGEST

Codes = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
#: A collection by its arrays. Elements are hashable, so pairs are tuples.
Level2 = Mapping[str, Sequence[Hashable]]

_WORDS: Final = _DIGEST // 8
#: Upper bound of the bytes of names that are numbered by numpy.
_MAX_NAME: Final = 64
#: By number: the mask of so many first bytes of a little-endian word.
_FIRST_BYTES: Final = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
#: Odd numbers without a pattern, as many as columns and rounds may need.
_MULTIPLIERS: Final = np.random.Generator(np.random.PCG64(1)).integers(
    1 << 64, size=16, dtype=np.uint64
) | np.uint64(1)


class Match(NamedTuple):
    """The number of elements that two arrays share, counting duplicates, and whether they are in the same order.

    `same_order` is None without a shared element, or when a shared element has different counts in the two arrays.
    """

    shared: int
    same_order: bool | None


class CollectionArrays(NamedTuple):
    """The arrays of a stored collection: names in UTF-8 separated by NULs, lengths in residues, and concatenated
    sha512t24u digests of 24 bytes each.
    """

    names: bytes
    lengths: Codes
    sequences: bytes


def match_elements(a: Sequence[Hashable], b: Sequence[Hashable]) -> Match:
    """Match the elements of two arrays as multisets.

    >>> match_elements([1, 1, 2], [1, 2, 2])
    Match(shared=2, same_order=None)
    """
    return _match(*_codes(a, b))


def compare(a: Level2, b: Level2) -> dict[str, Any]:
    """Compare any two collections: `attributes` and `array_elements` of the answer."""
    shared = sorted(a.keys() & b.keys())
    matches = {name: match_elements(a[name], b[name]) for name in shared}
    sizes_a, sizes_b = ({name: len(side[name]) for name in sorted(side)} for side in (a, b))
    return _answer(sizes_a, sizes_b, matches)


def compare_stored(a: CollectionArrays, b: CollectionArrays) -> dict[str, Any]:
    """Compare stored collections, faster than `compare`: no element becomes an object of Python."""
    size = len(a.lengths)
    names = _name_codes(a.names, b.names)
    lengths = _number([np.concatenate([a.lengths, b.lengths]).view(np.uint64)])
    codes = {
        "lengths": lengths,
        "name_length_pairs": _number([(names << 32 | lengths).view(np.uint64)]),
        "names": names,
        "sequences": _number(list(np.frombuffer(a.sequences + b.sequences, "<u8").reshape(-1, _WORDS).T)),
    }
    matches = {name: _match(code[:size], code[size:]) for name, code in codes.items()}
    shared, same_order = matches["sequences"]
    matches["sorted_sequences"] = Match(shared, None if same_order is None else True)
    return _answer(dict.fromkeys(matches, size), dict.fromkeys(matches, len(b.lengths)), matches)


def _answer(
    sizes_a: Mapping[str, int], sizes_b: Mapping[str, int], matches: Mapping[str, Match]
) -> dict[str, Any]:
    return {
        "attributes": {
            "a_only": [name for name in sizes_a if name not in sizes_b],
            "b_only": [name for name in sizes_b if name not in sizes_a],
            "a_and_b": list(matches),
        },
        "array_elements": {
            "a_count": dict(sizes_a),
            "b_count": dict(sizes_b),
            "a_and_b_count": {name: match.shared for name, match in matches.items()},
            "a_and_b_same_order": {name: match.same_order for name, match in matches.items()},
        },
    }


def _codes(a: Iterable[Hashable], b: Iterable[Hashable]) -> tuple[Codes, Codes]:
    """Number the elements of both arrays from 0; equal elements get the same number."""
    numbers: defaultdict[Hashable, int] = defaultdict(count().__next__)
    return (
        np.fromiter(map(numbers.__getitem__, a), dtype=np.int64),
        np.fromiter(map(numbers.__getitem__, b), dtype=np.int64),
    )


def _name_codes(a: bytes, b: bytes) -> Codes:
    """Number the names of both collections, separated by NULs; equal names get the same number."""
    packed = a + b"\0" + b
    ends = np.append(np.flatnonzero(np.frombuffer(packed, np.uint8) == 0), len(packed))
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts
    if lengths.max() > _MAX_NAME:
        return np.concatenate(_codes(a.split(b"\0"), b.split(b"\0")))
    # The 8 bytes from each position on, as one word; the padding lets the last positions have theirs.
    words = np.ndarray((len(packed) + _MAX_NAME,), "<u8", packed + bytes(_MAX_NAME + 7), strides=(1,))
    return _number(
        [
            words[starts + at] & _FIRST_BYTES[np.clip(lengths - at, 0, 8)]
            for at in range(0, int(lengths.max()), 8)
        ]
        or [lengths.view(np.uint64)]
    )


def _number(columns: Sequence[Words], *, rounds: int = 8) -> Codes:
    """Return a number for each row of a table below the number of rows, the same for equal rows only.

    Each row takes the number of the last row with its hash, if both are equal. The rows whose hash belongs to another
    row are hashed again with other multipliers; what collides every time, on purpose, is sorted.
    """
    codes = np.empty(len(columns[0]), dtype=np.int64)
    left = np.arange(len(codes), dtype=np.int32)
    shift = np.uint64(62 - len(codes).bit_length())
    last = np.empty(1 << (64 - int(shift)), dtype=np.int32)
    for turn in range(rounds):
        multipliers = _MULTIPLIERS[turn : turn + len(columns)]
        hashes = sum(column * multiplier for column, multiplier in zip(columns, multipliers, strict=True))
        slots = np.asarray(hashes) >> shift
        last[slots] = np.arange(len(slots), dtype=np.int32)
        found = last[slots]
        same = np.logical_and.reduce([column[found] == column for column in columns])
        codes[left[same]] = left[found[same]]
        left, columns = left[~same], [column[~same] for column in columns]
        if not len(left):
            return codes
    _, first, inverse = np.unique(np.stack(columns, 1), axis=0, return_index=True, return_inverse=True)
    codes[left] = left[first[inverse]]
    return codes


def _match(a: Codes, b: Codes) -> Match:
    if not len(a) or not len(b):
        return Match(0, None)
    size = int(max(a.max(), b.max())) + 1
    in_a, in_b = np.bincount(a, minlength=size), np.bincount(b, minlength=size)
    shared = np.minimum(in_a, in_b)
    common = shared > 0
    if not common.any() or (in_a != in_b)[common].any():
        return Match(int(shared.sum()), None)
    return Match(int(shared.sum()), bool(np.array_equal(a[common[a]], b[common[b]])))
