"""Lists of references in pages, as far as the viewer may know of them: sequences, their names, and collections."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Q, QuerySet

from catalogue import access
from catalogue.access import Viewer
from catalogue.formats.collections import parse_collection_digest
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.models import (
    CollectionMember,
    DerivedSequence,
    NamingAuthority,
    Sequence,
    SequenceCollection,
)
from catalogue.queries.collections import listed, named_collections
from catalogue.queries.listings import Asked, Page, check_text, only, page_of
from catalogue.queries.text import has_part


class CollectionRow(NamedTuple):
    """A collection; `digest` is None if a member is known by md5 only, `names` are those of the sequence asked for."""

    name: str
    description: str
    visibility: str
    digest: str | None
    sequences: int
    created: datetime
    names: list[str] | None


def sequence_page(
    asked: Asked, *, identifier: str = "", collection: str = "", held: bool | None = None
) -> Page:
    """Return sequences: those with a digest or alias, of a collection, or whose residues are (not) held here."""
    rows = readable_sequences(asked.viewer)
    if identifier:
        rows = rows.filter(_identified(identifier, asked.viewer))
    if collection:
        check_text(collection)
        named = access.readable_collections(asked.viewer).filter(name=collection)
        members = CollectionMember.objects.filter(collection__in=named)
        rows = rows.filter(pk__in=members.values("sequence"))
    if held is not None:
        rows = rows.filter(blob__isnull=not held)
    return page_of(rows, asked)


def one_sequence(identifier: str, *, viewer: Viewer) -> Sequence:
    """Return a sequence by a digest. Raises NotFound."""
    digest = parse_digest(identifier)
    found = readable_sequences(viewer).filter(_of_digest(digest)) if digest else Sequence.objects.none()
    one: Sequence = only(found, f"no sequence has the digest {identifier!r}")
    return one


def alias_page(asked: Asked, *, name: str = "", authority: str = "", sequence: str = "") -> Page:
    """Return aliases of the sequences that the viewer may see."""
    for text in (name, authority):
        check_text(text)
    rows = access.readable_aliases(asked.viewer).select_related("authority", "sequence")
    visible = Q(sequence__private=False)
    if asked.viewer.name is not None:
        visible |= _granted(asked.viewer, "sequence")
    rows = rows.filter(visible)
    if name:
        rows = rows.filter(name=name)
    if authority:
        rows = rows.filter(authority__name__iexact=authority)
    if sequence:
        rows = rows.filter(
            sequence__in=readable_sequences(asked.viewer).filter(_identified(sequence, asked.viewer))
        )
    return page_of(rows, asked)


def authority_page(asked: Asked) -> Page:
    """Return the naming authorities that are not private."""
    return page_of(NamingAuthority.objects.filter(private=False), asked)


def collection_page(asked: Asked, *, q: str = "", sequence: str = "", visibility: str = "") -> Page:
    """Return collections: those with a part in their name, those that hold a sequence with a digest or alias."""
    rows = access.readable_collections(asked.viewer)
    if q:
        check_text(q)
        rows = rows.filter(has_part(F("name"), q))
    if visibility:
        rows = rows.filter(visibility=visibility)
    members = None
    if sequence:
        # By key, not by a join: the planner estimates the number of rows only from statistics of the key.
        found = readable_sequences(asked.viewer).filter(_identified(sequence, asked.viewer))
        members = CollectionMember.objects.filter(sequence__in=list(found.values_list("pk", flat=True)))
        rows = rows.filter(pk__in=members.values("collection"))
    page = page_of(rows.select_related("content"), asked)
    return Page(_collection_rows(page.rows, members), page.next)


def one_collection(identifier: str, *, viewer: Viewer) -> CollectionRow:
    """Return a collection by its name, or the first one of a digest. Raises NotFound."""
    found = named_collections(identifier, viewer)
    content = parse_collection_digest(identifier)
    if content is not None and not found.exists():
        found = access.readable_collections(viewer).filter(content__digest=content).order_by("pk")
    rows = found.select_related("content")
    row: SequenceCollection = only(rows, f"no collection has the name or digest {identifier!r}")
    return _collection_rows([row], None)[0]


def _collection_rows(
    found: Iterable[SequenceCollection], members: QuerySet[CollectionMember] | None
) -> list[CollectionRow]:
    rows = list(found)
    names: dict[int, list[str]] = {row.pk: [] for row in rows}
    if members is not None and names:
        here = members.filter(collection__in=list(names)).order_by("position")
        for pk, name in here.values_list("collection", "name"):
            names[pk].append(name)
    return [
        CollectionRow(
            entry.name,
            row.description,
            row.visibility,
            entry.digest,
            entry.size,
            row.created,
            None if members is None else names[row.pk],
        )
        for row, entry in zip(rows, listed(rows), strict=True)
    ]


def readable_sequences(viewer: Viewer) -> QuerySet[Sequence]:
    """Return the sequences that are public, and those of private collections that the viewer may read."""
    public = Q(private=False)
    if viewer.name is None:
        return Sequence.objects.filter(public)
    return Sequence.objects.filter(public | _granted(viewer, "pk"))


def _granted(viewer: Viewer, column: str) -> Q:
    """Return the condition that a column names a sequence of a private collection that the viewer may read."""
    private = access.readable_collections(viewer).filter(visibility="private")
    members = CollectionMember.objects.filter(collection__in=private).values("sequence")
    derived = DerivedSequence.objects.filter(genome__collection__in=private).values("sequence")
    return Q(**{f"{column}__in": members}) | Q(**{f"{column}__in": derived})


def _identified(identifier: str, viewer: Viewer) -> Q:
    if digest := parse_digest(identifier):
        return _of_digest(digest)
    check_text(identifier)
    authority, colon, alias = identifier.partition(":")
    named = Q(name=identifier) | (Q(name=alias, authority__name__iexact=authority) if colon else Q())
    return Q(pk__in=access.readable_aliases(viewer).filter(named).values("sequence"))


def _of_digest(digest: tuple[DigestKind, bytes]) -> Q:
    return Q(**{"md5" if digest[0] is DigestKind.MD5 else "sha512t24u": digest[1]})
