"""Range headers, compared with slices."""

import pytest

from ga4gh.ranges import RangeHeader, content_range, parse_range, unsatisfied_range


def selected(header: str, content: bytes) -> bytes | None:
    asked = parse_range(header)
    assert asked is not None
    part = asked.within(len(content))
    return None if part is None else content[slice(*part)]


@pytest.mark.parametrize("length", [0, 1, 2, 7])
def test_what_a_range_selects_is_a_slice(length: int) -> None:
    content = bytes(range(length))
    for first in range(length + 3):
        for last in range(first, length + 3):
            assert selected(f"bytes={first}-{last}", content) == (content[first : last + 1] or None)
        assert selected(f"bytes={first}-", content) == (content[first:] or None)
    for count in range(length + 3):
        assert selected(f"bytes=-{count}", content) == (content[max(length - count, 0) :] or None)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=10-19", RangeHeader(10, 19)),
        ("Bytes=1-2", RangeHeader(1, 2)),
        (" bytes=1-2 ", RangeHeader(1, 2)),
        ("bytes=59-50", RangeHeader(59, 50)),
        ("bytes=-0", RangeHeader(None, 0)),
        ("bytes=0-" + "9" * 5000, RangeHeader(0, 2**63)),
    ],
)
def test_parsing(header: str, expected: RangeHeader) -> None:
    assert parse_range(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=0 - 1",
        "bytes=٣-٤",
        "0-1",
    ],
)
def test_what_is_not_one_range_of_bytes(header: str) -> None:
    assert parse_range(header) is None


def test_a_range_that_ends_before_it_begins() -> None:
    assert RangeHeader(5, 4).is_inverted
    assert RangeHeader(5, 4).within(10) is None
    assert not any(
        asked.is_inverted for asked in (RangeHeader(5, 5), RangeHeader(5, None), RangeHeader(None, 0))
    )


def test_content_range_names_the_last_byte() -> None:
    assert content_range(5, 8, 8) == ("Content-Range", "bytes 5-7/8")
    assert unsatisfied_range(8) == ("Content-Range", "bytes */8")
