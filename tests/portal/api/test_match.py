"""Matching collections to a file's header or index."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalogue import api_tokens
from catalogue.formats.digests import sequence_digests
from portal.api import match
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_fasta import make_residues

pytestmark = pytest.mark.django_db

GENOME = {f"chr{number}": make_residues(1000 + 37 * number, seed=number) for number in range(1, 9)}
MD5S = {name: sequence_digests(residues).md5_hex for name, residues in GENOME.items()}
SIZES = "".join(f"{name}\t{len(residues)}\n" for name, residues in GENOME.items())


@pytest.fixture
def genomes(db: None) -> None:
    make_collection("genome", GENOME)
    make_collection("short names", {name.removeprefix("chr"): residues for name, residues in GENOME.items()})
    make_collection("half", dict(list(GENOME.items())[:4]))
    make_collection("other", {"chr1": make_residues(500), "chr2": make_residues(501)})


def matched(client: Client, body: str | bytes, **headers: str) -> list[dict[str, Any]]:
    response = client.post(
        "/api/collections/match", body, content_type="application/octet-stream", headers=headers
    )
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_the_most_similar_comes_first(client: Client, genomes: None) -> None:
    first, second, third = matched(client, SIZES)
    assert (first["name"], first["exact"], first["similarity"], first["same"]) == ("genome", True, 1.0, 8)
    assert first["digest"] and first["sequences"] == 8
    assert (second["name"], second["renamed"]["count"]) == ("short names", 8)
    assert second["renamed"]["first"][0] == {"file": "chr1", "collection": "1"}
    assert (third["name"], third["extra"]["count"], third["same_order"]) == ("half", 4, True)


def test_a_sam_header_with_another_sequence(client: Client, genomes: None) -> None:
    lines = [f"@SQ\tSN:{name}\tLN:{len(residues)}\tM5:{MD5S[name]}" for name, residues in GENOME.items()]
    lines[0] = lines[0].replace(MD5S["chr1"], "0" * 32)
    (first, *_) = matched(client, "@HD\tVN:1.6\n" + "\n".join(reversed(lines)))
    assert first["name"] == "genome"
    assert first["other_sequence"] == {"count": 1, "first": ["chr1"]}
    assert first["same_order"] is False


def test_names_alone(client: Client, genomes: None) -> None:
    header = "##fileformat=VCFv4.3\n" + "".join(f"##contig=<ID={name}>\n" for name in GENOME)
    (only,) = matched(client, header)
    assert (only["name"], only["exact"]) == ("genome", True)


def test_collections_of_md5s_match_too(client: Client) -> None:
    make_collection("partial", GENOME, md5_only=["chr3"])
    (only,) = matched(client, SIZES)
    assert (only["name"], only["digest"], only["exact"], only["sequences"]) == ("partial", None, True, 8)


def test_many_differences_are_counted_and_cut(client: Client, genomes: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(match, "MAX_DIFFERENCES", 3)
    extra = "".join(f"scaffold{number}\t{number + 5000}\n" for number in range(10))
    first, *_ = matched(client, SIZES + extra)
    assert (first["extra"]["count"], len(first["extra"]["first"])) == (10, 3)


@pytest.mark.parametrize("body", [b"", b"@HD\tVN:1.6\n", b"nothing", b"\x1f\x8b", b"BAM\1", b"\xff"])
def test_bodies_that_list_nothing(client: Client, body: bytes) -> None:
    response = client.post("/api/collections/match", body, content_type="text/plain")
    assert response.status_code == 400 and response.json()["detail"]
    assert client.get("/api/collections/match").status_code == 405


def test_private_collections_match_for_their_readers_only(client: Client) -> None:
    collection = make_collection("secret", GENOME, private=True)
    assert matched(client, SIZES) == []
    make_grant(collection, make_user("reader"))
    make_user("other")
    for name, found in (("reader", ["secret"]), ("other", [])):
        user = User.objects.get(username=name)
        token = api_tokens.issue(user=user, name="n", scopes=["sequences"])[1]
        assert [row["name"] for row in matched(client, SIZES, Authorization=f"Bearer {token}")] == found
