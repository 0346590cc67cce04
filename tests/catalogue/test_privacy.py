"""What was private stays private until somebody publishes it, whatever else is deleted or changed."""

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from catalogue import access, queries
from catalogue.errors import NotFound
from catalogue.models import Alias, CollectionMember, NamingAuthority, Sequence, SequenceCollection
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.catalogue.made_rows import make_alias, make_sequence

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_caches() -> None:
    queries.forget_sequences()


def make_collection(name: str, visibility: str, *sequences: Sequence) -> SequenceCollection:
    collection = SequenceCollection.objects.create(name=name, visibility=visibility)
    for position, sequence in enumerate(sequences):
        CollectionMember.objects.create(
            collection=collection, position=position, name=f"{name}-{position}", sequence=sequence
        )
    return collection


def status(client: Client, sequence: Sequence) -> int:
    queries.forget_sequences()
    return client.get(f"/sequence/{bytes(sequence.md5).hex()}").status_code


def sql(statement: str) -> Callable[[Any], None]:
    def run(collection: SequenceCollection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"id": collection.pk})

    return run


DELETE_MEMBERS = "DELETE FROM catalogue_collectionmember WHERE collection_id = %(id)s"


@pytest.mark.parametrize(
    "change",
    [
        lambda collection: collection.delete(),
        lambda collection: SequenceCollection.objects.all().delete(),
        lambda collection: collection.members.all().delete(),
        lambda collection: collection.members.get().delete(),
        sql(DELETE_MEMBERS),
        sql(f"{DELETE_MEMBERS}; DELETE FROM catalogue_sequencecollection WHERE id = %(id)s"),
        sql(f"DELETE FROM catalogue_sequencecollection WHERE id = %(id)s; {DELETE_MEMBERS}"),
        sql("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE catalogue_collectionmember"),
        lambda collection: collection.members.update(sequence=make_sequence(b"TTTT")),
        lambda collection: collection.members.update(
            collection=SequenceCollection.objects.create(name="other", visibility="private")
        ),
    ],
)
def test_a_private_sequence_stays_private(client: Client, change: Callable[[Any], Any]) -> None:
    sequence = make_sequence(b"ACGT")
    collection = make_collection("closed", "private", sequence)
    assert status(client, sequence) == 401
    change(collection)
    assert status(client, sequence) == 401


@pytest.mark.parametrize("bulk", [False, True])
def test_deleting_a_private_collection_in_the_admin_publishes_nothing(
    client: Client, admin_client: Client, bulk: bool
) -> None:
    sequence = make_sequence(b"ACGT")
    collection = make_collection("closed", "private", sequence)
    if bulk:
        page = reverse("admin:catalogue_sequencecollection_changelist")
        data = {"action": "delete_selected", "_selected_action": [collection.pk], "post": "yes"}
    else:
        page = reverse("admin:catalogue_sequencecollection_delete", args=[collection.pk])
        data = {"post": "yes"}
    assert admin_client.post(page, data).status_code == 302
    assert not SequenceCollection.objects.exists()
    assert status(client, sequence) == 401


def test_a_sequence_of_collections_is_private_while_all_of_them_are(client: Client) -> None:
    sequence = make_sequence(b"ACGT")
    assert status(client, sequence) == 200
    closed = make_collection("closed", "private", sequence)
    assert status(client, sequence) == 401
    shown = make_collection("open", "public", sequence)
    assert status(client, sequence) == 200
    SequenceCollection.objects.filter(pk=shown.pk).update(visibility="private")
    assert status(client, sequence) == 401
    SequenceCollection.objects.filter(pk=closed.pk).update(visibility="public")
    assert status(client, sequence) == 200
    closed.members.all().delete()
    assert status(client, sequence) == 401, "the one that is left is private"
    shown.delete()
    assert status(client, sequence) == 401


def test_a_public_sequence_stays_public_without_its_collection(client: Client) -> None:
    sequence = make_sequence(b"ACGT")
    make_collection("open", "public", sequence).delete()
    assert status(client, sequence) == 200


def test_publishing_is_an_act_of_its_own(client: Client) -> None:
    sequence = make_sequence(b"ACGT")
    collection = make_collection("closed", "private", sequence)
    assert access.publish_sequences(Sequence.objects.all()) == 0, "it lies in a private collection"
    collection.delete()
    stale = Sequence.objects.get()
    stale.private = False
    with pytest.raises(DatabaseError, match="private sequence"), transaction.atomic():
        stale.save()
    assert status(client, sequence) == 401
    assert access.publish_sequences(Sequence.objects.all()) == 1
    assert status(client, sequence) == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('htsgetsite.publish_sequences')")
        assert cursor.fetchone() == ("",)


def test_a_steward_publishes_sequences_in_the_admin(client: Client, admin_client: Client) -> None:
    free, kept = make_sequence(b"ACGT"), make_sequence(b"TTTT")
    make_collection("gone", "private", free).delete()
    make_collection("closed", "private", kept)
    chosen = {"action": "publish", "_selected_action": [free.pk, kept.pk]}
    response = admin_client.post(reverse("admin:catalogue_sequence_changelist"), chosen, follow=True)
    assert b"1 sequence" in response.content
    assert (status(client, free), status(client, kept)) == (200, 401)


# --- Aliases ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def named() -> tuple[Sequence, SequenceCollection]:
    """A public sequence that lies in a private collection too, with an alias of each."""
    sequence = make_sequence(b"ACGT", "ucsc:chr1")
    closed = make_collection("closed", "private", sequence)
    make_collection("open", "public", sequence)
    secret = make_alias(sequence, "secretlab:secretname")
    Alias.objects.filter(pk=secret.pk).update(collection=closed)
    NamingAuthority.objects.filter(name="secretlab").update(private=True)
    return sequence, closed


@pytest.mark.parametrize("path", ["/sequence/ucsc:chr1/metadata", "/sequence/service-info"])
def test_private_aliases_and_authorities_are_not_listed(
    client: Client, named: tuple[Sequence, SequenceCollection], path: str
) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert b"ucsc" in response.content and b"secret" not in response.content


def test_a_private_alias_is_for_those_who_may_read_its_collection(
    client: Client, named: tuple[Sequence, SequenceCollection]
) -> None:
    sequence, closed = named
    reader, other = make_user("reader"), make_user("other")
    make_grant(closed, reader)
    make_grant(make_collection("else", "private", sequence), other)
    assert client.get("/sequence/secretlab:secretname").status_code == 401
    with pytest.raises(access.PermissionRefused):
        queries.sequence("secretname", viewer=viewer_for(other))
    found = queries.sequence("secretname", viewer=viewer_for(reader))
    assert (found.pk, found.public) == (sequence.pk, False), "no cache keeps what a private alias names"
    assert ("secretlab", "secretname") in queries.aliases(found, viewer=viewer_for(reader))
    assert queries.aliases(found, viewer=viewer_for(other)) == [("ucsc", "chr1")]


def test_a_private_alias_makes_no_public_name_ambiguous(named: tuple[Sequence, SequenceCollection]) -> None:
    other = make_sequence(b"GGGG", "ucsc:secretname")
    assert queries.sequence("secretname").pk == other.pk


def test_the_aliases_of_a_private_collection_go_with_it(
    client: Client, named: tuple[Sequence, SequenceCollection]
) -> None:
    named[1].delete()
    assert not Alias.objects.filter(name="secretname").exists()
    assert b"secret" not in client.get("/sequence/service-info").content
    with pytest.raises(NotFound):
        queries.sequence("secretname")


def test_publishing_a_collection_publishes_its_aliases(
    client: Client, named: tuple[Sequence, SequenceCollection]
) -> None:
    SequenceCollection.objects.filter(pk=named[1].pk).update(visibility="public")
    assert b"secretname" in client.get("/sequence/ucsc:chr1/metadata").content


def test_what_was_private_before_the_rules_came_is_private() -> None:
    """The migration finds private sequences and their names among rows that no trigger has seen."""
    private, both, free = make_sequence(b"ACGT"), make_sequence(b"TTTT"), make_sequence(b"GGGG")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE catalogue_collectionmember DISABLE TRIGGER USER")
        closed = make_collection("closed", "private", private, both)
        make_collection("open", "public", both)
        cursor.execute("ALTER TABLE catalogue_collectionmember ENABLE TRIGGER USER")
        for sequence in (private, both, free):
            make_alias(sequence, "shared:name")
        secret = make_alias(private, "secretlab:name")
        assert not Sequence.objects.filter(private=True).exists()
        cursor.execute(import_module("catalogue.migrations.0023_privacy_rules").PRESENT)
    assert list(Sequence.objects.filter(private=True)) == [private]
    assert set(Alias.objects.filter(collection=closed)) == set(private.aliases.all())
    assert list(NamingAuthority.objects.filter(private=True)) == [secret.authority]


@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_time_publish_nothing() -> None:
    """One leaves the last public collection while the other joins a private one; the second sees the first."""
    sequence = make_sequence(b"ACGT")
    shown = make_collection("open", "public", sequence)
    closed = SequenceCollection.objects.create(name="closed", visibility="private")
    waits = threading.Event()

    def join() -> None:
        try:
            with transaction.atomic():
                waits.set()
                CollectionMember.objects.create(collection=closed, position=0, name="a", sequence=sequence)
        finally:
            connection.close()

    thread = threading.Thread(target=join)
    with transaction.atomic():
        shown.members.all().delete()
        thread.start()
        assert waits.wait(30)
    thread.join(30)
    assert not thread.is_alive()
    sequence.refresh_from_db()
    assert sequence.private
