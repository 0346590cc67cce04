"""Regions as people write them."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some

from portal.regions import RegionError, TypedRegion, parse_region

NAMES = some.text(some.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", None),
        ("  ", None),
        ("chr1", TypedRegion("chr1")),
        (" chr1:1-100 ", TypedRegion("chr1", 0, 100)),
        ("chr1:1,001-2,000", TypedRegion("chr1", 1000, 2000)),
        ("chr1:5", TypedRegion("chr1", 4)),
        ("chr1:5-", TypedRegion("chr1", 4)),
        ("chr1:7-7", TypedRegion("chr1", 6, 7)),
        ("HLA-A*01:01:01:01", TypedRegion("HLA-A*01:01:01", 0)),
        ("{HLA-A*01:01:01:01}", TypedRegion("HLA-A*01:01:01:01")),
        ("{HLA-A*01:01:01:01}:5-9", TypedRegion("HLA-A*01:01:01:01", 4, 9)),
        ("chr1:abc", TypedRegion("chr1:abc")),
        ("chr1:4294967295", TypedRegion("chr1", 4294967294)),
    ],
)
def test_what_a_text_means(text: str, region: TypedRegion | None) -> None:
    assert parse_region(text) == region


def test_a_contig_with_colons_that_the_file_has() -> None:
    assert parse_region("HLA-A*01:01", ["HLA-A*01:01"]) == TypedRegion("HLA-A*01:01")


@pytest.mark.parametrize(
    "text", ["chr1:0-5", "chr1:9-5", "chr1:4294967296-", "chr1:1-99999999999", "{a:b}5", "{a}:x", "chr1:,"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(RegionError):
        parse_region(text)


@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAMES, some.integers(0, 2**32 - 2), some.none() | some.integers(1, 2**31))
def test_a_region_is_read_as_it_is_written(name: str, start: int, length: int | None) -> None:
    end = None if length is None or start + length >= 2**32 else start + length
    region = TypedRegion(name, start, end)
    if name.startswith("{") and ":" not in name:
        return  # braces belong to the notation
    assert parse_region(str(region)) == region
