"""The sequences of a collection as the regions of an annotation: found by seqid, and read in residues."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from catalogue.errors import CatalogueError
from catalogue.formats.annotation.ordering import RegionInfo
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.models import Alias, CollectionMember, SequenceCollection
from catalogue.storage import storage

# Residues are read and cached in blocks: genes that follow each other share them, and objects are read in large ranges.
_BLOCK: Final = 1 << 22
_MAX_BLOCKS: Final = 24


class UnknownSeqid(CatalogueError):
    """A seqid that means no sequence of the collection, or several."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Where the residues of a region are; `storage` is "" if they are not held."""

    storage: str
    key: str
    offset: int
    length: int
    circular: bool


class CollectionRegions(dict[str, RegionInfo]):
    """The regions of a collection by seqid, looked up when they are first asked for.

    The number of a region is the position of the member in the collection. A seqid is a name in the collection, else an
    alias or a digest of one of its sequences.
    """

    def __init__(self, collection: SequenceCollection) -> None:
        super().__init__()
        self._collection = collection
        self._held: dict[int, _Held] = {}
        self._by_number: dict[int, RegionInfo] = {}
        self._blocks: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def __missing__(self, seqid: str) -> RegionInfo:
        """Raise UnknownSeqid."""
        member = self._member(seqid)
        sequence = member.sequence
        fresh = RegionInfo(member.position, sequence.length, sequence.circular)
        self[seqid] = self._by_number.setdefault(member.position, fresh)
        blob = sequence.blob
        self._held[member.position] = _Held(
            blob.storage if blob is not None else "",
            blob.key if blob is not None else "",
            sequence.offset or 0,
            sequence.length,
            sequence.circular,
        )
        return self[seqid]

    def _member(self, seqid: str) -> CollectionMember:
        members = CollectionMember.objects.filter(collection=self._collection).select_related(
            "sequence", "sequence__blob"
        )
        if named := members.filter(name=seqid).first():
            return named
        found = list(members.filter(self._meant(seqid)).order_by("position")[:2])
        if not found:
            raise UnknownSeqid(
                f"seqid {seqid!r} is neither a name in collection {self._collection.name!r} nor an alias of one of its "
                "sequences; ingest_aliases adds aliases"
            )
        if len(found) > 1:
            names = " and ".join(repr(member.name) for member in found)
            raise UnknownSeqid(
                f"seqid {seqid!r} means several sequences of collection {self._collection.name!r}: {names}"
            )
        return found[0]

    def _meant(self, seqid: str) -> Q:
        if digest := parse_digest(seqid):
            kind, value = digest
            return Q(sequence__md5=value) if kind is DigestKind.MD5 else Q(sequence__sha512t24u=value)
        named = Q(name=seqid)
        authority, colon, name = seqid.partition(":")
        if colon:
            named |= Q(name=name, authority__name__iexact=authority)
        visible = Alias.objects.filter(named, Q(collection=None) | Q(collection=self._collection))
        return Q(sequence__in=visible.values("sequence"))

    def is_registered_circular(self, number: int) -> bool:
        """Return whether the sequence of a region is registered as circular."""
        return self._held[number].circular

    def is_held(self, number: int) -> bool:
        """Return whether the residues of a region are held here."""
        return bool(self._held[number].storage)

    def read(self, number: int, start: int, end: int) -> bytes:
        """Return the residues of a region; positions beyond its length count on from its start. Raises StorageError."""
        held = self._held[number]
        if end <= held.length:
            return b"".join(self._pieces(number, start, end))
        parts: list[bytes] = []
        while start < end:
            turn = start // held.length * held.length
            stop = min(end, turn + held.length)
            parts += self._pieces(number, start - turn, stop - turn)
            start = stop
        return b"".join(parts)

    def _pieces(self, number: int, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            block = start // _BLOCK
            stop = min(end, (block + 1) * _BLOCK)
            yield self._block(number, block)[start - block * _BLOCK : stop - block * _BLOCK]
            start = stop

    def _block(self, number: int, block: int) -> bytes:
        key = number, block
        if (residues := self._blocks.get(key)) is not None:
            self._blocks.move_to_end(key)
            return residues
        held = self._held[number]
        start = block * _BLOCK
        length = min(_BLOCK, held.length - start)
        residues = storage(held.storage).read_range(held.key, held.offset + start, length)
        self._blocks[key] = residues
        while len(self._blocks) > _MAX_BLOCKS:
            self._blocks.popitem(last=False)
        return residues
