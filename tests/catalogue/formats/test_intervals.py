"""Regions and byte ranges, against sets of numbers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats.intervals import (
    ByteRange,
    Chunk,
    Region,
    VirtualOffset,
    unite_chunks,
    unite_ranges,
    unite_regions,
)

small = st.integers(0, 60)
ranges = st.lists(st.tuples(small, small).map(lambda pair: ByteRange(min(pair), max(pair))))


@given(st.integers(0, 2**47), st.integers(0, 0xFFFF))
def test_virtual_offset_holds_both_parts(coffset: int, uoffset: int) -> None:
    place = VirtualOffset.at(coffset, uoffset)
    assert (place.coffset, place.uoffset) == (coffset, uoffset)
    assert place == VirtualOffset(int(place)) == coffset * 65536 + uoffset


@given(st.tuples(small, small), st.tuples(small, small))
def test_virtual_offsets_sort_as_the_file_does(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (VirtualOffset.at(*one) < VirtualOffset.at(*other)) == (one < other)


def test_only_http_is_inclusive() -> None:
    assert ByteRange(0, 1).http() == "bytes=0-0"
    assert ByteRange(5, 10).http() == "bytes=5-9"
    with pytest.raises(ValueError, match="empty"):
        ByteRange(5, 5).http()
    with pytest.raises(ValueError, match="not a byte range"):
        ByteRange(5, 4)


@given(ranges, st.integers(0, 5))
def test_united_ranges_cover_the_same_and_lie_apart(pieces: list[ByteRange], gap: int) -> None:
    united = unite_ranges(pieces, gap=gap)
    covered = {number for piece in pieces for number in range(piece.begin, piece.end)}
    assert covered <= {number for piece in united for number in range(piece.begin, piece.end)}
    assert all(after.begin > before.end + gap for before, after in itertools.pairwise(united))
    if gap == 0:
        assert covered == {number for piece in united for number in range(piece.begin, piece.end)}


@given(small, st.integers(0, 60), st.integers(1, 9))
def test_split_ranges_are_the_same_bytes(begin: int, length: int, most: int) -> None:
    pieces = list(ByteRange(begin, begin + length).split(most))
    assert [n for piece in pieces for n in range(piece.begin, piece.end)] == list(
        range(begin, begin + length)
    )
    assert all(0 < piece.length <= most for piece in pieces)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), small, st.integers(0, 9), small).map(
            lambda parts: Chunk(*sorted((VirtualOffset.at(*parts[:2]), VirtualOffset.at(*parts[2:]))))
        )
    ),
    st.integers(0, 3),
)
def test_united_chunks_share_no_block(chunks: list[Chunk], gap: int) -> None:
    united = unite_chunks(chunks, gap=gap)
    assert all(any(big.begin <= piece.begin and piece.end <= big.end for big in united) for piece in chunks)
    assert {big.begin for big in united} <= {piece.begin for piece in chunks}
    assert {big.end for big in united} <= {piece.end for piece in chunks}
    for before, after in itertools.pairwise(united):
        assert after.begin.coffset > before.end.coffset + gap


@given(st.lists(st.tuples(st.integers(0, 2), small, small).map(lambda parts: Region(*parts))))
def test_united_regions_cover_the_same(regions: list[Region]) -> None:
    united = unite_regions(regions)
    assert united == sorted(united)
    assert {(r.contig, n) for r in regions for n in range(r.start, r.end)} == {
        (r.contig, n) for r in united for n in range(r.start, r.end)
    }
    for before, after in itertools.pairwise(united):
        assert before.contig < after.contig or before.end < after.start


def test_regions_overlap_when_they_share_a_position() -> None:
    region = Region(1, 10, 20)
    assert region.overlaps(1, 19, 25)
    assert not region.overlaps(1, 20, 25)
    assert not region.overlaps(1, 5, 10)
    assert not region.overlaps(2, 12, 13)
