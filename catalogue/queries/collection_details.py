"""Describes a collection of sequences for its page, with or without a digest, and lists its members."""

from dataclasses import dataclass
from typing import NamedTuple

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.formats.digests import best_digest
from catalogue.models import CollectionMember, SequenceCollection
from catalogue.queries.collections import StoredCollection, collection, listed
from catalogue.queries.datasets import ListedDataset
from catalogue.queries.text import storable


@dataclass(frozen=True, slots=True)
class CollectionDetails:
    """One collection; `names` are those of all collections with the same content that the viewer may read.

    `stored` is None where there is no digest, because a member is known by its md5 only. `held` says whether all
    residues are held here.
    """

    pk: int
    names: tuple[str, ...]
    description: str
    size: int
    public: bool
    held: bool
    stored: StoredCollection | None


class ListedMember(NamedTuple):
    """A member of a collection; `sequence` is the digest by which the sequence has a page."""

    position: int
    name: str
    length: int
    circular: bool
    sequence: str


def collection_details(identifier: str, *, viewer: Viewer) -> CollectionDetails:
    """Return the collection with a digest or a name. Raises NotFound."""
    readable = access.readable_collections(viewer)
    try:
        stored: StoredCollection | None = collection(identifier, viewer=viewer)
    except NotFound:
        stored = None
    rows = readable.filter(content=stored.pk) if stored else readable.filter(name=identifier)
    found = list(rows.select_related("content").order_by("pk")) if storable(identifier) else []
    if not found:
        raise NotFound(f"no collection has the digest or name {identifier!r}")
    first = found[0]
    (entry,) = listed([first])
    if stored is None and entry.digest is not None:
        return collection_details(entry.digest, viewer=viewer)
    return CollectionDetails(
        pk=first.pk,
        names=tuple(row.name for row in found),
        description=next((row.description for row in found if row.description), ""),
        size=entry.size,
        public=any(row.visibility == SequenceCollection.Visibility.PUBLIC for row in found),
        held=not CollectionMember.objects.filter(collection=first.pk, sequence__blob=None).exists(),
        stored=stored,
    )


def collection_members(
    details: CollectionDetails, *, count: int, after: int | None = None, text: str = ""
) -> list[ListedMember]:
    """Return up to `count` members in their order, from the one after position `after` on; `text` is in their names."""
    rows = CollectionMember.objects.filter(collection=details.pk)
    if text and storable(text):
        rows = rows.filter(name__icontains=text)
    if after is not None:
        rows = rows.filter(position__gt=after)
    found = rows.order_by("position").values_list(
        "position", "name", "sequence__length", "sequence__circular", "sequence__md5", "sequence__sha512t24u"
    )
    return [
        ListedMember(position, name, length, circular, best_digest(md5, sha512t24u))
        for position, name, length, circular, md5, sha512t24u in found[:count]
    ]


def datasets_of_collection(details: CollectionDetails, *, viewer: Viewer, count: int) -> list[ListedDataset]:
    """Return up to `count` datasets whose files were made with a collection of this content."""
    same = [details.pk]
    if details.stored is not None:
        readable = access.readable_collections(viewer).filter(content=details.stored.pk)
        same = list(readable.values_list("pk", flat=True))
    rows = access.readable_datasets(viewer).filter(collection__in=same).order_by("slug")
    return [ListedDataset(*row) for row in rows.values_list(*ListedDataset._fields)[:count]]
