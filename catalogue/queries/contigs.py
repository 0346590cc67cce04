"""Looks up a file's header, and its contigs by name, md5, AN of the header, or any alias of their sequence.

Headers and contig indexes are cached in the process, up to `MAX_CACHED_BYTES` in total: reading a chromosome's index
from the database takes longer than the rest of a ticket. Cache keys include the ingest of the file, so entries are
never stale; aliases from the catalogue are looked up again after `ALIAS_SECONDS`. Callers hold a `StoredFile`, which
means that access was already decided.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import F, Q

from catalogue import access
from catalogue.access import ANONYMOUS
from catalogue.errors import AmbiguousReference, NotFound
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.models import CollectionMember, Contig
from catalogue.queries.binary import binary_rows
from catalogue.queries.cache import Cache
from catalogue.queries.files import StoredFile
from catalogue.queries.text import storable

MAX_CACHED_BYTES = 128 * 1024 * 1024
ALIAS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FileContig:
    """One contig of a file.

    `number` is its number in the file's records; `length` is in bases, None if the header has none; `md5` has 16 bytes,
    from the header or else from the linked sequence; `index` is the packed contig index, empty without records.
    """

    number: int
    name: str
    length: int | None
    md5: bytes | None
    index: bytes


# SQL, because every file that a worker has not seen needs it. Only from the same ingest as the file, as `_records`.
_BY_NAME = """
SELECT c.number, c.name, c.length, coalesce(c.md5, s.md5), c.index
  FROM catalogue_contig c
  JOIN catalogue_datafile f ON f.id = c.file_id AND f.ingested = %s
  LEFT JOIN catalogue_sequence s ON s.id = c.sequence_id
 WHERE c.file_id = %s AND md5(c.name) = ANY(%s)
 ORDER BY c.number
"""
_HEADER = "SELECT header FROM catalogue_datafile WHERE id = %s AND ingested = %s"

_cache = Cache("contigs", MAX_CACHED_BYTES)


def forget_files() -> None:
    """Empty the cache of this process."""
    _cache.clear()


def header(file: StoredFile) -> bytes:
    """Return the header of a file, ready to send. Raises NotFound if the file was removed in the meantime."""
    key = (*_state(file), "header")
    known = _cache.get(key)
    if isinstance(known, bytes):
        return known
    rows = binary_rows(_HEADER, (file.pk, file.ingested))
    if not rows:
        raise NotFound("the file is no longer registered")
    data: bytes = rows[0][0]
    _cache.put(key, data, len(data))
    return data


def contigs_by_name(file: StoredFile, names: Collection[str]) -> Mapping[str, FileContig]:
    """Return the contig of each name: a name in the file's header (SN, AN), or any alias of the same sequence.

    Raises NotFound for a name of no contig, AmbiguousReference for a name of several.
    """
    return {name: _only(file, name, contigs) for name, contigs in _meanings(file, names).items()}


def contigs_that_exist(file: StoredFile, names: Collection[str]) -> Mapping[str, FileContig]:
    """Return the contig of each name that means exactly one; leave out the other names."""
    return {name: contigs[0] for name, contigs in _meanings(file, names).items() if len(contigs) == 1}


def _meanings(file: StoredFile, names: Collection[str]) -> dict[str, list[FileContig]]:
    """Return all contigs of each name."""
    found: dict[str, list[FileContig]] = {}
    for name in dict.fromkeys(names):
        known = _cache.get((*_state(file), "name", name)) or _cache.get(_alias_key(file, name))
        found[name] = [known] if isinstance(known, FileContig) else []
    if missing := [name for name, contigs in found.items() if not contigs and storable(name)]:
        # By the md5 of the name, because the table's index is on that.
        digests = [hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in missing]
        for row in binary_rows(_BY_NAME, (file.ingested, file.pk, digests)):
            record = FileContig(*row)
            found[record.name] = [record]
            _remember(file, "name", record.name, record)
    if missing := [name for name in missing if not found[name]]:
        found |= _by_alias(file, missing)
    return found


def contigs_with_records(file: StoredFile) -> list[FileContig]:
    """Return every contig of a file with records, in the order of the header."""
    return _records(file, ~Q(index=b""))


def contigs_by_number(file: StoredFile, numbers: Collection[int]) -> dict[int, FileContig]:
    """Return the contigs with these numbers, by number; the numbers of others are left out."""
    return {contig.number: contig for contig in _records(file, Q(number__in=list(numbers)))}


def contig_md5s(file: StoredFile) -> dict[str, bytes | None]:
    """Return the md5 of every contig of a file, None where it is not known, by the contig's name and in their order."""
    rows = Contig.objects.filter(file_id=file.pk, file__ingested=file.ingested).order_by("number")
    return {
        name: _bytes(md5) or _bytes(linked)
        for name, md5, linked in rows.values_list("name", "md5", "sequence__md5")
    }


def contig_by_md5(file: StoredFile, md5: str) -> FileContig:
    """Return the contig whose sequence has this hexadecimal md5. Raises NotFound, AmbiguousReference."""
    known = _cache.get((*_state(file), "md5", md5))
    if isinstance(known, FileContig):
        return known
    digest = parse_digest(md5)
    if digest is None or digest[0] is not DigestKind.MD5:
        raise _unknown(file, md5)
    record = _only(file, md5, _records(file, Q(md5=digest[1]) | Q(md5=None, sequence__md5=digest[1])))
    _remember(file, "md5", md5, record)
    return record


def _by_alias(file: StoredFile, names: list[str]) -> dict[str, list[FileContig]]:
    """Return the contigs that have each name by AN or by an alias that the file's viewer may see."""
    numbers = _numbers_by_alias(file, names)
    records = {
        record.number: record for record in _records(file, Q(number__in=set().union(*numbers.values())))
    }
    found = {name: [records[number] for number in sorted(numbers[name])] for name in names}
    for name, contigs in found.items():
        if len(contigs) == 1:
            _cache.put(_alias_key(file, name), contigs[0], len(contigs[0].index), seconds=ALIAS_SECONDS)
    return found


def _alias_key(file: StoredFile, name: str) -> tuple[object, ...]:
    """Return the cache key of a name; it includes the viewer, because aliases may be private."""
    viewer = file.viewer if file.viewer.name is not None else ANONYMOUS
    return (*_state(file), "alias", viewer, name)


def _numbers_by_alias(file: StoredFile, names: list[str]) -> dict[str, set[int]]:
    meant: dict[str, set[int]] = {name: set() for name in names}
    of_file = Contig.objects.filter(file_id=file.pk)
    collections = access.readable_collections(file.viewer)
    aliases = access.readable_aliases(file.viewer).filter(
        Q(sequence__private=False)
        | Q(sequence__memberships__collection__in=collections)
        | Q(sequence__derivations__genome__collection__in=collections),
        name__in=names,
    )
    members = CollectionMember.objects.filter(collection__in=collections, name__in=names)
    for named in (aliases, members):
        linked = named.filter(sequence__contigs__in=of_file)
        for name, number in linked.values_list("name", "sequence__contigs__number"):
            meant[name].add(number)
    for given, number in of_file.filter(aliases__overlap=names).values_list("aliases", "number"):
        for name in meant.keys() & set(given or ()):
            meant[name].add(number)
    for name, number in _numbers_by_digest(file, names):
        meant[name].add(number)
    return meant


def _numbers_by_digest(file: StoredFile, names: list[str]) -> Iterator[tuple[str, int]]:
    """Yield the names that are digests of sequences, each with the number of its contig."""
    named: dict[tuple[DigestKind, bytes], list[str]] = {}
    for name in names:
        if digest := parse_digest(name):
            named.setdefault(digest, []).append(name)
    of_file = Contig.objects.filter(file_id=file.pk)
    for kind, column in ((DigestKind.MD5, "sequence__md5"), (DigestKind.SHA512T24U, "sequence__sha512t24u")):
        if values := [value for asked, value in named if asked is kind]:
            rows = of_file.filter(**{f"{column}__in": values}).values_list(column, "number")
            yield from ((name, number) for value, number in rows for name in named[kind, bytes(value)])


def _records(file: StoredFile, wanted: Q) -> list[FileContig]:
    # Only from the same ingest as the file: rows of a later ingest do not match it.
    rows = Contig.objects.filter(wanted, file_id=file.pk, file__ingested=file.ingested).order_by("number")
    columns = rows.values_list("number", "name", "length", "md5", F("sequence__md5"), "index")
    return [
        FileContig(number, name, length, _bytes(md5) or _bytes(sequence_md5), bytes(index))
        for number, name, length, md5, sequence_md5, index in columns
    ]


def _only(file: StoredFile, asked: str, records: list[FileContig]) -> FileContig:
    if not records:
        raise _unknown(file, asked)
    if len(records) > 1:
        raise _ambiguous(asked, len(records))
    return records[0]


def _remember(file: StoredFile, how: str, asked: str, record: FileContig) -> None:
    _cache.put((*_state(file), how, asked), record, len(record.index))


def _state(file: StoredFile) -> tuple[object, ...]:
    """Return the cache key of one ingest of a file; a later one, even of the same bytes, may have another index."""
    return file.pk, file.etag, file.ingested, file.indexed


def _unknown(file: StoredFile, asked: str) -> NotFound:
    return NotFound(f"{file.htsget_id!r} has no reference {asked!r}")


def _ambiguous(asked: str, count: int) -> AmbiguousReference:
    return AmbiguousReference(
        f"{asked!r} is a name of {count} references here; use the name that the file gives"
    )


def _bytes(value: bytes | memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)
