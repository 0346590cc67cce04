"""Random sequences, parts and topologies: what is served equals a slice, or the table says why not."""

from http import HTTPStatus

import pytest
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogue.formats.digests import sequence_digests
from refget_app.fast_path import RefgetFastPath
from tests.refget_app.made_sequences import ask, make_sequence

pytestmark = pytest.mark.django_db

RESIDUES = st.integers(1, 400).flatmap(
    lambda length: st.binary(min_size=length, max_size=length).map(
        lambda raw: bytes(65 + byte % 26 for byte in raw)
    )
)
POSITION = st.integers(0, 420) | st.sampled_from([2**32 - 1, 2**32, 10**10, 10**30])
#: A fixture of one function, shared by its examples, only brings the database here.
EXAMPLES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@EXAMPLES
@given(
    residues=RESIDUES,
    before=st.binary(max_size=20),
    circular=st.booleans(),
    parts=st.lists(st.tuples(st.none() | POSITION, st.none() | POSITION), min_size=1, max_size=6),
)
def test_parts_by_query(
    residues: bytes, before: bytes, circular: bool, parts: list[tuple[int | None, int | None]]
) -> None:
    make_sequence(residues, circular=circular, before=before)
    identifier = sequence_digests(residues).sq
    app = RefgetFastPath(WSGIHandler())
    for start, end in parts:
        given_positions = {"start": start, "end": end}
        query = "&".join(f"{name}={value}" for name, value in given_positions.items() if value is not None)
        reply = ask(app, f"/sequence/{identifier}?{query}")
        expected = expected_by_query(residues, circular, start, end)
        if isinstance(expected, bytes):
            assert (reply.code, reply.body) == (200, expected)
            assert reply.header("Content-Length") == str(len(expected))
        else:
            assert reply.code == expected
            assert not reply.body.startswith(b">") and reply.header("Content-Type") == "application/json"


def expected_by_query(
    residues: bytes, circular: bool, start: int | None, end: int | None
) -> bytes | HTTPStatus:
    """The table of the protocol once more, in the words of slicing."""
    length = len(residues)
    if any(position is not None and position > 2**32 - 1 for position in (start, end)):
        return HTTPStatus.BAD_REQUEST
    if start is not None and start > length:
        return HTTPStatus.BAD_REQUEST
    if start == length or (end is not None and end > length):
        return HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    if start is not None and end is not None and start > end:
        return residues[start:] + residues[:end] if circular else HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    return residues[start:end]


@EXAMPLES
@given(
    residues=RESIDUES,
    circular=st.booleans(),
    parts=st.lists(st.tuples(st.none() | POSITION, st.none() | POSITION), min_size=1, max_size=6),
)
def test_parts_by_range(residues: bytes, circular: bool, parts: list[tuple[int | None, int | None]]) -> None:
    make_sequence(residues, circular=circular)
    identifier = sequence_digests(residues).md5_hex
    app = RefgetFastPath(WSGIHandler())
    length = len(residues)
    for first, last in parts:
        written = f"bytes={'' if first is None else first}-{'' if last is None else last}"
        reply = ask(app, f"/sequence/{identifier}", headers={"Range": written})
        if first is None and last is None:
            assert reply.code == 400
            continue
        if first is None:
            expected = residues[-last:] if last else b""
        else:
            expected = residues[first:] if last is None else residues[first : last + 1]
        if not expected:
            assert (reply.code, reply.header("Content-Range")) == (416, f"bytes */{length}")
            continue
        assert (reply.code, reply.body) == (206, expected)
        began = max(length - last, 0) if first is None and last is not None else first
        assert began is not None
        assert reply.header("Content-Range") == f"bytes {began}-{began + len(expected) - 1}/{length}"


@EXAMPLES
@given(
    residues=RESIDUES, written=st.text(max_size=20) | st.from_regex(r"bytes=[0-9,-]{0,12}", fullmatch=True)
)
def test_any_range_header_is_a_slice_or_refused(residues: bytes, written: str) -> None:
    make_sequence(residues)
    identifier = sequence_digests(residues).md5_hex
    header = written.encode("utf-8", "replace").decode("latin-1")
    reply = ask(RefgetFastPath(WSGIHandler()), f"/sequence/{identifier}", headers={"Range": header})
    assert reply.code in {206, 400, 416}
    if reply.code == 206:
        assert reply.body in residues
