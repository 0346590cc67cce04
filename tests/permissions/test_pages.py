"""Pages as every account: what a session opens, and that nothing is said of a dataset to those without a grant."""

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from catalogue.formats.collections import digest_text
from catalogue.formats.digests import sequence_digests
from catalogue.models import Dataset, SequenceCollection
from tests.catalogue.made_access import make_grant
from tests.catalogue.made_collections import make_collection
from tests.permissions.made_world import SECRETS, World

pytestmark = pytest.mark.django_db

#: Accounts by their roles, and what of the files their grants open.
SEEING = {
    "granted": {"reads", "variants"},
    "member": {"reads", "variants"},
    "steward": {"reads", "variants"},
    "owner": {"reads", "variants"},
    "regions": {"reads", "variants"},
    "headers": {"reads", "variants"},
    "variants": {"variants"},
    "scope": {"reads", "variants"},  # the scope is of a token, not of the session
    "expired": {"reads", "variants"},
    "revoked": {"reads", "variants"},
}
NOT_SEEING = ("other", "root", "late", "elsewhere")
LISTS = ("/", "/datasets/", "/collections/", "/search?q=secret", "/search?q=x", "/search?q=sampleSecret")


def signed_in(name: str | None) -> Client:
    client = Client()
    if name is not None:
        client.force_login(User.objects.get(username=name))
    return client


def assert_nothing(content: bytes, *asked: str) -> None:
    for word in asked:
        content = content.replace(word.encode(), b"")
    for secret in SECRETS:
        assert secret not in content, secret


def without(name: str, content: bytes) -> str:
    return re.sub(rf"(?<![a-z]){name}(?![a-z])", "", html.unescape(content.decode()))


@pytest.mark.parametrize(
    ("role", "hidden"),
    [*((role, False) for role in (None, *NOT_SEEING)), (None, True), (NOT_SEEING[0], True)],
)
def test_who_may_not_know_learns_nothing(world: World, settings: Any, role: str | None, hidden: bool) -> None:
    settings.HIDE_CONTROLLED = hidden
    if role is not None:
        # The names of the accounts of this world are among the secrets.
        User.objects.filter(username=role).update(username="somebody")
    client = signed_in(None if role is None else "somebody")
    for path in LISTS:
        response = client.get(path)
        assert response.status_code == 200
        assert_nothing(response.content, path, "sampleSecret")
    for there, absent in (
        ("/datasets/secretdataset", "/datasets/absent"),
        ("/files/reads/x", "/files/reads/y"),
        ("/files/reads/x?as=fa", "/files/reads/y?as=fa"),
        ("/files/reads/x?as=fai", "/files/reads/y?as=fai"),
        ("/files/reads/x?as=sizes", "/files/reads/y?as=sizes"),
        ("/files/reads/x?part=commands&region=ctgSecretA", "/files/reads/y?part=commands&region=ctgSecretA"),
        ("/files/variants/x", "/files/variants/y"),
    ):
        found, missing = client.get(there), client.get(absent)
        assert found.status_code == missing.status_code == 404
        assert_nothing(found.content, "next=/files/", "secretdataset", "ctgSecretA")
        name, other = there.partition("?")[0].rpartition("/")[2], absent.partition("?")[0].rpartition("/")[2]
        assert without(name, found.content) == without(other, missing.content)
    asked = client.post("/account/page-token", {"kind": "reads", "id": "x"})
    assert asked.status_code == (401 if role is None else 404)


@pytest.mark.parametrize("role", SEEING)
def test_who_may_know(world: World, role: str) -> None:
    client = signed_in(role)
    dataset = client.get("/datasets/secretdataset")
    assert dataset.status_code == 200 and b"secretdataset" in client.get("/datasets/").content
    for kind in ("reads", "variants"):
        seen = kind in SEEING[role]
        response = client.get(f"/files/{kind}/x")
        assert response.status_code == (200 if seen else 404), kind
        assert (f'href="/files/{kind}/x"'.encode() in dataset.content) is seen
        assert (f'href="/files/{kind}/x"'.encode() in client.get("/search?q=x").content) is seen
        token = client.post("/account/page-token", {"kind": kind, "id": "x"})
        assert token.status_code == (200 if seen else 404)
        assert "no-store" in response.headers.get("Cache-Control", "") or not seen
    assert (b"2 files" in dataset.content) is False


def test_what_limited_readers_are_shown(world: World) -> None:
    regions = signed_in("regions").get("/files/reads/x").content.decode()
    assert "in these regions only" in regions and "ctgSecretA:1000" in regions
    assert "start=1000&amp;end=2000" in regions or "start=1000&end=2000" in regions.replace("&amp;", "&")
    headers = signed_in("headers").get("/files/reads/x").content.decode()
    assert "the header only" in headers and "data-config" not in headers


def test_the_token_of_a_page_opens_what_the_account_may_have(world: World, client: Client) -> None:
    for role, inside, outside in (("granted", 200, 200), ("regions", 200, 403), ("headers", 403, 403)):
        token = signed_in(role).post("/account/page-token", {"kind": "reads", "id": "x"}).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        for contig, start, status in (("ctgSecretA", 1200, inside), ("ctgSecretB", 1200, outside)):
            path = f"/reads/x?referenceName={contig}&start={start}&end={start + 100}"
            assert client.get(path, headers=headers).status_code == status, (role, contig)
        assert client.get("/variants/x", headers=headers).status_code == 403, "of the other kind"
    assert client.get("/reads/x").status_code == 401
    assert signed_in("granted").get("/reads/x").status_code == 401, "protocols know no sessions"


def test_private_collections_and_sequences(world: World) -> None:
    residues = b"GATTACASECRET" * 10
    private = make_collection("secretcollection", {"SECRETA": residues}, private=True)
    make_collection("public", {"one": b"ACGT" * 10})
    make_grant(private, User.objects.get(username="granted"))
    make_grant(private, Group.objects.get(name="readers"))
    assert private.content is not None
    sequence = sequence_digests(residues)
    there = (
        f"/collections/{digest_text(bytes(private.content.digest))}",
        "/collections/secretcollection",
        f"/sequences/{sequence.sq}",
        f"/sequences/{sequence.sq}.fa",
        f"/sequences/{sequence.md5_hex}",
    )
    public = SequenceCollection.objects.get(name="public").content
    assert public is not None
    comparison = f"/collections/{digest_text(bytes(public.digest))}?with=secretcollection"
    for role in (None, *NOT_SEEING, "steward"):
        client = signed_in(role)
        for path in there:
            response = client.get(path)
            assert response.status_code == 404, (role, path)
            assert b"SECRET" not in response.content
        assert b"No collection has this digest or name" in client.get(comparison).content
        assert b"SECRET" not in client.get(f"/search?q={sequence.sq}").content
        assert sequence.sq.encode() not in client.get(f"/search?q={sequence.md5_hex}").content
        assert b"secretcollection" not in client.get("/collections/").content
    for role in ("granted", "member"):
        client = signed_in(role)
        for path in there:
            assert client.get(path, follow=True).status_code == 200, (role, path)
        assert b"secretcollection" in client.get("/collections/").content
        assert b"secretcollection" in client.get("/account/").content


def test_a_closed_account_sees_what_a_stranger_sees(world: World) -> None:
    client = signed_in("granted")
    User.objects.filter(username="granted").update(is_active=False)
    assert client.get("/files/reads/x").status_code == 404


def test_registered_data_are_for_every_account(world: World) -> None:
    Dataset.objects.filter(slug="secretdataset").update(visibility="registered")
    assert signed_in(None).get("/datasets/secretdataset").status_code == 404
    for role in ("other", "root"):
        client = signed_in(role)
        assert b"everybody with an account" in client.get("/datasets/secretdataset").content
        assert client.get("/files/reads/x").status_code == 200
