"""Digests of collections: computed at ingest and later, removed when members change."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from catalogue.formats.collections import CollectionDigester, digest_text
from catalogue.formats.digests import sequence_digests
from catalogue.ingest import collection_digests
from catalogue.ingest.collection_digests import digest_collection
from catalogue.models import CollectionContent, CollectionMember, MemberArrays, Sequence, SequenceCollection
from tests.catalogue.made_collections import Member, known_sequence, make_collection, pack_members
from tests.catalogue.made_fasta import make_fasta

pytestmark = pytest.mark.django_db

#: The fixture base.fa of the official checks.
BASE = {"chrX": b"TTGGGGAA", "chr1": b"GGAA", "chr2": b"GCGC"}


def digest_of(collection: SequenceCollection) -> str | None:
    collection.refresh_from_db()
    return None if collection.content is None else digest_text(bytes(collection.content.digest))


def test_ingest_fasta_makes_the_digests(tmp_path: Path) -> None:
    fasta = make_fasta(tmp_path / "base.fa", BASE)
    call_command("ingest_fasta", str(fasta), collection="base")
    collection = SequenceCollection.objects.get()
    assert digest_of(collection) == "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"
    assert collection.content is not None and collection.content.size == 3
    assert digest_text(bytes(collection.content.sorted_name_length_pairs)) == (
        "zjM1Ie9m0zFbqsAnZ6jAJSXuFpKTr40J"
    )
    assert digest_text(bytes(collection.content.lengths)) == "cGRMZIb3AVgkcAfNv39RN7hnT5Chk7RX"
    assert collection.longest_lengths == [8, 4, 4]


def test_ingest_into_a_private_collection_that_is_there(tmp_path: Path) -> None:
    collection = SequenceCollection.objects.create(name="base", visibility="private")
    files = [make_fasta(tmp_path / f"{name}.fa", {name: residues}) for name, residues in BASE.items()]
    call_command("ingest_fasta", *map(str, files), collection="base")
    assert digest_of(collection) == "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"


def test_a_second_ingest_makes_what_is_missing(tmp_path: Path) -> None:
    collection = make_collection("base", BASE, digested=False)
    call_command("ingest_fasta", str(make_fasta(tmp_path / "base.fa", BASE)), collection="base")
    assert digest_of(collection) == "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"


def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    make_collection("base", BASE, digested=False)
    fasta = make_fasta(tmp_path / "base.fa", BASE)
    call_command("ingest_fasta", str(fasta), collection="base", dry_run=True)
    assert not CollectionContent.objects.exists()


def test_collections_with_the_same_members_share_their_content() -> None:
    first, second = make_collection("one", BASE), make_collection("two", BASE, private=True)
    assert first.content == second.content
    assert MemberArrays.objects.count() == 1


def test_many_members_lie_in_several_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_digests, "ARRAY_SIZE", 2)
    content = make_collection("base", BASE).content
    assert content is not None and content.arrays.count() == 2
    assert digest_text(bytes(content.digest)) == "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"


def test_members_known_by_md5_only(capsys: pytest.CaptureFixture[str]) -> None:
    collection = make_collection("base", BASE, md5_only=["chr1"])
    assert (digest_of(collection), collection.longest_lengths) == (None, [8, 4, 4])
    assert not MemberArrays.objects.exists()
    call_command("digest_collections")
    said = "".join(capsys.readouterr())
    assert "'base'" in said and "md5 only" in said and "digested: 0; without a digest: 1" in said
    # Once the sequence itself was read, the command makes the digest.
    digests = sequence_digests(BASE["chr1"])
    Sequence.objects.filter(md5=digests.md5).update(sha512t24u=digests.sha512t24u)
    call_command("digest_collections")
    assert digest_of(collection) == "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"


def test_the_command_can_be_stopped_and_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    collections = [make_collection(name, BASE | {name: b"ACGT"}, digested=False) for name in "abc"]
    SequenceCollection.objects.create(name="empty")
    make = collection_digests.digest_collection

    def stopped(pk: int) -> bool:
        if pk == collections[1].pk:
            raise KeyboardInterrupt
        return make(pk)

    monkeypatch.setattr("catalogue.management.commands.digest_collections.digest_collection", stopped)
    with pytest.raises(CommandError, match="Interrupted"):
        call_command("digest_collections")
    assert [digest_of(collection) is not None for collection in collections] == [True, False, False]
    monkeypatch.undo()
    call_command("digest_collections")
    assert all(digest_of(collection) for collection in collections)
    assert CollectionContent.objects.count() == 3


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "moved away"])
def test_changed_members_take_the_digest_away(change: str) -> None:
    collection = make_collection("base", BASE)
    member = collection.members.get(name="chr1")
    match change:
        case "added":
            sequence = known_sequence(b"ACGT")
            CollectionMember.objects.create(collection=collection, position=9, name="n", sequence=sequence)
        case "removed":
            member.delete()
        case "renamed":
            collection.members.filter(name="chr1").update(name="other")
        case _:
            other = make_collection("other", {"a": b"ACGT"})
            collection.members.filter(name="chr1").update(collection=other, position=7)
            assert digest_of(other) is None
    collection.refresh_from_db()
    assert (collection.content, collection.longest_lengths) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_digests_wait_for_members_that_are_being_added() -> None:
    collection = make_collection("base", BASE, digested=False)
    sequence = known_sequence(b"ACGTACGT")
    outcomes: list[Any] = []

    def digest() -> None:
        try:
            outcomes.append(digest_collection(collection.pk))
        finally:
            connection.close()

    thread = threading.Thread(target=digest)
    with transaction.atomic():
        collection.members.filter(name="chr1").delete()
        CollectionMember.objects.create(collection=collection, position=9, name="new", sequence=sequence)
        thread.start()
        while thread.is_alive() and not waiting_for_a_lock():
            pass
        assert thread.is_alive()
    thread.join()
    assert outcomes == [True]
    digester = CollectionDigester()
    members = collection.members.order_by("position").select_related("sequence")
    rows = [Member(row.name, row.sequence.length, bytes(row.sequence.sha512t24u or b"")) for row in members]
    digester.add(pack_members(rows))
    assert digest_of(collection) == digest_text(digester.finish().digest)


def waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
