"""Comparison of sequence collections."""

import random
from collections.abc import Hashable

import numpy as np
import pytest

from catalogue.formats import collection_comparison
from catalogue.formats.collection_comparison import (
    CollectionArrays,
    _number,
    compare,
    compare_stored,
    match_elements,
)
from catalogue.formats.collections import sequence_names


def oracle(a: list[Hashable], b: list[Hashable]) -> tuple[int, bool | None]:
    """The rules of "Same-order specification", said slowly."""
    left = list(b)
    count = 0
    for element in a:
        if element in left:
            left.remove(element)
            count += 1
    common = [element for element in a if element in b]
    unbalanced = any(a.count(element) != b.count(element) for element in common)
    if not common or unbalanced:
        return count, None
    return count, common == [element for element in b if element in a]


def random_pair(rng: random.Random) -> tuple[list[Hashable], list[Hashable]]:
    pool: list[Hashable] = rng.choice([[1, 2, 3], list(range(12)), ["a", "b", ("a", 1), ("a", 2)]])
    a = rng.choices(pool, k=rng.randint(0, 9))
    match rng.randrange(4):
        case 0:
            b = rng.choices(pool, k=rng.randint(0, 9))
        case 1:
            b = rng.sample(a, k=len(a))
        case 2:
            b = [element for element in a if rng.random() < 0.8]
        case _:
            b = [*a, *rng.choices(pool, k=rng.randint(0, 2))]
    return a, b


@pytest.mark.parametrize("seed", range(4))
def test_matches_equal_an_obvious_oracle(seed: int) -> None:
    rng = random.Random(seed)
    seen = set()
    for _ in range(500):
        a, b = random_pair(rng)
        expected = oracle(a, b)
        assert match_elements(a, b) == expected, (a, b)
        assert match_elements(b, a) == expected, (a, b)
        seen.add(expected[1])
    assert seen == {None, True, False}


@pytest.mark.parametrize(
    ("a", "b", "count", "same_order"),
    [
        ([1, 1, 2], [1, 2, 2], 2, None),
        ([1, 2], [3, 4], 0, None),
        ([], [], 0, None),
        # The official checks say true of one common element, the text of the specification null.
        ([1, 2], [2, 3], 1, True),
        ([1, 1, 2], [1, 1, 2], 3, True),
        ([1, 1, 2], [1, 2, 1], 3, False),
        ([9, 1, 2], [1, 9, 2, 7], 3, False),
    ],
)
def test_matches(a: list[Hashable], b: list[Hashable], count: int, same_order: bool | None) -> None:
    assert match_elements(a, b) == (count, same_order)


def test_comparison_tells_which_attributes_are_where() -> None:
    answer = compare({"names": ["a", "b"], "lengths": [1, 2]}, {"names": ["b", "a"], "sequences": ["x"]})
    assert answer == {
        "attributes": {"a_only": ["lengths"], "b_only": ["sequences"], "a_and_b": ["names"]},
        "array_elements": {
            "a_count": {"lengths": 2, "names": 2},
            "b_count": {"names": 2, "sequences": 1},
            "a_and_b_count": {"names": 2},
            "a_and_b_same_order": {"names": False},
        },
    }


def random_arrays(rng: random.Random) -> CollectionArrays:
    """A collection of few different elements, some of whose names and digests have the same first 8 bytes."""
    size = rng.randint(1, 8)
    names = [b"", b"a", b"b", "é".encode(), b"12345678", b"123456789", b"12345678" * 2]
    names += [b"n" * 64 if rng.random() < 0.9 else b"n" * 65] * (rng.random() < 0.3)
    digests = [bytes(8) + bytes([number]) * 16 for number in range(3)]
    digests += [bytes([number]) * 24 for number in range(5)]
    chosen = digests[3:] if rng.random() < 0.7 else digests
    return CollectionArrays(
        b"\0".join(rng.choice(names) for _ in range(size)),
        np.array(rng.choices([1, 2, 2**62], k=size), dtype=np.int64),
        b"".join(rng.choices(chosen, k=size)),
    )


def test_stored_collections_compare_as_any_others() -> None:
    rng = random.Random(9)
    for _ in range(2000):
        a = random_arrays(rng)
        b = a if rng.random() < 0.1 else random_arrays(rng)
        assert compare_stored(a, b) == compare(level2(a), level2(b)), (a, b)


@pytest.mark.parametrize("rounds", [0, 1, 8])
@pytest.mark.parametrize("multiplier", [0, 1, None])
def test_rows_are_numbered_alike_whatever_their_hashes(
    monkeypatch: pytest.MonkeyPatch, rounds: int, multiplier: int | None
) -> None:
    if multiplier is not None:
        multipliers = np.full(16, multiplier, dtype=np.uint64)
        monkeypatch.setattr(collection_comparison, "_MULTIPLIERS", multipliers)
    rng = np.random.default_rng(rounds)
    for columns in (1, 2, 3):
        rows = rng.choice(np.array([0, 1, 2, 2**63, 2**64 - 1], dtype=np.uint64), (500, columns))
        codes = _number(list(rows.T), rounds=rounds)
        assert codes.max() < len(rows)
        assert (rows[codes] == rows).all()
        assert len(np.unique(codes)) == len(np.unique(rows, axis=0))


def level2(arrays: CollectionArrays) -> dict[str, list[Hashable]]:
    names = arrays.names.decode().split("\0")
    sequences: list[Hashable] = list(sequence_names(arrays.sequences))
    lengths = arrays.lengths.tolist()
    return {
        "lengths": lengths,
        "name_length_pairs": list(zip(lengths, names, strict=True)),
        "names": list(names),
        "sequences": sequences,
        "sorted_sequences": sorted(sequences, key=str),
    }
