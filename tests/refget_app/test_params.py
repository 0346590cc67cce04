"""Query strings and Range headers, as clients write them and as they should not."""

import pytest

from ga4gh.ranges import RangeHeader
from refget_app.params import MAX_POSITION, SequenceParams, sequence_params


def read(query: str = "", range_header: str | None = None) -> SequenceParams:
    return sequence_params(query=query, range_header=range_header)


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("", None, None),
        ("start=0&end=10", 0, 10),
        ("end=10&start=0", 0, 10),
        ("start=0", 0, None),
        ("end=0", None, 0),
        ("&end=5", None, 5),
        ("start=%31%30", 10, None),
        ("start=0000000007", 7, None),
        (f"start={MAX_POSITION}&end={MAX_POSITION}", MAX_POSITION, MAX_POSITION),
        ("START=1&begin=2", None, None),
    ],
)
def test_positions(query: str, start: int | None, end: int | None) -> None:
    params = read(query)
    assert params.fault is None
    assert (params.start, params.end) == (start, end)
    assert params.by_query == (start is not None or end is not None)


@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        "-10",
        "%2B5",
        "+5",
        "1_0",
        "1.0",
        "1e3",
        "0x10",
        "%D9%A3",
        "٣",
        " 5",
        "5%20",
        "4294967296",
        "00000000005",
        "9" * 5000,
        "5%00",
        "1,2",
        "null",
    ],
)
def test_what_is_no_position_is_a_fault(name: str, value: str) -> None:
    params = read(f"{name}={value}")
    assert params.fault is not None
    assert name in params.fault


@pytest.mark.parametrize("query", ["start", "end", "start&end=5", "start=1&start=2", "end=5&end=5"])
def test_a_position_is_given_once_and_with_a_value(query: str) -> None:
    assert read(query).fault is not None


@pytest.mark.parametrize("query", ["start=4294967296&end=5", "start=0&end=9999999999"])
def test_the_usual_form_is_bounded_too(query: str) -> None:
    assert read(query).fault is not None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", RangeHeader(0, 0)),
        ("bytes=10-19", RangeHeader(10, 19)),
        ("bytes=10-", RangeHeader(10, None)),
        ("bytes=-10", RangeHeader(None, 10)),
        ("bytes=-0", RangeHeader(None, 0)),
        ("Bytes=1-2", RangeHeader(1, 2)),
        (" bytes=1-2 ", RangeHeader(1, 2)),
        ("bytes=59-50", RangeHeader(59, 50)),
        ("bytes=0-" + "9" * 18, RangeHeader(0, 10**18 - 1)),
        ("bytes=0-" + "9" * 5000, RangeHeader(0, 2**63)),
    ],
)
def test_ranges(header: str, expected: RangeHeader) -> None:
    assert read("", header) == SequenceParams(range=expected)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=ab-19",
        "bytes=-10--19",
        "bytes=10--19",
        "bytes=-10-",
        "bytes==10-19",
        "units=20-30",
        "bytes=0-1,5-6",
        "bytes=0-1,",
        "bytes=0 - 1",
        "bytes =0-1",
        "0-1",
        "bytes=٣-٤",
        "bytes=1_0-20",
        "bytes=+1-2",
        "bytes=1.0-2",
        "bytes=0-1 junk",
    ],
)
def test_other_ranges_are_faults(header: str) -> None:
    assert read("", header).fault is not None


@pytest.mark.parametrize("query", ["start=0", "end=0", "start=0&end=0", "start=5&end=10"])
def test_a_range_with_start_or_end_is_a_fault(query: str) -> None:
    fault = read(query, "bytes=0-9").fault
    assert fault is not None
    assert "combined" in fault


def test_accept_of_the_query() -> None:
    assert read("accept=text/plain").accept == "text/plain"
    assert read("accept=text%2Fplain&start=1").accept == "text/plain"
    assert read("accept=text/plain&accept=*/*").accept == "text/plain,*/*"
    assert read("accept=").accept == ""
    assert read("start=x&accept=text/x-fasta").accept == "text/x-fasta"
    assert read("start=1").accept is None
