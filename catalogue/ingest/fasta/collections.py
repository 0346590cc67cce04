"""The ordered set of sequences that the files of one ingest hold together."""

from django.db import connection, transaction

from catalogue.errors import CatalogueError
from catalogue.models import IngestedFile, SequenceCollection

_TABLE = """CREATE TEMPORARY TABLE arriving_member (
    position bigint, name text, md5 bytea, source text, line bigint)"""
_DROP = "DROP TABLE IF EXISTS arriving_member"
_ADD = """
    INSERT INTO arriving_member
    SELECT position + (SELECT count(*) FROM arriving_member), name, md5, %s, line FROM arriving_record"""
_TWICE = """
    SELECT name, array_agg(source || ', line ' || line ORDER BY position) FROM arriving_member
    GROUP BY name HAVING count(*) > 1 ORDER BY min(position) LIMIT 1"""
_REGISTER = """
    INSERT INTO catalogue_collectionmember (collection_id, position, name, sequence_id)
    SELECT %s, position, name, catalogue_sequence.id
    FROM arriving_member JOIN catalogue_sequence USING (md5) ORDER BY position"""
_WITHHOLD = """
    INSERT INTO catalogue_collectionmember (collection_id, position, name, sequence_id)
    SELECT collection.id, position, arriving_member.name, catalogue_sequence.id
    FROM arriving_member JOIN catalogue_sequence USING (md5)
    JOIN catalogue_sequencecollection AS collection ON collection.name = %s AND collection.visibility = %s
    WHERE source = %s
    ON CONFLICT DO NOTHING"""
_LEFT_OUT = """
    SELECT arriving_member.name
    FROM arriving_member JOIN catalogue_sequence USING (md5)
    JOIN catalogue_sequencecollection AS collection ON collection.name = %s AND collection.visibility = %s
    WHERE source = %s AND NOT EXISTS (
        SELECT 1 FROM catalogue_collectionmember AS member
        WHERE member.collection_id = collection.id AND member.sequence_id = catalogue_sequence.id)
    LIMIT 1"""
_FIRST_DIFFERENCE = """
    SELECT coalesce(member.position, arrived.position)
    FROM (
        SELECT position, name, md5
        FROM catalogue_collectionmember JOIN catalogue_sequence ON sequence_id = catalogue_sequence.id
        WHERE collection_id = %s
    ) AS member
    FULL JOIN arriving_member AS arrived USING (position)
    WHERE (member.name, member.md5) IS DISTINCT FROM (arrived.name, arrived.md5)
    ORDER BY 1 LIMIT 1"""


class CollectionRefused(CatalogueError):
    """The files do not make the collection that was asked for."""


def private_collection(name: str | None) -> int | None:
    """Return the key of the collection of this name if it is private."""
    private = SequenceCollection.objects.filter(name=name, visibility=SequenceCollection.Visibility.PRIVATE)
    return private.values_list("pk", flat=True).first()


class ArrivingCollection:
    """Gathers the records of one file after another, between `__enter__` and `__exit__`."""

    def __init__(self) -> None:
        self._withheld = 0

    def __enter__(self) -> "ArrivingCollection":
        with connection.cursor() as cursor:
            cursor.execute(_DROP)
            cursor.execute(_TABLE)
        return self

    def __exit__(self, *_: object) -> None:
        if not connection.needs_rollback and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute(_DROP)

    def add(self, source: str) -> None:
        """Appends the records that the temporary tables of the file hold."""
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [source])

    def withhold(self, source: str, *, collection: str) -> None:
        """Puts the records of a file into a private collection at once, before anybody could be given them.

        To be called in the transaction that registers them. Does nothing for a collection that is not private, or not
        there: it is recorded when all of it is read. Raises CollectionRefused where the collection has other members in
        their places: they must not be registered outside of it.
        """
        private = [collection, SequenceCollection.Visibility.PRIVATE, source]
        with connection.cursor() as cursor:
            cursor.execute(_WITHHOLD, private)
            self._withheld += cursor.rowcount
            cursor.execute(_LEFT_OUT, private)
            if left_out := cursor.fetchone():
                raise CollectionRefused(
                    f"private collection {collection!r} has other members already, and no place for {left_out[0]!r}"
                )

    def register(self, name: str, *, dry_run: bool = False) -> IngestedFile.Outcome:
        """Records the collection: added, or unchanged when it is there with the same members in the same order.

        Raises CollectionRefused when it is there with others, or when two records have one name.
        """
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_TWICE)
            if twice := cursor.fetchone():
                places = " and ".join(twice[1][:2])
                raise CollectionRefused(f"collection {name!r}: two records are named {twice[0]!r}: {places}")
            if dry_run:
                there = SequenceCollection.objects.filter(name=name).first()
                created = there is None
            else:
                there, created = SequenceCollection.objects.get_or_create(name=name)
            if there is None:
                return IngestedFile.Outcome.ADDED
            if created or not there.members.exists():
                if not dry_run:
                    cursor.execute(_REGISTER, [there.pk])
                return IngestedFile.Outcome.ADDED
            cursor.execute(_FIRST_DIFFERENCE, [there.pk])
            if different := cursor.fetchone():
                raise CollectionRefused(
                    f"collection {name!r} is there already with other members: the first difference is at position "
                    f"{different[0]} (from 0)"
                )
            return IngestedFile.Outcome.ADDED if self._withheld else IngestedFile.Outcome.UNCHANGED
