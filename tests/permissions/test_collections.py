"""Private collections: every path × every role. To whoever may not read one it is as if absent, in counts too."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from catalogue.formats.collections import digest_text
from catalogue.formats.digests import sequence_digests
from catalogue.models import AuditEvent, SequenceCollection
from tests.catalogue.made_access import VISA, make_grant
from tests.catalogue.made_collections import make_collection
from tests.permissions.made_world import (
    EACH_REASON,
    FEW_ROLES,
    FULL,
    NOBODY,
    ROLES,
    SECRETS,
    VISA_VALUE,
    World,
)

pytestmark = pytest.mark.django_db

PRIVATE = {"SECRETA": b"GATTACASECRET" * 10, "SECRETB": b"SECRETGATTACA" * 11}
PUBLIC = {"one": b"ACGT" * 10, "two": b"TTGA" * 11}
ALLOWED = {*FULL, "wrong scope"}  # whose scope is sequences
#: Whose credentials the catalogue API refuses.
REFUSED = {*NOBODY} - {"anonymous"}
ABSENT = "A" * 32


@pytest.fixture
def private(world: World) -> SequenceCollection:
    """A private collection beside a public one, for the roles that have everything of the dataset."""
    make_collection("public", PUBLIC)
    collection = make_collection("secretcollection", PRIVATE, private=True)
    for name in ("granted", "scope"):
        make_grant(collection, User.objects.get(username=name))
    make_grant(collection, Group.objects.get(name="readers"))
    make_grant(collection, replace(VISA, value=VISA_VALUE))
    for role in ("steward", "owner"):
        make_grant(collection, User.objects.get(username=role), role=role)
    return collection


def digests_of(collection: SequenceCollection) -> dict[str, str]:
    content = collection.content
    assert content is not None
    names = ("digest", "names", "lengths", "sequences", "name_length_pairs", "sorted_sequences")
    return {name: digest_text(bytes(getattr(content, name))) for name in names}


def public_digest() -> str:
    return digests_of(SequenceCollection.objects.get(name="public"))["digest"]


def paths_that_are_found(private: SequenceCollection) -> list[tuple[str, str]]:
    """Paths that are there for whoever may read it, each with the same for what does not exist."""
    digests, public = digests_of(private), public_digest()
    attributes = [name for name in digests if name != "digest"]
    paths = ["/collection/{digest}", "/collection/{digest}?level=1", "/collection/{digest}?collated=false"]
    paths += [f"/comparison/{public}/{{digest}}", f"/comparison/{{digest}}/{public}"]
    paths = [root + path for root in ("", "/seqcol") for path in paths]
    paths += [f"/collections/{{digest}}{suffix}" for suffix in (".fa", ".fa.fai", ".dict", ".chrom.sizes")]
    pairs = [(path.format(digest=digests["digest"]), path.format(digest=ABSENT)) for path in paths]
    pairs += [
        (
            f"{root}/attribute/collection/{name}/{digests[name]}",
            f"{root}/attribute/collection/{name}/{ABSENT}",
        )
        for root in ("", "/seqcol")
        for name in attributes
    ]
    return pairs


def paths_that_list(private: SequenceCollection) -> list[str]:
    digests = digests_of(private)
    attributes = [name for name in digests if name != "digest"]
    paths = ["/list/collection", "/list/collection?page_size=1&page=1"]
    paths += [f"/list/collection?{name}={digests[name]}" for name in attributes]
    paths += [f"/list/attributes/{name}" for name in attributes]
    sequence = sequence_digests(PRIVATE["SECRETA"])
    return [
        *(root + path for root in ("", "/seqcol") for path in paths),
        "/api/collections/",
        f"/api/collections/?sequence={sequence.sq}",
        f"/api/collections/?sequence={sequence.md5_hex}",
        "/api/collections/?q=secret",
        "/api/collections/secretcollection",
        f"/api/collections/{digests['digest']}",
    ]


def plain(response: Any, asked: str) -> tuple[int, bytes, dict[str, str]]:
    """What a client sees, without the id of the request and what it asked for itself."""
    body = b"".join(response) if response.streaming else response.content
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in {"X-Request-ID", "Content-Length"}
    }
    return response.status_code, body.replace(asked.encode(), b""), headers


@pytest.mark.parametrize("hidden", [False, True])
def test_what_is_asked_for_by_digest(
    world: World, private: SequenceCollection, client: Client, settings: Any, hidden: bool
) -> None:
    settings.HIDE_CONTROLLED = hidden
    identifiers = [*digests_of(private).values(), ABSENT]
    for path, unknown in paths_that_are_found(private):
        for role in FEW_ROLES if path.startswith("/seqcol") else EACH_REASON if hidden else ROLES:
            headers = world.headers(role)
            response = client.get(path, headers=headers)
            if role in ALLOWED:
                assert response.status_code == 200, (path, role)
                assert "no-store" in response.headers["Cache-Control"]
                event = AuditEvent.objects.latest("id")
                assert (event.kind, event.outcome) == ("sequence", "done")
                continue
            seen, absent = plain(response, path), plain(client.get(unknown, headers=headers), unknown)
            for identifier in identifiers:
                seen, absent = (
                    (status, body.replace(identifier.encode(), b""), sent)
                    for status, body, sent in (seen, absent)
                )
            assert seen == absent, (path, role)
            assert seen[0] == 404
            assert all(secret not in seen[1] for secret in SECRETS)
            assert client.head(path, headers=headers).status_code == 404


def test_lists_and_counts(world: World, private: SequenceCollection, client: Client) -> None:
    paths = paths_that_list(private)
    seen = {
        (path, role): json.loads(client.get(path, headers=world.headers(role)).content)
        for path in paths
        for role in (FEW_ROLES if path.startswith("/seqcol") else ROLES)
    }
    SequenceCollection.objects.get(name="secretcollection").delete()
    without = {path: json.loads(client.get(path).content) for path in paths}
    for (path, role), answer in seen.items():
        if path.startswith("/api/") and role in REFUSED:
            assert answer["status"] == 401, (path, role)
        else:
            assert (answer != without[path]) == (role in ALLOWED), (path, role)


def test_names(world: World, private: SequenceCollection, client: Client) -> None:
    for path in ("/collection/{}", "/seqcol/collection/{}", "/comparison/{}/public", "/collections/{}.fa"):
        for role in ROLES:
            headers = world.headers(role)
            response = client.get(path.format("secretcollection"), headers=headers)
            if role in ALLOWED:
                assert response.status_code == 307
                continue
            unknown = client.get(path.format("nothing"), headers=headers)
            assert response.status_code == unknown.status_code == 404
            assert response.content.replace(b"secretcollection", b"nothing") == unknown.content


def test_comparison_with_ones_own(world: World, private: SequenceCollection, client: Client) -> None:
    digest = digests_of(private)["digest"]
    for role in ROLES:
        response = client.post(
            f"/comparison/{digest}",
            {"names": ["SECRETA"]},
            content_type="application/json",
            headers=world.headers(role),
        )
        assert response.status_code == (200 if role in ALLOWED else 404), role


def test_matches(world: World, private: SequenceCollection, client: Client) -> None:
    lines = "".join(f"{name}\t{len(residues)}\n" for name, residues in PRIVATE.items())
    for role in ROLES:
        response = client.post(
            "/api/collections/match", lines, content_type="text/plain", headers=world.headers(role)
        )
        assert response.status_code == (401 if role in REFUSED else 200), role
        found = [] if role in REFUSED else [match["name"] for match in response.json()["results"]]
        assert found == (["secretcollection"] if role in ALLOWED else []), role


def test_a_public_twin_is_public_and_tells_nothing_of_the_private_one(
    world: World, private: SequenceCollection, client: Client
) -> None:
    make_collection("twin", PRIVATE)
    digest = digests_of(private)["digest"]
    assert client.get(f"/collection/{digest}").status_code == 200
    assert "public" in client.get(f"/collection/{digest}").headers["Cache-Control"]
    sequence = sequence_digests(PRIVATE["SECRETA"]).sq
    listed = json.loads(client.get(f"/api/collections/?sequence={sequence}").content)
    assert [row["name"] for row in listed["results"]] == ["twin"] and listed["next"] is None
