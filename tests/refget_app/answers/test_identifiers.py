"""Identifiers of sequences on every path, and answers to unknown and ambiguous ones."""

import json

import pytest
from django.urls import reverse

from catalogue.formats.digests import sequence_digests
from tests.refget_app.answers.asked import DIGESTS, MD5, PLAIN, RESIDUES, assert_error, get
from tests.refget_app.made_sequences import make_sequence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


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


@pytest.mark.parametrize("identifier", [MD5, "insdc:BK006935.2", "local:a/b c"])
def test_addresses_are_made_and_lead_back(identifier: str) -> None:
    for name in ("refget:sequence", "refget:metadata"):
        reply = get(reverse(name, kwargs={"identifier": identifier}))
        assert reply.code == 200
    assert get(reverse("refget:sequence", kwargs={"identifier": identifier})).body == RESIDUES
