"""Every row of the decision table, and what holds between its rows."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ga4gh.ranges import RangeHeader
from refget_app.outcome import Outcome, Refuse, Serve, decide
from refget_app.params import MAX_POSITION, SequenceParams

OK, PARTIAL = HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT
BAD, UNSATISFIABLE = HTTPStatus.BAD_REQUEST, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


def by_query(
    start: int | None, end: int | None, *, length: int = 100, circular: bool = False, limit: int | None = None
) -> Outcome:
    return decide(SequenceParams(start, end), length=length, circular=circular, limit=limit)


def by_range(
    first: int | None,
    last: int | None,
    *,
    length: int = 100,
    circular: bool = False,
    limit: int | None = None,
) -> Outcome:
    return decide(
        SequenceParams(range=RangeHeader(first, last)), length=length, circular=circular, limit=limit
    )


def test_a_malformed_request_is_400() -> None:
    outcome = decide(SequenceParams(fault="start is no number"), length=5, circular=False, limit=None)
    assert outcome == Refuse(BAD, "start is no number")


def test_nothing_asked_is_everything() -> None:
    assert decide(SequenceParams(), length=7, circular=True, limit=1) == Serve(OK, 0, 7, by_query=False)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, (0, 100)),
        (None, 100, (0, 100)),
        (None, 0, (0, 0)),
        (10, 20, (10, 20)),
        (99, 100, (99, 100)),
        (99, None, (99, 100)),
        (0, 0, (0, 0)),
        (50, 50, (50, 50)),
        (99, 99, (99, 99)),
    ],
)
def test_a_part_by_query(
    circular: bool, start: int | None, end: int | None, expected: tuple[int, int]
) -> None:
    assert by_query(start, end, circular=circular) == Serve(OK, *expected, by_query=True)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        (101, None, BAD),
        (101, 200, BAD),
        (101, 5, BAD),
        (MAX_POSITION, MAX_POSITION, BAD),
        (100, None, UNSATISFIABLE),
        (100, 100, UNSATISFIABLE),
        (100, 5, UNSATISFIABLE),
        (0, 101, UNSATISFIABLE),
        (None, 101, UNSATISFIABLE),
        (67, MAX_POSITION, UNSATISFIABLE),
    ],
)
def test_outside_the_sequence(circular: bool, start: int, end: int | None, status: HTTPStatus) -> None:
    outcome = by_query(start, end, circular=circular)
    assert isinstance(outcome, Refuse)
    assert (outcome.status, outcome.by_range) == (status, False)


def test_start_after_end_needs_a_circle() -> None:
    linear = by_query(90, 10)
    assert isinstance(linear, Refuse)
    assert linear.status == UNSATISFIABLE
    circular = by_query(90, 10, circular=True)
    assert circular == Serve(OK, 90, 10, by_query=True)
    assert isinstance(circular, Serve)
    assert circular.pieces(100) == ((90, 100), (0, 10))
    assert circular.residues(100) == 20
    assert by_query(90, 0, circular=True) == Serve(OK, 90, 0, by_query=True)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0, 0, (0, 1)),
        (0, 99, (0, 100)),
        (0, None, (0, 100)),
        (10, 19, (10, 20)),
        (10, 999999, (10, 100)),
        (99, 99, (99, 100)),
        (99, None, (99, 100)),
        (None, 1, (99, 100)),
        (None, 100, (0, 100)),
        (None, 2**63, (0, 100)),
        (0, 2**63, (0, 100)),
    ],
)
def test_a_part_by_range(first: int | None, last: int | None, expected: tuple[int, int]) -> None:
    assert by_range(first, last) == Serve(PARTIAL, *expected, by_query=False)


@pytest.mark.parametrize("circular", [False, True])
@pytest.mark.parametrize(
    ("first", "last"), [(100, None), (100, 100), (2**63, 2**63), (5, 4), (99, 0), (200, 5), (None, 0)]
)
def test_a_range_that_cannot_be_had(circular: bool, first: int | None, last: int | None) -> None:
    outcome = by_range(first, last, circular=circular)
    assert isinstance(outcome, Refuse)
    assert (outcome.status, outcome.by_range) == (UNSATISFIABLE, True)


def test_a_sequence_without_residues() -> None:
    assert by_query(0, 0, length=0) == Serve(OK, 0, 0, by_query=True)
    assert by_query(0, None, length=0) == Serve(OK, 0, 0, by_query=True)
    for outcome in (by_query(0, 1, length=0), by_range(0, 0, length=0), by_range(None, 5, length=0)):
        assert isinstance(outcome, Refuse)
        assert outcome.status == UNSATISFIABLE


@pytest.mark.parametrize("limit", [1, 10, 19])
def test_longer_than_the_limit(limit: int) -> None:
    for outcome in (
        by_query(10, 30, limit=limit),
        by_query(90, 10, circular=True, limit=limit),
        by_query(0, None, limit=limit),
    ):
        assert isinstance(outcome, Refuse)
        assert (outcome.status, outcome.by_range) == (UNSATISFIABLE, False)
    ranged = by_range(10, 29, limit=limit)
    assert isinstance(ranged, Refuse)
    assert (ranged.status, ranged.by_range) == (UNSATISFIABLE, True)


def test_the_limit_itself_is_served_and_counts_what_is_clipped() -> None:
    assert isinstance(by_query(10, 30, limit=20), Serve)
    assert isinstance(by_query(90, 10, circular=True, limit=20), Serve)
    assert isinstance(by_range(90, 10**6, limit=10), Serve)


POSITIONS = st.none() | st.integers(0, 30) | st.integers(0, MAX_POSITION)


@given(start=POSITIONS, end=POSITIONS, length=st.integers(1, 25), circular=st.booleans())
def test_a_served_part_lies_in_the_sequence(
    start: int | None, end: int | None, length: int, circular: bool
) -> None:
    outcome = by_query(start, end, length=length, circular=circular)
    if isinstance(outcome, Serve):
        pieces = outcome.pieces(length)
        assert all(0 <= low <= high <= length for low, high in pieces)
        assert outcome.residues(length) == sum(high - low for low, high in pieces)
        assert len(pieces) == 1 or circular
