"""Builders of sequence collections."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from catalogue.formats.collections import ArrayBatch
from catalogue.formats.digests import sequence_digests
from catalogue.ingest.collection_digests import digest_collection
from catalogue.models import CollectionMember, SequenceCollection
from catalogue.models import Sequence as SequenceRow
from tests.catalogue.made_rows import make_sequence


class Member(NamedTuple):
    """One sequence of a collection: its name there, its length in residues, and its sha512t24u of 24 bytes."""

    name: str
    length: int
    sha512t24u: bytes


def pack_members(members: Sequence[tuple[str, int, bytes]]) -> ArrayBatch:
    """The arrays of at least one member."""
    names, lengths, digests = zip(*members, strict=True)
    return ArrayBatch("\0".join(names).encode(), np.array(lengths, dtype="<i8").tobytes(), b"".join(digests))


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
