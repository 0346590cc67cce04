"""Comparison of sequence collections (sequence collections 1.0.0, "Comparison"), in time proportional to their size.

Equal elements get equal numbers, so that numpy can count and sort them.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catalogue.formats.digests import SHA512T24U_BYTES as _DIGEST

Codes = npt.NDArray[np.int64]
#: A collection by its arrays. Elements are hashable, so pairs are tuples.
Level2 = Mapping[str, Sequence[Hashable]]


class Match(NamedTuple):
    """The number of elements that two arrays share, counting duplicates, and whether they are in the same order.

    `same_order` is None without a shared element, or when a shared element has different counts in the two arrays.
    """

    shared: int
    same_order: bool | None


class CollectionArrays(NamedTuple):
    """The arrays of a stored collection: names in UTF-8, lengths in residues, and concatenated sha512t24u
    digests of 24 bytes each.
    """

    names: list[bytes]
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
    """Compare stored collections, faster than `compare`: what follows from other arrays is not counted."""
    names, lengths = _codes(a.names, b.names), _numbers(a.lengths, b.lengths)
    pairs = _pairs(names, lengths)
    sequences = _match(*_digests(a.sequences, b.sequences))
    matches = {
        "lengths": _match(*lengths),
        "name_length_pairs": _match(*pairs),
        "names": _match(*names),
        "sequences": sequences,
        "sorted_sequences": Match(sequences.shared, None if sequences.same_order is None else True),
    }
    return _answer(dict.fromkeys(matches, len(a.names)), dict.fromkeys(matches, len(b.names)), matches)


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


def _numbers(a: Codes, b: Codes) -> tuple[Codes, Codes]:
    """Number the elements of two arrays of numbers, in the order of their values."""
    _, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    return codes[: len(a)], codes[len(a) :]


def _pairs(names: tuple[Codes, Codes], lengths: tuple[Codes, Codes]) -> tuple[Codes, Codes]:
    """Number pairs of name and length, given the numbers of both; equal pairs get the same number."""
    # The numbers of lengths are below `scale`, so that a pair of numbers is one number.
    scale = max((int(side.max()) + 1 for side in lengths if len(side)), default=1)
    a, b = (
        side_names * scale + side_lengths for side_names, side_lengths in zip(names, lengths, strict=True)
    )
    if not len(a) or not len(b):
        return _numbers(a, b)
    by_name = np.full(int(max(names[0].max(), names[1].max())) + 1, -1, dtype=np.int64)
    by_name[names[0]] = a
    if not np.array_equal(by_name[names[0]], a):
        return _numbers(a, b)
    # No name of `a` has two lengths: a pair of `b` that is in `a` has the number of its name, any other its own.
    shared = by_name[names[1]] == b
    return names[0], np.where(shared, names[1], len(by_name) + np.arange(len(b)))


def _digests(a: bytes, b: bytes) -> tuple[Codes, Codes]:
    """Number concatenated digests of 24 bytes, equal ones alike."""
    words = np.frombuffer(a + b, dtype="<u8").reshape(-1, 3)
    order = np.argsort(words[:, 0], kind="stable")
    ranked = words[order]
    differs = np.any(ranked[1:] != ranked[:-1], axis=1)
    if (differs & (ranked[1:, 0] == ranked[:-1, 0])).any():
        # Different digests with equal first 8 bytes are deliberate collisions and need not be sorted.
        return _codes(_split(a), _split(b))
    codes = np.zeros(len(words), dtype=np.int64)
    codes[order[1:]] = np.cumsum(differs)
    return codes[: len(a) // _DIGEST], codes[len(a) // _DIGEST :]


def _split(digests: bytes) -> list[bytes]:
    return [digests[at : at + _DIGEST] for at in range(0, len(digests), _DIGEST)]


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
