"""Answers of the refget paths in Django: bodies, headers, names, caching and errors."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError
from django.urls import reverse

from catalogue import queries
from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageUnavailable
from catalogue.formats.digests import sequence_digests
from catalogue.models import ResidueBlob, Sequence
from catalogue.storage import SEQUENCES, storage
from tests.refget_app.made_sequences import Reply, ask, make_sequence

pytestmark = pytest.mark.django_db

RESIDUES = bytes(65 + (7 * i + i // 11) % 26 for i in range(1000))
DIGESTS = sequence_digests(RESIDUES)
MD5 = DIGESTS.md5_hex
PLAIN = "text/vnd.ga4gh.refget.v2.0.0+plain; charset=us-ascii"


def get(target: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
    return ask(WSGIHandler(), target, method, headers)


@pytest.fixture(autouse=True)
def held() -> Sequence:
    return make_sequence(
        RESIDUES,
        aliases=[("insdc", "BK006935.2"), ("Ensembl", "I"), ("ucsc", "chrI"), ("local", "a/b c")],
        before=b"NNNNN",
    )


def assert_error(reply: Reply, code: int) -> dict[str, object]:
    assert reply.code == code
    assert reply.header("Content-Type") == "application/json"
    assert reply.header("Content-Length") == str(len(reply.body))
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("X-Content-Type-Options") == "nosniff"
    content = json.loads(reply.body)
    assert content["status"] == code
    assert reply.status == f"{code} {content['error']}"
    assert content["message"]
    return dict(content)


# --- Identifiers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identifier",
    [
        MD5,
        MD5.upper(),
        f"md5:{MD5}",
        f"MD5:{MD5.upper()}",
        f"Md5:{MD5}",
        DIGESTS.trunc512,
        DIGESTS.trunc512.upper(),
        f"trunc512:{DIGESTS.trunc512}",
        f"TRUNC512:{DIGESTS.trunc512}",
        DIGESTS.sq,
        f"ga4gh:{DIGESTS.sq}",
        f"GA4GH:{DIGESTS.sq}",
        f"ga4gh%3A{DIGESTS.sq}",
        f"VMC:GS_{DIGESTS.sq.removeprefix('SQ.')}",
        "insdc:BK006935.2",
        "INSDC:BK006935.2",
        "insdc%3ABK006935.2",
        "BK006935.2",
        "ensembl:I",
        "chrI",
        "local:a/b%20c",
        "local:a%2Fb%20c",
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_name_serves_the_sequence(identifier: str, slash: str) -> None:
    reply = get(f"/sequence/{identifier}{slash}")
    assert (reply.status, reply.body) == ("200 OK", RESIDUES)
    assert reply.header("Content-Type") == PLAIN
    assert reply.header("Content-Length") == "1000"
    assert reply.header("Content-Encoding") is None
    described = get(f"/sequence/{identifier}/metadata{slash}")
    assert described.code == 200
    assert json.loads(described.body)["metadata"]["md5"] == MD5


@pytest.mark.parametrize(
    "identifier",
    [
        "some1111garbage1111ID",
        "0" * 32,
        "f" * 48,
        "SQ." + "A" * 32,
        DIGESTS.sq.swapcase(),
        f"sq.{DIGESTS.sq[3:]}",
        f"ga4gh:{MD5}",
        f"md5:{DIGESTS.trunc512}",
        "ucsc:BK006935.2",
        "bk006935.2",
        "insdc:",
        ":BK006935.2",
        "%00",
        "%ff%fe",
        "%C3%A9",
        "a%0D%0Ab",
        "x" * 3000,
        "1' OR '1'='1",
    ],
)
def test_an_unknown_name_is_404_whatever_else(identifier: str) -> None:
    for query in ("", "?start=5&end=5", "?start=abc", "?start=0&end=0"):
        assert_error(get(f"/sequence/{identifier}{query}"), 404)
    assert_error(get(f"/sequence/{identifier}", {"Range": "junk", "Accept": "image/png"}), 404)
    assert_error(get(f"/sequence/{identifier}/metadata", {"Accept": "image/png"}), 404)


@pytest.mark.parametrize(
    "path", ["/sequence", "/sequence/", "/md5", "/md5/", f"/md5/{DIGESTS.trunc512}", "/md5/chrI"]
)
def test_paths_that_can_name_nothing(path: str) -> None:
    assert_error(get(path), 404)


@pytest.mark.parametrize("path", [f"/md5/{MD5}", f"/md5/{MD5.upper()}", f"/md5/{MD5}/"])
def test_the_form_of_the_cram_registry(path: str) -> None:
    assert get(path).body == RESIDUES
    assert get(f"{path}?start=10&end=20").body == RESIDUES[10:20]


def test_a_name_of_several_sequences_lists_them() -> None:
    other = b"ACGT"
    make_sequence(other, aliases=[("insdc", "chrI")])
    for path in ("/sequence/chrI", "/sequence/chrI/metadata", "/sequence/chrI?start=abc"):
        content = assert_error(get(path), 300)
        assert content["candidates"] == [DIGESTS.sq, sequence_digests(other).sq]
    assert get("/sequence/ucsc:chrI").body == RESIDUES
    assert get("/sequence/insdc:chrI").body == other


def test_a_sequence_that_is_known_but_not_held() -> None:
    make_sequence(b"GATTACA", held=False)
    identifier = sequence_digests(b"GATTACA").md5_hex
    assert "not held" in str(assert_error(get(f"/sequence/{identifier}"), 404)["message"])
    described = json.loads(get(f"/sequence/{identifier}/metadata").body)["metadata"]
    assert described == {
        "id": identifier, "md5": identifier, "trunc512": None, "ga4gh": None, "length": 7, "aliases": [],
    }  # fmt: skip


# --- Parts -----------------------------------------------------------------------------------------------------------


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


# --- Forms -----------------------------------------------------------------------------------------------------------


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


# --- Documents -------------------------------------------------------------------------------------------------------

ALIASES = [
    {"alias": "BK006935.2", "naming_authority": "insdc"},
    {"alias": "I", "naming_authority": "ensembl"},
    {"alias": "a/b c", "naming_authority": "local"},
    {"alias": "chrI", "naming_authority": "ucsc"},
]


def named(reply: Reply) -> list[dict[str, str]]:
    aliases = json.loads(reply.body)["metadata"]["aliases"]
    return sorted(
        ({**alias, "naming_authority": alias["naming_authority"].lower()} for alias in aliases),
        key=lambda alias: alias["alias"],
    )


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "application/vnd.ga4gh.refget.v2.0.0+json"]
)
def test_metadata(accept: str) -> None:
    reply = get(f"/sequence/{MD5}/metadata", {"Accept": accept})
    assert reply.header("Content-Type") == "application/vnd.ga4gh.refget.v2.0.0+json; charset=us-ascii"
    described = json.loads(reply.body)["metadata"]
    assert {key: described[key] for key in ("id", "md5", "trunc512", "ga4gh", "length")} == {
        "id": MD5, "md5": MD5, "trunc512": DIGESTS.trunc512, "ga4gh": DIGESTS.sq, "length": 1000,
    }  # fmt: skip
    assert named(reply) == ALIASES


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
def test_metadata_of_version_1_also_names_the_digest(version: str) -> None:
    reply = get(f"/sequence/{MD5}/metadata", {"Accept": f"application/vnd.ga4gh.refget.v{version}+json"})
    assert reply.header("Content-Type") == f"application/vnd.ga4gh.refget.v{version}+json; charset=us-ascii"
    assert {"alias": f"ga4gh:{DIGESTS.sq}", "naming_authority": "ga4gh"} in named(reply)
    assert len(named(reply)) == len(ALIASES) + 1


@pytest.mark.parametrize(
    "path", ["/sequence/service-info", "/sequence/service-info/", "/service-info", "/service-info/"]
)
def test_service_info(path: str) -> None:
    reply = get(path)
    assert reply.header("Content-Type") == "application/vnd.ga4gh.refget.v2.0.0+json; charset=us-ascii"
    document = json.loads(reply.body)
    assert document["type"] == {"group": "org.ga4gh", "artifact": "refget", "version": "2.0.0"}
    assert document.keys() == {
        "id", "name", "type", "description", "organization", "contactUrl", "documentationUrl", "environment",
        "version", "refget",
    }  # fmt: skip
    assert document["organization"].keys() == {"name", "url"}
    refget = document["refget"]
    assert refget["circular_supported"] is True
    assert set(refget["algorithms"]) == {"md5", "trunc512", "ga4gh"}
    assert refget["subsequence_limit"] is None
    assert {"insdc", "local"} <= set(refget["identifier_types"])


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
def test_service_info_of_version_1(version: str) -> None:
    accept = f"application/vnd.ga4gh.refget.v{version}+json"
    reply = get("/sequence/service-info", {"Accept": accept})
    assert reply.header("Content-Type") == f"{accept}; charset=us-ascii"
    assert json.loads(reply.body) == {
        "service": {
            "circular_supported": True,
            "algorithms": ["md5", "trunc512", "ga4gh"],
            "subsequence_limit": None,
            "supported_api_versions": ["0.2", "1.0.0", "1.0.1", "2.0.0"],
        }
    }


# --- Methods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        f"/sequence/{MD5}",
        f"/sequence/{MD5}?start=5&end=9",
        f"/sequence/{MD5}?start=a",
        "/sequence/unknown",
        f"/sequence/{MD5}/metadata",
        "/service-info",
        f"/md5/{MD5}",
        f"/sequence/{MD5}?accept=text/x-fasta",
    ],
)
def test_head_is_get_without_its_body(target: str) -> None:
    full, head = get(target), get(target, method="HEAD")
    assert (head.status, head.headers, head.body) == (full.status, full.headers, b"")
    assert full.header("Content-Length") == str(len(full.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize(
    "path", [f"/sequence/{MD5}", f"/sequence/{MD5}/metadata", "/service-info", f"/md5/{MD5}"]
)
def test_other_methods(method: str, path: str) -> None:
    reply = get(path, method=method)
    assert_error(reply, 405)
    assert reply.header("Allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "path", [f"/sequence/{MD5}", f"/sequence/{MD5}/metadata", "/service-info", f"/md5/{MD5}"]
)
def test_pages_of_other_origins_may_ask(path: str) -> None:
    asked = {
        "Origin": "https://browser.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range,x-mine",
    }
    consent = get(path, asked, method="OPTIONS")
    assert (consent.status, consent.body) == ("200 OK", b"")
    assert consent.header("Access-Control-Allow-Origin") == "https://browser.example"
    assert consent.header("Access-Control-Allow-Methods") == "GET, HEAD, OPTIONS"
    assert consent.header("Access-Control-Allow-Headers") == "range,x-mine"
    assert consent.header("Access-Control-Max-Age") == "2592000"
    for target in (path, f"{path}?start=x", "/sequence/unknown"):
        reply = get(target, {"Origin": "https://browser.example"})
        assert reply.header("Access-Control-Allow-Origin") == "https://browser.example"
        assert "Content-Range" in str(reply.header("Access-Control-Expose-Headers"))
        assert "Origin" in str(reply.header("Vary"))
        assert reply.header("Access-Control-Allow-Credentials") is None
    assert get(path).header("Access-Control-Allow-Origin") is None
    assert get(path, method="OPTIONS").header("Allow") == "GET, HEAD, OPTIONS"


def test_no_cookie_is_read_or_set() -> None:
    reply = get(f"/sequence/{MD5}", {"Cookie": "sessionid=abc"})
    assert reply.header("Set-Cookie") is None
    assert "Cookie" not in str(reply.header("Vary"))


# --- Caching ---------------------------------------------------------------------------------------------------------


def test_how_long_an_answer_may_be_kept() -> None:
    for identifier in (MD5, DIGESTS.sq, f"trunc512:{DIGESTS.trunc512}"):
        kept = get(f"/sequence/{identifier}?start=1&end=5").header("Cache-Control")
        assert kept == "public, max-age=31536000, immutable"
    for target in ("/sequence/chrI", f"/sequence/{MD5}/metadata", "/service-info"):
        assert get(target).header("Cache-Control") == "public, max-age=300"


def test_an_etag_names_one_representation() -> None:
    etags = [
        get(f"/sequence/{MD5}{query}", {"Accept": accept}).header("ETag")
        for query in ("", "?start=0", "?end=5", "?start=0&end=5", "?start=5", "?start=5&end=5")
        for accept in ("text/plain", "text/vnd.ga4gh.refget.v1.0.0+plain", "text/x-fasta", "application/json")
    ]
    assert all(etag is not None and etag[0] == etag[-1] == '"' for etag in etags)
    assert len(set(etags)) == len(etags)
    assert get(f"/sequence/{DIGESTS.sq}").header("ETag") == get(f"/md5/{MD5}").header("ETag") == etags[0]
    assert get(f"/sequence/{MD5}", {"Range": "bytes=0-5"}).header("ETag") == etags[0]


@pytest.mark.parametrize(
    "target", [f"/sequence/{MD5}", f"/sequence/{MD5}?start=5", f"/sequence/{MD5}/metadata", "/service-info"]
)
def test_what_the_client_has_is_not_sent_again(target: str) -> None:
    first = get(target)
    etag = str(first.header("ETag"))
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            reply = get(target, {"If-None-Match": condition}, method)
            assert (reply.status, reply.body) == ("304 Not Modified", b"")
            for name in ("ETag", "Cache-Control", "Vary"):
                assert reply.header(name) == first.header(name)
            assert reply.header("Content-Type") is None
    assert get(target, {"If-None-Match": '"other"'}).body == first.body


def test_a_condition_does_not_hide_an_error() -> None:
    assert get(f"/sequence/{MD5}?start=abc", {"If-None-Match": "*"}).code == 400
    assert get("/sequence/unknown", {"If-None-Match": "*"}).code == 404


def test_a_range_of_something_else_gives_the_whole() -> None:
    etag = str(get(f"/sequence/{MD5}").header("ETag"))
    part = get(f"/sequence/{MD5}", {"Range": "bytes=5-9", "If-Range": etag})
    assert (part.code, part.body) == (206, RESIDUES[5:10])
    for other in ('"other"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        whole = get(f"/sequence/{MD5}", {"Range": "bytes=5-9", "If-Range": other})
        assert (whole.code, whole.body, whole.header("Content-Range")) == (200, RESIDUES, None)


# --- Faults of the server --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "?start=900&end=1000"])
def test_a_stored_object_that_is_missing_or_short_is_500(held: Sequence, method: str, query: str) -> None:
    assert held.blob is not None
    place = storage(SEQUENCES)
    short = place.staging() / "short"
    short.write_bytes(b"NNNNN" + RESIDUES[:-1])
    place.put(short, held.blob.key)
    assert get(f"/sequence/{MD5}{query}", method=method).code == 500
    place.delete(held.blob.key)
    reply = get(f"/sequence/{MD5}{query}", method=method)
    assert reply.code == 500
    assert held.blob.key.encode() not in reply.body
    assert get(f"/sequence/{MD5}/metadata").code == 200


@pytest.mark.parametrize(
    ("error", "code"),
    [(StorageUnavailable, 503), (ObjectMissing, 500), (ObjectChanged, 500), (ShortRead, 500)],
)
def test_errors_of_the_storage(error: type[Exception], code: int, caplog: pytest.LogCaptureFixture) -> None:
    with patch.object(queries, "read_residues", side_effect=error("/secret/path of bucket")):
        reply = get(f"/sequence/{MD5}?start=1&end=5")
    assert_error(reply, code)
    assert b"secret" not in reply.body
    assert (reply.header("Retry-After") is not None) == (code == 503)
    assert "/secret/path" in caplog.text


@pytest.mark.parametrize("query", ["", "?start=1&end=5"])
def test_a_storage_that_is_not_there_is_503(residues_folder: Path, query: str) -> None:
    residues_folder.rename(residues_folder.with_name("elsewhere"))
    reply = get(f"/sequence/{MD5}{query}")
    assert_error(reply, 503)
    assert reply.header("Retry-After") == "10"


@pytest.mark.parametrize("path", ["/sequence/chrI", f"/sequence/{MD5}", f"/sequence/{MD5}/metadata"])
def test_a_database_that_does_not_answer_is_503(path: str) -> None:
    with patch.object(queries, "sequence", side_effect=OperationalError("server closed the connection")):
        reply = get(path)
    assert_error(reply, 503)
    assert reply.header("Retry-After") is not None


LONG = bytes(65 + i % 23 for i in range(2_000_003))


def test_a_long_sequence_is_streamed() -> None:
    make_sequence(LONG)
    identifier = sequence_digests(LONG).md5_hex
    assert get(f"/sequence/{identifier}").body == LONG
    assert get(f"/sequence/{identifier}", {"Range": "bytes=1-1999999"}).body == LONG[1:2_000_000]
    fasta = get(f"/sequence/{identifier}?accept=text/x-fasta")
    assert fasta.header("Content-Length") == str(len(fasta.body))
    assert b"".join(fasta.body.split(b"\n")[1:]) == LONG
    assert (
        json.loads(get(f"/sequence/{identifier}?accept=application/json").body)["sequence"] == LONG.decode()
    )


def test_a_stream_that_falls_short_raises_so_that_the_connection_breaks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_sequence(LONG)
    identifier = sequence_digests(LONG).md5_hex
    with (
        patch.object(queries, "stream_residues", side_effect=lambda *_: falling_short()),
        pytest.raises(ShortRead),
    ):
        get(f"/sequence/{identifier}")
    assert "broke off" in caplog.text


def falling_short() -> Iterator[bytes]:
    yield LONG[:1000]
    raise ShortRead("an object ends early")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_long_sequence_whose_end_is_missing_is_500_before_it_begins(method: str) -> None:
    row = make_sequence(LONG)
    assert row.blob is not None
    place = storage(SEQUENCES)
    short = place.staging() / "short"
    short.write_bytes(LONG[:-1])
    place.put(short, row.blob.key)
    identifier = sequence_digests(LONG).md5_hex
    assert get(f"/sequence/{identifier}", method=method).code == 500
    assert ResidueBlob.objects.get(pk=row.blob.pk).size == len(LONG)


@pytest.mark.parametrize("identifier", [MD5, "insdc:BK006935.2", "local:a/b c"])
def test_addresses_are_made_and_lead_back(identifier: str) -> None:
    for name in ("refget:sequence", "refget:metadata"):
        reply = get(reverse(name, kwargs={"identifier": identifier}))
        assert reply.code == 200
    assert get(reverse("refget:sequence", kwargs={"identifier": identifier})).body == RESIDUES
