"""Computes the digests and arrays of collections (sequence collections 1.0, "Encoding") from their members.

Reads members as a stream. Running it again computes only what is missing.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from psycopg.sql import SQL, Composable

from catalogue.formats.collections import (
    ATTRIBUTES,
    ArrayBatch,
    CollectionDigester,
    CollectionDigests,
    unpack_lengths,
)
from catalogue.formats.digests import SHA512T24U_BYTES
from catalogue.models import CollectionContent, CollectionMember, SequenceCollection

#: Members per row of arrays.
ARRAY_SIZE = 32_768
#: Number of longest sequences whose lengths are stored to find a collection by.
LONGEST = 32

#: Members by position, name, length and sha512t24u; and these packed by the database, in batches.
_MEMBERS = SQL("""
    SELECT position, name, length, sha512t24u
    FROM catalogue_collectionmember AS member JOIN catalogue_sequence AS held ON held.id = member.sequence_id
    WHERE collection_id = {}""")
_PACKED = SQL("""
    SELECT string_agg(convert_to(name, 'UTF8'), '\\x00'::bytea ORDER BY position),
        string_agg(int8send(length), '' ORDER BY position), string_agg(sha512t24u, '' ORDER BY position)
    FROM ({}) AS member GROUP BY position / {} ORDER BY position / {}""")
_NEXT_CONTENT = "SELECT nextval(pg_get_serial_sequence('catalogue_collectioncontent', 'id'))"
_ADD_ARRAYS = """
    COPY catalogue_memberarrays (content_id, number, names, lengths, sequences) FROM STDIN (FORMAT BINARY)"""
_ADD_CONTENT = f"""
    INSERT INTO catalogue_collectioncontent (id, digest, size, {", ".join(ATTRIBUTES)})
    VALUES (%s, %s, %s{", %s" * len(ATTRIBUTES)}) ON CONFLICT (digest) DO NOTHING"""  # noqa: S608


def digest_collection(pk: int, *, members: Composable | None = None) -> bool:
    """Compute the missing digests of one collection, in one transaction; return whether it has digests now.

    A collection has none if it has no members, or a member that is known by md5 only and so has no `SQ.` name.
    `members` is a query of position, name, length and sha512t24u for a caller that has these at hand.
    """
    with transaction.atomic():
        # Waits for concurrent writers of members, and blocks new ones until the digests are stored.
        collection = SequenceCollection.objects.select_for_update().filter(pk=pk).first()
        if collection is None or collection.content_id is not None:
            return collection is not None
        longest, digests, content = _read_members(members or _MEMBERS.format(pk))
        stored = None if digests is None or not longest else _add_content(content, digests)
        SequenceCollection.objects.filter(pk=pk).update(longest_lengths=longest or None, content=stored)
        return stored is not None


def collections_without_digests() -> list[tuple[int, str]]:
    """Return primary key and name of the collections with members but no digests, in the order of their keys."""
    members = CollectionMember.objects.filter(collection=OuterRef("pk"))
    rows = SequenceCollection.objects.filter(Exists(members), content=None)
    return list(rows.order_by("pk").values_list("pk", "name"))


def _read_members(members: Composable) -> tuple[list[int], CollectionDigests | None, int]:
    """Store the arrays of a collection under the key of a new content.

    Return the longest lengths, the digests (None if a member has no sha512t24u), and that key.
    """
    content = _number(_NEXT_CONTENT)
    digester: CollectionDigester | None = CollectionDigester()
    longest: list[int] = []
    for number, batch in enumerate(_batches(members)):
        lengths = unpack_lengths(batch.lengths)
        longest = np.sort(np.append(lengths, longest))[: -LONGEST - 1 : -1].tolist()
        if digester is None or len(batch.sequences) < SHA512T24U_BYTES * len(lengths):
            digester = None
            continue
        digester.add(batch)
        with connection.cursor() as cursor, cursor.copy(_ADD_ARRAYS) as copy:
            copy.set_types(["int8", "int4", "bytea", "bytea", "bytea"])
            copy.write_row((content, number, *batch))
    if digester is None:
        _execute("DELETE FROM catalogue_memberarrays WHERE content_id = %s", [content])
    return longest, None if digester is None else digester.finish(), content


def _batches(members: Composable) -> Iterator[ArrayBatch]:
    """Yield the members that a query finds, in order. Members without sha512t24u have no bytes in `sequences`."""
    _execute("SET LOCAL work_mem = '64MB'", [])
    with connection.chunked_cursor() as cursor:
        cursor.execute(_PACKED.format(members, ARRAY_SIZE, ARRAY_SIZE))
        while row := cursor.fetchone():
            names, lengths, sequences = row
            little_endian = np.frombuffer(lengths, dtype=">i8").astype("<i8").tobytes()
            yield ArrayBatch(bytes(names), little_endian, bytes(sequences or b""))


def _add_content(key: int, digests: CollectionDigests) -> int:
    """Store the digests under the key; return the key of their row, which a concurrent run may have made."""
    attributes = [digests.attributes[name] for name in ATTRIBUTES]
    _execute(_ADD_CONTENT, [key, digests.digest, digests.size, *attributes])
    stored = CollectionContent.objects.values_list("pk", flat=True).get(digest=digests.digest)
    if stored != key:
        _execute("DELETE FROM catalogue_memberarrays WHERE content_id = %s", [key])
    return stored


def _execute(sql: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def _number(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (number,) = cursor.fetchone()
    return int(number)
