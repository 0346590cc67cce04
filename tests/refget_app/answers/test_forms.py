"""The representations of residues: plain, FASTA and JSON, in the version that the client names."""

import json

import pytest

from tests.refget_app.answers.asked import MD5, RESIDUES, assert_error, get

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


@pytest.mark.parametrize(
    "accept",
    [
        "text/vnd.ga4gh.refget.v1.0.0+plain",
        "text/vnd.ga4gh.refget.v1.0.1+plain",
        "text/vnd.ga4gh.refget.v2.0.0+plain",
    ],
)
def test_a_version_is_answered_in_kind(accept: str) -> None:
    for reply in (
        get(f"/sequence/{MD5}", {"Accept": accept}),
        get(f"/sequence/{MD5}?accept={accept}"),
        get(f"/sequence/{MD5}?accept={accept.replace('+', '%2B')}", {"Accept": "text/html"}),
    ):
        assert reply.body == RESIDUES
        assert reply.header("Content-Type") == f"{accept}; charset=us-ascii"
        assert "Accept" in str(reply.header("Vary"))


def test_fasta() -> None:
    reply = get(f"/sequence/{MD5}", {"Accept": "text/x-fasta"})
    lines = reply.body.decode().split("\n")
    assert lines[0] == f">{MD5} 0-1000"
    assert lines[-1] == ""
    assert [len(line) for line in lines[1:-1]] == [60] * 16 + [40]
    assert "".join(lines[1:]).encode() == RESIDUES
    assert reply.header("Content-Length") == str(len(reply.body))
    assert reply.header("Content-Type") == "text/x-fasta; charset=us-ascii"
    part = get("/sequence/chrI?start=5&end=15&accept=text/x-fasta")
    assert part.body == b">chrI 5-15\n" + RESIDUES[5:15] + b"\n"
    # The example of the specification: a Range header is repeated as it was written.
    ranged = get(f"/sequence/{MD5}", {"Accept": "text/x-fasta", "Range": "bytes=5-14"})
    assert ranged.status == "206 Partial Content"
    assert ranged.body == f">{MD5} 5-14\n".encode() + RESIDUES[5:15] + b"\n"
    assert ranged.header("Content-Length") == str(len(ranged.body))
    spaced = get("/sequence/local:a/b%20c?start=1&end=2&accept=text/x-fasta")
    assert spaced.body == f">{MD5} 1-2\n".encode() + RESIDUES[1:2] + b"\n"
    empty = get(f"/sequence/{MD5}?start=7&end=7&accept=text/x-fasta")
    assert empty.body == f">{MD5} 7-7\n".encode()


def test_json() -> None:
    reply = get("/sequence/insdc:BK006935.2?start=5&end=15", {"Accept": "application/json"})
    assert reply.header("Content-Type") == "application/json; charset=us-ascii"
    assert reply.header("Content-Length") == str(len(reply.body))
    assert json.loads(reply.body) == {
        "id": "insdc:BK006935.2", "start": 5, "end": 15, "sequence": RESIDUES[5:15].decode(),
    }  # fmt: skip


@pytest.mark.parametrize("path", [f"/sequence/{MD5}", f"/sequence/{MD5}/metadata", "/sequence/service-info"])
def test_nothing_acceptable(path: str) -> None:
    content = assert_error(get(path, {"Accept": "embl/some_json"}), 406)
    assert "vnd.ga4gh.refget.v2.0.0" in str(content["message"])
