"""Parts of sequences, by query and by Range header: one test a row of the decision table."""

import json

import pytest

from catalogue.formats.digests import sequence_digests
from tests.refget_app.answers.asked import MD5, RESIDUES, assert_error, get
from tests.refget_app.made_sequences import make_sequence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("start=10&end=20", RESIDUES[10:20]),
        ("start=990", RESIDUES[990:]),
        ("end=5", RESIDUES[:5]),
        ("start=0", RESIDUES),
        ("start=0&end=1000", RESIDUES),
        ("start=999", RESIDUES[999:]),
        ("end=0", b""),
        ("start=10&end=10", b""),
    ],
)
def test_a_part_by_query(query: str, expected: bytes) -> None:
    reply = get(f"/sequence/{MD5}?{query}")
    assert (reply.status, reply.body) == ("200 OK", expected)
    assert reply.header("Content-Length") == str(len(expected))
    assert reply.header("Accept-Ranges") == "none"
    assert reply.header("Content-Range") is None


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-0", RESIDUES[:1], "bytes 0-0/1000"),
        ("bytes=10-19", RESIDUES[10:20], "bytes 10-19/1000"),
        ("bytes=0-999", RESIDUES, "bytes 0-999/1000"),
        ("bytes=0-", RESIDUES, "bytes 0-999/1000"),
        ("bytes=-10", RESIDUES[-10:], "bytes 990-999/1000"),
        ("bytes=-5000", RESIDUES, "bytes 0-999/1000"),
        ("bytes=990-5000", RESIDUES[990:], "bytes 990-999/1000"),
    ],
)
def test_a_part_by_range(asked: str, expected: bytes, content_range: str) -> None:
    reply = get(f"/sequence/{MD5}", {"Range": asked})
    assert (reply.status, reply.body) == ("206 Partial Content", expected)
    assert reply.header("Content-Length") == str(len(expected))
    assert reply.header("Content-Range") == content_range
    assert reply.header("Accept-Ranges") == "bytes"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("start=abc&end=20", 400),
        ("start=-10&end=-29", 400),
        ("start=1_0&end=20", 400),
        ("start=%2B5", 400),
        ("start=%D9%A3", 400),
        ("start=", 400),
        ("end=4294967296", 400),
        ("start=1001", 400),
        ("start=1000", 416),
        ("start=1000&end=1000", 416),
        ("start=67&end=1001", 416),
        ("start=20&end=10", 416),
    ],
)
def test_parts_that_cannot_be_had(query: str, code: int) -> None:
    reply = get(f"/sequence/{MD5}?{query}")
    assert_error(reply, code)
    assert reply.header("Content-Range") is None


@pytest.mark.parametrize("asked", ["bytes=1000-1000", "bytes=5-4", "bytes=-0", "bytes=99999999999999999999-"])
def test_ranges_that_cannot_be_had_say_how_long_the_sequence_is(asked: str) -> None:
    reply = get(f"/sequence/{MD5}", {"Range": asked})
    assert_error(reply, 416)
    assert reply.header("Content-Range") == "bytes */1000"


@pytest.mark.parametrize("asked", ["units=20-30", "bytes=ab-19", "bytes=0-1,3-4", "bytes=--5", ""])
def test_malformed_ranges(asked: str) -> None:
    assert_error(get(f"/sequence/{MD5}", {"Range": asked}), 400)


@pytest.mark.parametrize("query", ["start=0", "end=0", "start=0&end=0", "start=5&end=9"])
def test_a_range_beside_start_or_end(query: str) -> None:
    assert_error(get(f"/sequence/{MD5}?{query}", {"Range": "bytes=0-9"}), 400)


def test_a_circle_runs_over_its_origin() -> None:
    circle = bytes(65 + i % 19 for i in range(540))
    identifier = sequence_digests(circle).sq
    make_sequence(circle, circular=True)
    assert get(f"/sequence/{identifier}?start=530&end=5").body == circle[530:] + circle[:5]
    assert get(f"/sequence/{identifier}?start=530&end=0").body == circle[530:]
    assert get(f"/sequence/{identifier}?start=539&end=538").body == circle[539:] + circle[:538]
    assert get(f"/sequence/{identifier}?start=540&end=5").code == 416
    assert get(f"/sequence/{identifier}?start=541&end=5").code == 400
    assert get(f"/sequence/{identifier}", {"Range": "bytes=530-5"}).code == 416
    fasta = get(f"/sequence/{identifier}?start=530&end=80", {"Accept": "text/x-fasta"})
    over = (circle[530:] + circle[:80]).decode()
    assert fasta.body.decode() == f">{identifier} 530-80\n{over[:60]}\n{over[60:]}\n"
    assert fasta.header("Content-Length") == str(len(fasta.body))


def test_the_limit_on_parts(settings: pytest.FixtureRequest) -> None:
    settings.REFGET_SUBSEQUENCE_LIMIT = 10  # type: ignore[attr-defined]
    assert get(f"/sequence/{MD5}").body == RESIDUES
    assert get(f"/sequence/{MD5}?start=0&end=10").body == RESIDUES[:10]
    assert get(f"/sequence/{MD5}", {"Range": "bytes=-10"}).body == RESIDUES[-10:]
    assert_error(get(f"/sequence/{MD5}?start=0&end=11"), 416)
    assert_error(get(f"/sequence/{MD5}?start=0"), 416)
    assert_error(get(f"/sequence/{MD5}", {"Range": "bytes=0-10"}), 416)
    document = json.loads(get("/service-info").body)
    assert document["refget"]["subsequence_limit"] == 10
