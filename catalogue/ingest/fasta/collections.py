"""Registers the collection that all files of one ingest form: an ordered set of named sequences."""

from typing import Any, Final, Self

from django.db import connection
from psycopg.sql import SQL, Composed, Identifier

from catalogue.errors import CatalogueError
from catalogue.ingest.collection_digests import digest_collection
from catalogue.ingest.fasta.rows import RecordTable
from catalogue.ingest.outcomes import Outcome
from catalogue.models import SequenceCollection

_TABLE = """CREATE TEMPORARY TABLE arriving_member (
    position bigint, name text, md5 bytea, sha512t24u bytea, length bigint, source text, line bigint)"""
_DROP = "DROP TABLE IF EXISTS arriving_member"
_ADD: Final = SQL("""
    INSERT INTO arriving_member
    SELECT position + (SELECT count(*) FROM arriving_member), name, md5, sha512t24u, length, %s, line FROM {records}""")
_DUPLICATE_NAME = """
    SELECT name, array_agg(source || ', line ' || line ORDER BY position) FROM arriving_member
    GROUP BY name HAVING count(*) > 1 ORDER BY min(position) LIMIT 1"""
_REGISTER = """
    INSERT INTO catalogue_collectionmember (collection_id, position, name, sequence_id)
    SELECT %s, position, name, catalogue_sequence.id
    FROM arriving_member JOIN catalogue_sequence USING (md5) ORDER BY position"""
_ARRIVED: Final = SQL("SELECT position, name, length, sha512t24u FROM arriving_member")
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
    """The files do not form the requested collection."""


def private_collection(name: str | None) -> int | None:
    """Return the primary key of the collection with this name if it is private, else None."""
    private = SequenceCollection.objects.filter(name=name, visibility=SequenceCollection.Visibility.PRIVATE)
    return private.values_list("pk", flat=True).first()


class MemberTable:
    """Context manager of the temporary table of one collection's members, filled file by file."""

    def __init__(self, collection: str) -> None:
        self._collection = collection
        self._withheld = 0

    def __enter__(self) -> Self:
        _fetch(_DROP)
        _fetch(_TABLE)
        return self

    def __exit__(self, *_: object) -> None:
        if not connection.needs_rollback and connection.is_usable():
            _fetch(_DROP)

    def add(self, records: RecordTable, source: str) -> None:
        """Append the records of one file."""
        _fetch(_ADD.format(records=Identifier(records.name)), source)

    def withhold(self, source: str) -> None:
        """Add the records of a file to the collection at once if it is private, so that they are never visible.

        Call it in the transaction that registers the records. A public or new collection is registered at the end
        instead. Raises CollectionRefused when the collection has other members at these positions.
        """
        private = (self._collection, SequenceCollection.Visibility.PRIVATE, source)
        with connection.cursor() as cursor:
            cursor.execute(_WITHHOLD, private)
            self._withheld += cursor.rowcount
        if left_out := _fetch(_LEFT_OUT, *private):
            raise CollectionRefused(
                f"private collection {self._collection!r} has other members already, and no place for {left_out[0]!r}"
            )

    def register(self) -> Outcome:
        """Register the collection; return ADDED, or UNCHANGED if it has the same members in the same order.

        Call it in a transaction. Raises CollectionRefused for other members, and for two records with the same name.
        """
        name = self._collection
        if duplicate := _fetch(_DUPLICATE_NAME):
            lines = " and ".join(duplicate[1][:2])
            raise CollectionRefused(f"collection {name!r}: two records are named {duplicate[0]!r}: {lines}")
        collection, created = SequenceCollection.objects.get_or_create(name=name)
        if created or not collection.members.exists():
            _fetch(_REGISTER, collection.pk)
            created = True
        elif different := _fetch(_FIRST_DIFFERENCE, collection.pk):
            raise CollectionRefused(
                f"collection {name!r} exists with other members: the first difference is at position "
                f"{different[0]} (from 0)"
            )
        digest_collection(collection.pk, members=_ARRIVED)
        return Outcome.ADDED if created or self._withheld else Outcome.UNCHANGED


def _fetch(sql: str | Composed, *parameters: str | int) -> Any:
    """Execute a statement; return its first row, None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone() if cursor.description else None
