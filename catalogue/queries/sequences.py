"""Looks sequences up by digest or alias, and reads their residues.

What a digest names never changes, so public sequences are cached in the process, for `REMEMBERED_SECONDS` at most: a
sequence that is deleted, or made private, is gone everywhere after that time.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet, Value

from catalogue import access
from catalogue.access import ANONYMOUS, Viewer
from catalogue.errors import AmbiguousAlias, NotFound
from catalogue.formats.digests import DigestKind, best_digest, parse_digest, sq_name
from catalogue.metrics import CACHE_LOOKUPS
from catalogue.models import Alias, CollectionMember, DerivedSequence, NamingAuthority, Sequence
from catalogue.queries.compiled import CompiledQuery
from catalogue.storage import storage

REMEMBERED = 100_000
REMEMBERED_SECONDS = 60.0
#: Upper bound of the candidates listed for an ambiguous name.
CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Residues:
    """The location of residues: `offset` bytes into an object; `alone` if the object holds no other sequence."""

    storage: str
    key: str
    offset: int
    alone: bool


@dataclass(frozen=True, slots=True)
class StoredSequence:
    """One sequence as the protocols see it; `residues` is None if it is known but not held here.

    Unless `public`, only the viewer of the look-up may have it.
    """

    pk: int
    md5: bytes
    sha512t24u: bytes | None
    length: int
    circular: bool
    molecule: str
    residues: Residues | None
    public: bool = True

    @property
    def ga4gh(self) -> str | None:
        """`SQ.` and base64url, without the `ga4gh:` namespace; None where only the md5 is known."""
        return None if self.sha512t24u is None else sq_name(self.sha512t24u)


class SequenceAlias(NamedTuple):
    """A name of a sequence and who gave it."""

    authority: str
    name: str


class _Remembered(NamedTuple):
    record: StoredSequence
    until: float


_by_identifier: OrderedDict[str, _Remembered] = OrderedDict()
_HIT, _MISS = (CACHE_LOOKUPS.labels("sequences", result) for result in ("hit", "miss"))


def sequence(identifier: str, *, viewer: Viewer = ANONYMOUS) -> StoredSequence:
    """Return the sequence that a digest, `authority:name` or a bare name means to a viewer.

    See refget 2.0.0, "Identifiers".

    Raises NotFound, AmbiguousAlias for a name of several sequences that the viewer may have, and what `access.refusal`
    gives where the viewer may have none of those that are meant.
    """
    if known := known_sequence(identifier):
        return known
    _MISS.inc()
    if parse_digest(identifier) is None:
        return _by_alias(identifier, viewer)
    rows = _by_digest(identifier, viewer)
    if not rows:
        raise NotFound(_unknown(identifier))
    if not rows[0].readable:
        raise access.refusal(viewer, unknown=_unknown(identifier))
    record = _record(rows[0])
    if record.residues is not None and record.public:
        _by_identifier[identifier] = _Remembered(record, time.monotonic() + REMEMBERED_SECONDS)
        while len(_by_identifier) > REMEMBERED:
            _by_identifier.popitem(last=False)
    return record


def known_sequence(identifier: str) -> StoredSequence | None:
    """Return the sequence of a digest that this process has in its cache, without touching the database; else None."""
    remembered = _by_identifier.get(identifier)
    if remembered is None:
        return None
    if remembered.until < time.monotonic():
        _by_identifier.pop(identifier, None)
        return None
    _HIT.inc()
    return remembered.record


def is_digest(identifier: str) -> bool:
    """Return whether an identifier is a digest, whose meaning can never change."""
    return parse_digest(identifier) is not None


def forget_sequences() -> None:
    """Empty the cache of this process, after rows were removed."""
    _by_identifier.clear()


def aliases(record: StoredSequence, *, viewer: Viewer = ANONYMOUS) -> list[SequenceAlias]:
    """Return the aliases of a sequence that the viewer may see, ordered by authority and name.

    For a public sequence the aliases are the same for everybody, because shared caches store them.
    """
    rows = _PUBLIC_ALIASES.rows(sequence=record.pk) if record.public else _aliases(viewer, sequence=record.pk)
    return [SequenceAlias(authority, name) for authority, name in rows]


def authorities() -> list[str]:
    """Return the names of the naming authorities that are not private, in order."""
    return [name for (name,) in _AUTHORITIES.rows()]


def read_residues(record: StoredSequence, start: int, end: int) -> bytes:
    """Read the residues of `[start, end)`, 0-based, half-open, within the sequence.

    Raises NotFound when they are not held, and StorageError.
    """
    residues = _held(record)
    return storage(residues.storage).read_unchanging(residues.key, residues.offset + start, end - start)


def stream_residues(record: StoredSequence, start: int, end: int) -> Iterator[bytes]:
    """Read the residues in pieces of at most 1 MiB. The first is read at once, so that a missing or short object shows.

    A StorageError between pieces means that the pieces so far are invalid.
    """
    residues = _held(record)
    place = storage(residues.storage)
    pieces = place.stream(residues.key, residues.offset + start, end - start)
    if start < end and place.local_path(residues.key) is not None:
        place.read_range(residues.key, residues.offset + end - 1, 1)
        return pieces
    # The first response of a store includes the size of the object.
    return chain((next(pieces, b""),), pieces)


def direct_residues(record: StoredSequence, *, seconds: int, content_type: str) -> str | None:
    """Return a URL under which anybody can fetch all residues from their storage, for `seconds`, as `content_type`.

    None where the storage signs no URLs, and where other sequences lie in the same object. Raises NotFound when they
    are not held, and StorageUnavailable where there are no credentials to sign with.
    """
    residues = _held(record)
    place = storage(residues.storage)
    if not place.signs_urls or not residues.alone:
        return None
    return place.signed_url(residues.key, ttl=seconds, content_type=content_type).url


def _held(record: StoredSequence) -> Residues:
    if record.residues is None:
        raise NotFound(f"the residues of {record.md5.hex()} are not held here")
    return record.residues


class _Row(NamedTuple):
    """A row of `_rows`. `theirs` and `everybodys` say who may see an alias by which it was found."""

    pk: int
    md5: bytes
    sha512t24u: bytes | None
    length: int
    circular: bool
    molecule: str
    private: bool
    offset: int | None
    storage: str | None
    key: str | None
    size: int | None
    readable: bool
    theirs: bool
    everybodys: bool


_COLUMNS: Final = (
    *("pk", "md5", "sha512t24u", "length", "circular", "molecule", "private", "offset"),
    *("blob__storage", "blob__key", "blob__size", "readable", "theirs", "everybodys"),
)


def _rows(viewer: Viewer) -> QuerySet[Any]:
    """Return all sequences, annotated with `readable`: whether the viewer may fetch it."""
    readable = Q(private=False)
    if viewer.name is not None:
        collections = access.readable_collections(viewer)
        members = CollectionMember.objects.filter(sequence=OuterRef("pk"))
        derived = DerivedSequence.objects.filter(sequence=OuterRef("pk"))
        readable |= Q(Exists(members.filter(collection__in=collections)))
        readable |= Q(Exists(derived.filter(genome__collection__in=collections)))
    return Sequence.objects.annotate(readable=readable)


def _of_digest(viewer: Viewer, **digest: bytes) -> QuerySet[Any, Any]:
    always = {"theirs": Value(True), "everybodys": Value(True)}
    rows: QuerySet[Any, Any] = _rows(viewer).filter(**digest).annotate(**always).values_list(*_COLUMNS)
    return rows


def _named(viewer: Viewer, *, identifier: str, authority: str, name: str) -> QuerySet[Any, Any]:
    """Return the sequences with the name `identifier`, or with `name` of an authority; those they may see first."""
    authorities = NamingAuthority.objects.filter(name__iexact=authority)
    meant = Q(name=identifier) | Q(name=name, authority__in=authorities)

    def named(aliases: QuerySet[Alias]) -> Q:
        return Q(pk__in=aliases.filter(meant).values("sequence"))

    everybodys = named(access.readable_aliases(ANONYMOUS))
    theirs = everybodys if viewer.name is None else named(access.readable_aliases(viewer))
    rows = _rows(viewer).filter(named(Alias.objects.all()))
    rows = rows.annotate(theirs=Q(readable=True) & theirs, everybodys=everybodys)
    found: QuerySet[Any, Any] = rows.order_by("-theirs", "pk").values_list(*_COLUMNS)[: CANDIDATES + 1]
    return found


def _aliases(viewer: Viewer, *, sequence: int) -> QuerySet[Any, Any]:
    rows = access.readable_aliases(viewer).filter(sequence_id=sequence)
    return rows.order_by("authority__name", "name").distinct().values_list("authority__name", "name")


_PUBLIC_OF_DIGEST: Final = {
    "md5": CompiledQuery(partial(_of_digest, ANONYMOUS), md5=b"stand-in"),
    "sha512t24u": CompiledQuery(partial(_of_digest, ANONYMOUS), sha512t24u=b"stand-in"),
}
_PUBLIC_NAMED: Final = CompiledQuery(
    partial(_named, ANONYMOUS), identifier="an identifier", authority="an authority", name="a name"
)
_PUBLIC_ALIASES: Final = CompiledQuery(partial(_aliases, ANONYMOUS), sequence=-1)
_AUTHORITIES: Final = CompiledQuery(
    lambda: NamingAuthority.objects.filter(private=False).order_by("name").values_list("name")
)


def _by_digest(identifier: str, viewer: Viewer) -> list[_Row]:
    digest = parse_digest(identifier)
    if digest is None:
        return []
    kind, value = digest
    column = "md5" if kind is DigestKind.MD5 else "sha512t24u"
    given = {column: value}
    rows = _PUBLIC_OF_DIGEST[column].rows(**given) if viewer.name is None else _of_digest(viewer, **given)
    return [_Row(*row) for row in rows]


def _by_alias(identifier: str, viewer: Viewer) -> StoredSequence:
    if "\0" in identifier:
        raise NotFound("no name of a sequence has a NUL in it")
    authority, _, name = identifier.partition(":")
    given = {"identifier": identifier, "authority": authority, "name": name}
    rows = _PUBLIC_NAMED.rows(**given) if viewer.name is None else _named(viewer, **given)
    found = [_Row(*row) for row in rows]
    if not found:
        raise NotFound(_unknown(identifier))
    meant_for_them = [row for row in found if row.theirs]
    if not meant_for_them:
        raise access.refusal(viewer, unknown=_unknown(identifier))
    if len(meant_for_them) > 1:
        raise AmbiguousAlias(identifier, [_name(row) for row in meant_for_them[:CANDIDATES]])
    return _record(meant_for_them[0], public=found[0].everybodys)


def _unknown(identifier: str) -> str:
    return f"no sequence has the identifier {identifier!r}"


def _name(row: _Row) -> str:
    return best_digest(row.md5, row.sha512t24u)


def _record(row: _Row, *, public: bool = True) -> StoredSequence:
    residues = None
    if row.storage is not None and row.key is not None and row.offset is not None:
        residues = Residues(row.storage, row.key, row.offset, alone=row.size == row.length)
    return StoredSequence(
        pk=row.pk,
        md5=row.md5,
        sha512t24u=row.sha512t24u,
        length=row.length,
        circular=row.circular,
        molecule=row.molecule,
        residues=residues,
        public=public and not row.private,
    )
