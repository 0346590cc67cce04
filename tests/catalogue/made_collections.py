"""Builders of sequence collections."""

from collections.abc import Mapping, Sequence

from catalogue.formats.digests import sequence_digests
from catalogue.ingest.collection_digests import digest_collection
from catalogue.models import CollectionMember, SequenceCollection
from catalogue.models import Sequence as SequenceRow
from tests.catalogue.made_rows import make_sequence


def make_collection(
    name: str,
    members: Mapping[str, bytes] | Sequence[tuple[str, bytes]],
    *,
    private: bool = False,
    md5_only: Sequence[str] = (),
    digested: bool = True,
) -> SequenceCollection:
    """A collection of residues by name; those named in `md5_only` are known by their md5 alone."""
    collection = SequenceCollection.objects.create(name=name, visibility="private" if private else "public")
    pairs = members.items() if isinstance(members, Mapping) else members
    for position, (member, residues) in enumerate(pairs):
        sequence = known_sequence(residues, md5_only=member in md5_only)
        CollectionMember.objects.create(
            collection=collection, position=position, name=member, sequence=sequence
        )
    if digested:
        digest_collection(collection.pk)
    collection.refresh_from_db()
    return collection


def known_sequence(residues: bytes, *, md5_only: bool = False) -> SequenceRow:
    """The row of a sequence, made where there is none."""
    md5 = sequence_digests(residues).md5
    if row := SequenceRow.objects.filter(md5=md5).first():
        return row
    return SequenceRow.objects.create(md5=md5, length=len(residues)) if md5_only else make_sequence(residues)
