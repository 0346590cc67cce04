"""Sequences of a private collection are never visible, not even during the ingest."""

from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client

from catalogue import queries
from catalogue.access import AuthenticationRequired
from catalogue.ingest.fasta.collections import MemberTable
from catalogue.models import Sequence, SequenceCollection
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.catalogue.made_fasta import ingest, make_fasta, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed() -> SequenceCollection:
    queries.forget_sequences()
    return SequenceCollection.objects.create(name="closed", visibility="private")


def is_private(name: str) -> bool:
    try:
        queries.sequence(f"lab:{name}")
    except AuthenticationRequired:
        return True
    return False


def test_private_from_the_start(
    tmp_path: Path, closed: SequenceCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also between the first file and the last, and when the run ends in between."""
    one, two = (
        make_fasta(tmp_path / "1.fa", {"a": b"ACGT"}),
        make_fasta(tmp_path / "2.fa", {"b": b"CCCC", "c": b"GG"}),
    )

    def killed(*_: Any, **__: Any) -> None:
        assert is_private("a") and is_private("b") and is_private("c")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(CommandError, match="Interrupted"):
        patched.setattr(MemberTable, "register", killed)
        ingest(one, two, authority="lab", collection="closed")
    assert is_private("a") and is_private("b")

    assert "collection unchanged" in ingest(one, two, authority="lab", collection="closed")
    assert [member.name for member in closed.members.all()] == ["a", "b", "c"]
    user = make_user("ada")
    make_grant(closed, user)
    assert queries.sequence("lab:a", viewer=viewer_for(user)).length == 4


def test_filling_says_what_it_did(tmp_path: Path, closed: SequenceCollection) -> None:
    path = make_fasta(tmp_path / "1.fa", {"a": b"ACGT"})
    assert "collection added" in ingest(path, authority="lab", collection="closed")
    assert "collection unchanged" in ingest(path, authority="lab", collection="closed")
    assert is_private("a")


def test_what_has_no_place_in_it_is_not_registered_at_all(tmp_path: Path, closed: SequenceCollection) -> None:
    ingest(make_fasta(tmp_path / "1.fa", {"a": b"ACGT"}), authority="lab", collection="closed")
    said = refused(make_fasta(tmp_path / "2.fa", {"b": b"CCCC"}), authority="lab", collection="closed")
    assert "has other members already" in said
    assert Sequence.objects.count() == 1


def test_an_empty_public_collection_can_be_filled(tmp_path: Path) -> None:
    SequenceCollection.objects.create(name="open")
    path = make_fasta(tmp_path / "1.fa", {"a": b"ACGT"})
    assert "collection added" in ingest(path, authority="lab", collection="open")
    assert not is_private("a")


def names(client: Client) -> str:
    """Everything that the documents about a sequence, and of the service, tell."""
    queries.forget_sequences()
    paths = (f"/sequence/{md5(b'ACGT').hexdigest()}/metadata", "/sequence/service-info")
    return b"".join(client.get(path).content for path in paths).decode()


@pytest.mark.parametrize("private_first", [True, False])
def test_names_that_came_with_a_private_collection(
    tmp_path: Path, client: Client, closed: SequenceCollection, private_first: bool
) -> None:
    path = make_fasta(tmp_path / "1.fa", {"a": b"ACGT"})
    runs = [("secretlab", "closed"), ("lab", "open")]
    for authority, collection in runs if private_first else reversed(runs):
        ingest(path, authority=authority, collection=collection)
    assert '"lab"' in names(client) and "secretlab" not in names(client)
    closed.delete()
    assert "secretlab" not in names(client)
    ingest(path, authority="secretlab")
    assert "secretlab" in names(client)


def test_a_name_of_a_private_collection_can_become_public(
    tmp_path: Path, client: Client, closed: SequenceCollection
) -> None:
    path = make_fasta(tmp_path / "1.fa", {"a": b"ACGT"})
    ingest(path, authority="lab", collection="closed")
    assert "1 name" in ingest(path, authority="lab", collection="open")
    assert '"lab"' in names(client)
    assert "1 unchanged" in ingest(path, authority="lab", collection="closed")
    assert "1 unchanged" in ingest(path, authority="lab", collection="closed", dry_run=True)
