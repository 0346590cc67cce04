"""Looks up sequence collections by digest, name, attribute or sequence.

A collection that the viewer may not read is treated as absent. Positions in listings count from 0.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from psycopg.sql import SQL, Identifier, Literal

from catalogue import access
from catalogue.access import ANONYMOUS, Viewer
from catalogue.errors import NotFound
from catalogue.formats.collection_comparison import CollectionArrays, Level2, compare, compare_stored
from catalogue.formats.collections import (
    ATTRIBUTES,
    COLLATED,
    COLUMNS,
    INHERENT,
    TRANSIENT,
    ArrayBatch,
    array_json,
    canonical_json,
    collection_digest,
    digest_text,
    parse_collection_digest,
    sequence_names,
    sha512t24u,
    unpack_lengths,
    unpack_names,
)
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.models import CollectionContent, CollectionMember, SequenceCollection
from catalogue.models import Sequence as SequenceRow
from catalogue.queries.cache import Cache
from catalogue.queries.text import storable

__all__ = [
    "ATTRIBUTES",
    "COLLATED",
    "INHERENT",
    "TRANSIENT",
    "Holder",
    "ListedCollection",
    "StoredCollection",
    "attribute_digests",
    "attribute_json",
    "collection",
    "collection_arrays",
    "collection_digest_of_name",
    "collection_digests",
    "collection_with",
    "collections",
    "collections_with_sequence",
    "compare_collections",
    "compare_with",
    "digest_of_arrays",
    "items_json",
    "listed",
    "named_collections",
]

Row = TypeVar("Row")

#: Upper bound of cached arrays in bytes.
_CACHE_BYTES = 64 << 20
_arrays = Cache("collections", _CACHE_BYTES)
#: Rows of arrays per query.
_ROWS_AT_ONCE = 4
_ARRAYS = SQL("""
    COPY (SELECT {} FROM catalogue_memberarrays WHERE content_id = {} AND number >= {} AND number < {} ORDER BY number)
    TO STDOUT (FORMAT BINARY)""")


@dataclass(frozen=True, slots=True)
class StoredCollection:
    """One content of collections: `digest` and `attributes` (level 1) as text, `size` in sequences.

    `pk` is the primary key of the content, `collection` that of one of its collections that the viewer may read. Unless
    `public`, only the viewer of the look-up may see it.
    """

    pk: int
    collection: int
    digest: str
    attributes: Mapping[str, str]
    size: int
    public: bool


class ListedCollection(NamedTuple):
    """A collection in a listing; `digest` is None if a member is known by md5 only."""

    pk: int
    name: str
    digest: str | None
    size: int


class Holder(NamedTuple):
    """A collection that contains a sequence, and the sequence's name there."""

    collection: ListedCollection
    names: list[str]


def collection(identifier: str, *, viewer: Viewer = ANONYMOUS) -> StoredCollection:
    """Return the collection with a digest. Raises NotFound."""
    digest = parse_collection_digest(identifier)
    if digest is not None:
        for row in _described(viewer).filter(digest=digest):
            return _stored(row)
    raise NotFound(f"no collection has the digest {identifier!r}")


def collection_digest_of_name(name: str, *, viewer: Viewer = ANONYMOUS) -> str:
    """Return the digest of a collection by name, such as `insdc:GCA_000001405.15`; the authority is case-insensitive.

    Raises NotFound, also for a collection that has no digest.
    """
    for row in named_collections(name, viewer).select_related("content"):
        if row.content is None:
            raise NotFound(
                f"the collection {row.name!r} has no digest here, because some of its sequences are known by their "
                "md5 only, or `manage.py digest_collections` has yet to run"
            )
        return digest_text(bytes(row.content.digest))
    raise NotFound(f"no collection has the digest or name {name!r}")


def collection_with(attribute: str, identifier: str, *, viewer: Viewer = ANONYMOUS) -> StoredCollection:
    """Return a collection whose attribute has this digest. Raises NotFound."""
    digest = parse_collection_digest(identifier)
    if digest is not None:
        for row in _described(viewer).filter(**{attribute: digest}).order_by("pk")[:1]:
            return _stored(row)
    raise NotFound(f"no collection has {attribute} of the digest {identifier!r}")


def collection_digests(
    filters: Mapping[str, str], *, start: int, count: int, viewer: Viewer = ANONYMOUS
) -> tuple[list[str], int]:
    """Return up to `count` digests of collections, from `start` on, and the total number.

    `filters` are digests of attributes, all of which a collection must have.
    """
    digests = {attribute: parse_collection_digest(text) for attribute, text in filters.items()}
    if None in digests.values():
        return [], 0
    rows = _contents(viewer).filter(**digests).order_by("pk").values_list("digest", flat=True)
    found, total = _page(rows, start, count)
    return [digest_text(bytes(digest)) for digest in found], total


def attribute_digests(
    attribute: str, *, start: int, count: int, viewer: Viewer = ANONYMOUS
) -> tuple[list[str], int]:
    """Return up to `count` digests of an attribute, from `start` on, and the total number."""
    rows = _contents(viewer).order_by(attribute).values_list(attribute, flat=True).distinct()
    found, total = _page(rows, start, count)
    return [digest_text(bytes(digest)) for digest in found], total


def attribute_json(stored: StoredCollection, attribute: str) -> Iterator[bytes]:
    """Yield the array of a non-transient attribute as canonical JSON, in pieces."""
    return array_json(attribute, _batches(stored.pk, COLUMNS[attribute]))


def items_json(stored: StoredCollection) -> Iterator[bytes]:
    """Yield name, length and sequence of each member as JSON objects separated by commas, in pieces."""
    for batch in _batches(stored.pk, ArrayBatch._fields):
        columns = (
            [name.decode() for name in unpack_names(batch.names)],
            unpack_lengths(batch.lengths).tolist(),
            sequence_names(batch.sequences),
        )
        members = [
            {"name": name, "length": length, "sequence": sequence}
            for name, length, sequence in zip(*columns, strict=True)
        ]
        yield canonical_json(members)[1:-1]


def compare_collections(a: StoredCollection, b: StoredCollection) -> dict[str, Any]:
    """Compare two collections: `attributes` and `array_elements` of the answer."""
    first = collection_arrays(a)
    return compare_stored(first, first if a.pk == b.pk else collection_arrays(b))


def compare_with(a: StoredCollection, b: Level2) -> dict[str, Any]:
    """Compare a stored collection with one from the client."""
    arrays = collection_arrays(a)
    names = arrays.names.decode().split("\0")
    lengths, sequences = arrays.lengths.tolist(), sequence_names(arrays.sequences)
    ours: Level2 = {
        "lengths": lengths,
        "name_length_pairs": list(zip(lengths, names, strict=True)),
        "names": names,
        "sequences": sequences,
        "sorted_sequences": sorted(sequences),
    }
    return compare(ours, b)


def digest_of_arrays(arrays: Level2) -> str | None:
    """Return the digest of a client's collection; None without its inherent attributes."""
    if not all(name in arrays for name in INHERENT):
        return None
    return digest_text(
        collection_digest({name: sha512t24u(canonical_json(arrays[name])) for name in INHERENT})
    )


def collection_arrays(stored: StoredCollection) -> CollectionArrays:
    """Return names, lengths and digests of all members; recent ones are cached in the process."""
    known = _arrays.get((stored.digest,))
    if isinstance(known, CollectionArrays):
        return known
    batches = list(_batches(stored.pk, ArrayBatch._fields))
    arrays = CollectionArrays(
        b"\0".join(batch.names for batch in batches),
        np.concatenate([unpack_lengths(batch.lengths) for batch in batches]),
        b"".join(batch.sequences for batch in batches),
    )
    size = len(arrays.names) + arrays.lengths.nbytes + len(arrays.sequences)
    _arrays.put((stored.digest,), arrays, size)
    return arrays


def collections(*, start: int, count: int, viewer: Viewer = ANONYMOUS) -> tuple[list[ListedCollection], int]:
    """Return up to `count` collections in the order of their names, from `start` on, and the total number."""
    rows = access.readable_collections(viewer).select_related("content").order_by("name")
    found, total = _page(rows, start, count)
    return listed(found), total


def collections_with_sequence(
    identifier: str, *, start: int, count: int, viewer: Viewer = ANONYMOUS
) -> tuple[list[Holder], int]:
    """Return up to `count` collections that contain the sequence with a digest, from `start` on, and the total number.

    Raises NotFound for text that is not a digest of a sequence.
    """
    digest = parse_digest(identifier)
    if digest is None:
        raise NotFound(f"{identifier!r} is no digest of a sequence")
    kind, value = digest
    column = "md5" if kind is DigestKind.MD5 else "sha512t24u"
    # By key, not by a join: the planner estimates the number of rows only from statistics of the key.
    key = SequenceRow.objects.filter(**{column: value}).values_list("pk", flat=True).first()
    members = CollectionMember.objects.filter(sequence=key)
    rows = access.readable_collections(viewer).filter(pk__in=members.values("collection"))
    page, total = _page(rows.select_related("content").order_by("pk"), start, count)
    found = listed(page)
    names: dict[int, list[str]] = {row.pk: [] for row in found}
    here = members.filter(collection__in=list(names)).order_by("position")
    for pk, name in here.values_list("collection", "name"):
        names[pk].append(name)
    return [Holder(row, names[row.pk]) for row in found], total


def _page(rows: QuerySet[Any, Row], start: int, count: int) -> tuple[list[Row], int]:
    """Return a page of rows and the total number, which is only counted where the page does not tell it."""
    found = list(rows[start : start + count])
    is_last = 0 < len(found) < count or (not start and not found)
    return found, start + len(found) if is_last else rows.count()


def _contents(viewer: Viewer) -> QuerySet[CollectionContent]:
    readable = access.readable_collections(viewer).filter(content=OuterRef("pk"))
    return CollectionContent.objects.filter(Exists(readable))


def _described(viewer: Viewer) -> QuerySet[Any]:
    """Return contents with `collection`, one of their collections that the viewer may read, and `public`."""
    here = {"content": OuterRef("pk")}
    readable = access.readable_collections(viewer).filter(**here).order_by("pk").values("pk")[:1]
    public = access.readable_collections(ANONYMOUS).filter(**here)
    rows = CollectionContent.objects.annotate(collection=Subquery(readable), public=Exists(public))
    return rows.filter(collection__isnull=False)


def _stored(row: Any) -> StoredCollection:
    return StoredCollection(
        pk=row.pk,
        collection=row.collection,
        digest=digest_text(bytes(row.digest)),
        attributes={name: digest_text(bytes(getattr(row, name))) for name in ATTRIBUTES},
        size=row.size,
        public=row.public,
    )


def named_collections(name: str, viewer: Viewer) -> QuerySet[SequenceCollection]:
    """Return the collection of a name, whose authority is case-insensitive. Raises NotFound for what is no name."""
    if not storable(name):
        raise NotFound("no name of a collection has a NUL or half a character in it")
    rows = access.readable_collections(viewer)
    authority, colon, rest = name.partition(":")
    exact = rows.filter(name=name)
    if not colon or exact.exists():
        return exact
    return rows.filter(name__in=[f"{authority.lower()}:{rest}", f"{authority.upper()}:{rest}"])


def _batches(content: int, columns: tuple[str, ...]) -> Iterator[ArrayBatch]:
    """Yield the arrays of a content in order; columns that are not requested are empty."""
    pick: Callable[..., ArrayBatch] = ArrayBatch(b"", b"", b"")._replace
    first = 0
    # No cursor stays open, so that a body being sent does not occupy a connection.
    while rows := _rows_of_arrays(content, columns, first):
        for row in rows:
            yield pick(**{column: bytes(value) for column, value in zip(columns, row, strict=True)})
        if len(rows) < _ROWS_AT_ONCE:
            return
        first += len(rows)


def _rows_of_arrays(content: int, columns: tuple[str, ...], first: int) -> list[tuple[bytes, ...]]:
    """Return the arrays of some rows, by COPY: the ORM would have their bytes sent as hexadecimal text."""
    fields = SQL(",").join(map(Identifier, columns))
    # Literals, because the cursor that Django gives with DEBUG takes no parameters here.
    statement = _ARRAYS.format(fields, *map(Literal, (content, first, first + _ROWS_AT_ONCE)))
    # Django turns the errors of statements into its own, but not those of the rows of a COPY.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.set_types(["bytea"] * len(columns))
        return list(copy.rows())


def listed(found: Sequence[SequenceCollection]) -> list[ListedCollection]:
    """Return the listing entries of collections, in the same order."""
    without = [row.pk for row in found if row.content is None]
    counts = CollectionMember.objects.filter(collection__in=without).values_list("collection")
    sizes = dict(counts.annotate(Count("pk")).order_by())
    return [
        ListedCollection(
            row.pk,
            row.name,
            None if row.content is None else digest_text(bytes(row.content.digest)),
            sizes.get(row.pk, 0) if row.content is None else row.content.size,
        )
        for row in found
    ]
