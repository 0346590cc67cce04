"""Private sequences: every path × every role, hidden and not."""

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client

from catalogue import queries
from catalogue.formats.digests import sequence_digests
from catalogue.models import (
    AuditEvent,
    CollectionMember,
    Sequence,
    SequenceCollection,
)
from refget_app.fast_path import RefgetFastPath
from tests.catalogue.made_access import VISA, make_grant
from tests.catalogue.made_rows import make_sequence
from tests.permissions.made_world import (
    EACH_REASON,
    FULL,
    MD5,
    NOBODY,
    OUTCOMES,
    RESIDUES,
    ROLES,
    VISA_VALUE,
    World,
    last_event,
)
from tests.refget_app.made_sequences import ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def private(world: World) -> Sequence:
    """A sequence in a private collection, for the roles that have everything of the dataset."""
    row = make_sequence(RESIDUES, "insdc:SECRETNAME.1")
    collection = SequenceCollection.objects.create(name="secretcollection", visibility="private")
    CollectionMember.objects.create(collection=collection, position=0, name="SECRETNAME", sequence=row)
    for name in ("granted", "scope"):
        make_grant(collection, User.objects.get(username=name))
    make_grant(collection, Group.objects.get(name="readers"))
    make_grant(collection, replace(VISA, value=VISA_VALUE))
    for role in ("steward", "owner"):
        make_grant(collection, User.objects.get(username=role), role=role)
    queries.forget_sequences()
    return row


def sequence_paths(row: Sequence) -> list[str]:
    digests = sequence_digests(RESIDUES)
    ids = [
        digests.md5_hex,
        f"md5:{digests.md5_hex.upper()}",
        digests.trunc512,
        f"ga4gh:{digests.sq}",
        "insdc:SECRETNAME.1",
    ]
    paths = [f"/sequence/{name}" for name in ids] + [f"/sequence/{name}/metadata" for name in ids[::4]]
    return [
        *paths,
        f"/md5/{digests.md5_hex}",
        f"/sequence/{ids[0]}?start=5&end=9",
        f"/sequence/{ids[0]}?start=99999",
    ]


@pytest.mark.parametrize("hidden", [False, True])
def test_private_sequences(
    world: World, private: Sequence, client: Client, settings: Any, hidden: bool
) -> None:
    settings.HIDE_CONTROLLED = hidden
    fast_path = RefgetFastPath(WSGIHandler())
    allowed = {*FULL, "wrong scope"}  # whose scope is sequences
    for path in sequence_paths(private):
        unknown = path.replace("SECRETNAME", "NOTHING").replace(sequence_digests(RESIDUES).md5_hex, MD5)
        assert client.get(path, headers=world.headers("owner")).status_code in {200, 400}
        assert queries.known_sequence(path.split("/")[2].partition("?")[0]) is None
        for role in EACH_REASON if hidden else ROLES:
            headers = world.headers(role)
            response = client.get(path, headers=headers)
            by_fast_path = ask(fast_path, path, headers=headers)
            assert by_fast_path.code == response.status_code
            status = 200 if role in allowed else 404 if hidden else 401 if role in NOBODY else 403
            if path.endswith("99999") and role in allowed:
                status = 400
            assert response.status_code == status, (path, role)
            event = last_event()
            if role in allowed:
                assert (event.kind, event.outcome) == ("sequence", "done")
                assert "no-store" in response.headers["Cache-Control"]
                continue
            assert event.kind == "sequence" and event.outcome == ("hidden" if hidden else OUTCOMES[status])
            for said in (response.content, by_fast_path.body, repr(by_fast_path.headers).encode()):
                for secret in (b"GATTACA", b"secretcollection", b"520"):
                    assert secret not in said
            assert ("WWW-Authenticate" in response.headers) is (status == 401)
            head = client.head(path, headers=headers)
            assert (head.status_code, head.content) == (status, b"")
            if hidden and unknown != path:
                same = client.get(unknown, headers=headers)
                assert (same.status_code, dict(same.headers) | {"Content-Length": "", "X-Request-ID": ""}) == (
                    status, dict(response.headers) | {"Content-Length": "", "X-Request-ID": ""},
                )  # fmt: skip


def test_a_public_collection_makes_its_sequences_public(private: Sequence, client: Client) -> None:
    both = SequenceCollection.objects.create(name="open")
    CollectionMember.objects.create(collection=both, position=0, name="a", sequence=private)
    path = f"/sequence/{sequence_digests(RESIDUES).md5_hex}"
    assert client.get(path).content == RESIDUES
    assert queries.known_sequence(path.rpartition("/")[2]) is not None
    assert not AuditEvent.objects.filter(kind="sequence").exists()


def test_a_name_of_a_private_and_a_public_sequence(world: World, private: Sequence, client: Client) -> None:
    """Whoever may have only one of them is not told that there are two."""
    other = make_sequence(b"ACGT" * 10, "insdc:SECRETNAME.1")
    for role in ROLES:
        response = client.get("/sequence/insdc:SECRETNAME.1", headers=world.headers(role))
        if role in {*FULL, "wrong scope"}:
            assert response.status_code == 300
        else:
            assert (response.status_code, response.content) == (200, b"ACGT" * 10)
    other.delete()
