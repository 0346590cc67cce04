"""If-Match, If-None-Match and If-Range against one ETag."""

import pytest

from ga4gh.etags import precondition, range_header, requested_range
from ga4gh.ranges import RangeHeader

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"HTTP_IF_NONE_MATCH": '"abc"'}, 304),
        ({"HTTP_IF_NONE_MATCH": 'W/"abc"'}, 304),
        ({"HTTP_IF_NONE_MATCH": '"x", W/"y" , "abc"'}, 304),
        ({"HTTP_IF_NONE_MATCH": " * "}, 304),
        ({"HTTP_IF_NONE_MATCH": '"x"'}, None),
        ({"HTTP_IF_NONE_MATCH": "abc"}, None),
        ({"HTTP_IF_NONE_MATCH": ""}, None),
        ({"HTTP_IF_MATCH": '"abc"'}, None),
        ({"HTTP_IF_MATCH": '"x", "abc"'}, None),
        ({"HTTP_IF_MATCH": "*"}, None),
        ({"HTTP_IF_MATCH": '"x"'}, 412),
        ({"HTTP_IF_MATCH": 'W/"abc"'}, 412),
        ({"HTTP_IF_MATCH": '"x"', "HTTP_IF_NONE_MATCH": '"abc"'}, 412),
        ({"HTTP_IF_MATCH": '"abc"', "HTTP_IF_NONE_MATCH": '"abc"'}, 304),
    ],
)
def test_conditions(headers: dict[str, str], status: int | None) -> None:
    assert precondition(headers, ETAG) == status


@pytest.mark.parametrize(
    ("if_range", "holds"),
    [
        (None, True),
        ('"abc"', True),
        (' "abc" ', True),
        ('W/"abc"', False),
        ('"x"', False),
        ("Wed, 21 Oct 2015 07:28:00 GMT", False),
        ("", False),
    ],
)
def test_a_range_counts_while_if_range_holds(if_range: str | None, holds: bool) -> None:
    environ = {"HTTP_RANGE": "bytes=0-1"} | ({} if if_range is None else {"HTTP_IF_RANGE": if_range})
    assert range_header(environ, ETAG) == ("bytes=0-1" if holds else None)
    assert range_header({}, ETAG) is None


@pytest.mark.parametrize(
    ("method", "header", "expected"),
    [
        ("GET", "bytes=2-5", RangeHeader(2, 5)),
        ("GET", "bytes=-5", RangeHeader(None, 5)),
        ("HEAD", "bytes=2-5", None),
        ("GET", "bytes=5-2", None),
        ("GET", "bytes=two-5", None),
        ("GET", "bytes=0-1,4-5", None),
        ("GET", "lines=0-1", None),
        ("GET", None, None),
    ],
)
def test_only_one_valid_range_of_a_get_counts(
    method: str, header: str | None, expected: RangeHeader | None
) -> None:
    environ = {} if header is None else {"HTTP_RANGE": header}
    assert requested_range(environ, ETAG, method=method) == expected
    assert requested_range({**environ, "HTTP_IF_RANGE": '"other"'}, ETAG, method=method) is None
