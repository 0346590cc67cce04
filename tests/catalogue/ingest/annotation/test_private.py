"""Genomes of private collections, and the sequences derived from them, are as private as the collection."""

import random
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from catalogue import access, queries
from catalogue.ingest.annotation.rows import remove_genome
from catalogue.models import (
    Alias,
    CollectionMember,
    DerivedSequence,
    Genome,
    NamingAuthority,
    Sequence,
    SequenceCollection,
)
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.catalogue.made_releases import annotate, register, write_gff3
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db

RESIDUES = "".join(random.Random(2).choices("ACGT", k=600))
TEXT = """
c x gene 101 400 . + . ID=gene:G1;gene_id=G1
c x mRNA 101 400 . + . ID=transcript:T1;Parent=gene:G1;transcript_id=T1;version=1
c x exon 101 400 . + . Parent=transcript:T1
c x CDS 111 200 . + 0 ID=CDS:P1;Parent=transcript:T1;protein_id=P1;version=1
"""


def make_genome(folder: Path, collection: str, visibility: str, residues: str = RESIDUES) -> Genome:
    """Register a collection of this visibility with one annotated sequence."""
    SequenceCollection.objects.create(name=collection, visibility=visibility)
    register(folder, {"c": residues}, collection=collection)
    path = write_gff3(folder / f"{collection}.gff3", TEXT)
    assert annotate(path, "--authority=lab", collection=collection).status == 0
    return Genome.objects.get(collection__name=collection)


def derived() -> list[Sequence]:
    return [row.sequence for row in DerivedSequence.objects.select_related("sequence").order_by("pk")]


def statuses(client: Client, names: tuple[str, ...] = ()) -> set[int]:
    queries.forget_sequences()
    asked = names or tuple(bytes(sequence.md5).hex() for sequence in derived())
    return {client.get(f"/sequence/{name}").status_code for name in asked}


def test_a_stranger_gets_nothing_and_a_reader_everything(client: Client, tmp_path: Path) -> None:
    genome = make_genome(tmp_path, "closed", "private")
    assert len(derived()) == 3
    assert all(sequence.private for sequence in derived())
    assert statuses(client) == {401}
    assert statuses(client, ("lab:T1", "lab:T1.1", "lab_cds:T1", "lab:P1", "T1")) <= {401, 404}
    user = make_user("reader")
    make_grant(genome.collection, user)
    for sequence in derived():
        record = queries.sequence(bytes(sequence.md5).hex(), viewer=viewer_for(user))
        assert not record.public
        assert len(queries.read_residues(record, 0, record.length)) == sequence.length
    assert queries.sequence("lab:T1", viewer=viewer_for(user)).length == 300
    aliases = queries.aliases(queries.sequence("lab:P1", viewer=viewer_for(user)), viewer=viewer_for(user))
    assert ("lab", "P1.1") in aliases


def test_names_of_a_private_genome_belong_to_its_collection(tmp_path: Path) -> None:
    genome = make_genome(tmp_path, "closed", "private")
    aliases = Alias.objects.filter(authority__name__startswith="lab")
    assert aliases.count() == 6
    assert set(aliases.values_list("collection", flat=True)) == {genome.collection_id}
    assert NamingAuthority.objects.filter(name__startswith="lab", private=False).count() == 0


@pytest.mark.parametrize("order", [("closed", "open"), ("open", "closed")])
def test_the_same_sequences_of_a_public_genome_are_public(
    client: Client, tmp_path: Path, order: tuple[str, str]
) -> None:
    for name in order:
        make_genome(tmp_path, name, "private" if name == "closed" else "public")
    assert statuses(client) == {200}
    # As soon as the public genome is gone, they are private again.
    with transaction.atomic():
        remove_genome(Genome.objects.get(collection__name="open").pk)
    assert statuses(client) == {401}


def test_a_collection_takes_its_derived_sequences_along(client: Client, tmp_path: Path) -> None:
    collection = make_genome(tmp_path, "set", "public").collection
    for visibility, expected in (("private", 401), ("public", 200), ("private", 401)):
        collection.visibility = visibility
        collection.save()
        assert statuses(client) == {expected}


def test_what_was_private_stays_private_without_its_genome(client: Client, tmp_path: Path) -> None:
    genome = make_genome(tmp_path, "closed", "private")
    names = tuple(bytes(sequence.md5).hex() for sequence in derived())
    with transaction.atomic():
        remove_genome(genome.pk)
    assert statuses(client, names) == {401}
    loose = Sequence.objects.filter(private=True, memberships=None)
    assert access.publish_sequences(loose) == 3
    assert statuses(client, names) == {200}


def test_derived_sequences_of_a_private_collection_are_not_published_one_by_one(
    client: Client, tmp_path: Path
) -> None:
    make_genome(tmp_path, "closed", "private")
    assert access.publish_sequences(Sequence.objects.all()) == 0
    for sequence in derived():
        with pytest.raises(DatabaseError, match="becomes public with a collection"), transaction.atomic():
            Sequence.objects.filter(pk=sequence.pk).update(private=False)
    assert statuses(client) == {401}


def test_a_public_sequence_of_a_private_genome_is_withheld_with_it(client: Client, tmp_path: Path) -> None:
    """As for members: a sequence in no public collection is as private as those that it is in."""
    sequence = make_sequence(RESIDUES[100:400].encode())
    assert statuses(client, (bytes(sequence.md5).hex(),)) == {200}
    make_genome(tmp_path, "closed", "private")
    assert statuses(client, (bytes(sequence.md5).hex(),)) == {401}


def test_a_member_of_a_public_collection_stays_public(client: Client, tmp_path: Path) -> None:
    sequence = make_sequence(RESIDUES[100:400].encode())
    collection = SequenceCollection.objects.create(name="cdna")
    CollectionMember.objects.create(collection=collection, position=0, name="t", sequence=sequence)
    make_genome(tmp_path, "closed", "private")
    assert statuses(client, (bytes(sequence.md5).hex(),)) == {200}
    collection.delete()
    assert statuses(client, (bytes(sequence.md5).hex(),)) == {401}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE catalogue_genome SET collection_id = (SELECT id FROM catalogue_sequencecollection WHERE name = 'open')",
        "UPDATE catalogue_derivedsequence SET genome_id = genome_id",
    ],
)
def test_a_genome_is_not_moved_into_another_collection(tmp_path: Path, statement: str) -> None:
    make_genome(tmp_path, "closed", "private")
    SequenceCollection.objects.create(name="open")
    refused = pytest.raises(DatabaseError, match="a genome with its collection")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_private_release_replaced_keeps_everything_private(client: Client, tmp_path: Path) -> None:
    make_genome(tmp_path, "closed", "private")
    former = tuple(bytes(sequence.md5).hex() for sequence in derived())
    path = write_gff3(tmp_path / "new.gff3", TEXT.replace("101 400", "101 390"))
    assert "1 replaced" in annotate(path, "--authority=lab", collection="closed").summary
    assert statuses(client, former) == {401}
    assert statuses(client) == {401}
