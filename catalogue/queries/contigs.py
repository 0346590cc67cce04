"""Looks up a file's header, and its contigs by name, md5, AN of the header, or any alias of their sequence.

Of a contig index with pages only the head comes with the contig; `with_pages` reads the pages that a request needs.
Headers, contigs and pages are cached in the process, up to `MAX_CACHED_BYTES` in total. Cache keys include the ingest
of the file, so entries are never stale; aliases from the catalogue are looked up again after `ALIAS_SECONDS`. Callers
hold a `StoredFile`, which means that access was already decided.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from catalogue import access
from catalogue.access import ANONYMOUS
from catalogue.errors import AmbiguousReference, NotFound
from catalogue.formats import binning_pages, crai
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.formats.index_pages import FIRST_READ, MAGIC, Directory, read_directory
from catalogue.formats.intervals import ByteRange, Region
from catalogue.formats.registry import SPECS
from catalogue.formats.spec import Structure
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
    from the header or else from the linked sequence; `index` is the packed contig index, empty without records. Of an
    index with pages it is the directory and the head, until `with_pages` adds some.
    """

    number: int
    name: str
    length: int | None
    md5: bytes | None
    index: bytes


# SQL, because every file that a worker has not seen needs it. Only from the same ingest as the file: rows of a later
# one do not match it.
_SELECT = """
SELECT c.number, c.name, c.length, coalesce(c.md5, s.md5), {index}
  FROM catalogue_contig c
  JOIN catalogue_datafile f ON f.id = c.file_id AND f.ingested = %s
  LEFT JOIN catalogue_sequence s ON s.id = c.sequence_id
 WHERE c.file_id = %s AND {{wanted}}
 ORDER BY c.number
"""
# Other indexes than those with pages are short, or were registered before there were pages.
_PAGED = f"substring(c.index FOR 4) = '\\x{MAGIC.hex()}'"
_BEGIN = f"CASE WHEN {_PAGED} THEN substring(c.index FOR {FIRST_READ}) ELSE c.index END"
_WITH_BEGIN = _SELECT.format(index=_BEGIN)
# With the header of the file, which saves the first ticket of a file a statement.
_BY_NAME = _SELECT.format(index=f"{_BEGIN}, CASE WHEN %s THEN f.header END").format(
    wanted="md5(c.name) = ANY(%s)"
)
_BY_NUMBER = _WITH_BEGIN.format(wanted="c.number = ANY(%s)")
_BY_MD5 = _WITH_BEGIN.format(wanted="coalesce(c.md5, s.md5) = %s")
_FIRST_WITH_RECORDS = _WITH_BEGIN.format(wanted="c.index <> ''") + " LIMIT 1"
_WITH_RECORDS = _SELECT.format(index="c.index").format(wanted="c.index <> ''")
_PIECES = """
SELECT piece.contig, piece.page, substring(c.index FROM piece.first + 1 FOR piece.length)
  FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[]) AS piece (contig, page, first, length)
  JOIN catalogue_contig c ON c.file_id = %s AND c.number = piece.contig
  JOIN catalogue_datafile f ON f.id = c.file_id AND f.ingested = %s
"""
_FILE_HEADER = "SELECT header FROM catalogue_datafile WHERE id = %s AND ingested = %s"

# Stands for the head of an index where pages are numbered.
_HEAD = -1

_cache = Cache("contigs", MAX_CACHED_BYTES)


def forget_files() -> None:
    """Empty the cache of this process."""
    _cache.clear()


def header(file: StoredFile) -> bytes:
    """Return the header of a file, ready to send. Raises NotFound if the file was removed in the meantime."""
    if (known := _known_header(file)) is not None:
        return known
    rows = binary_rows(_FILE_HEADER, (file.pk, file.ingested))
    if not rows:
        raise NotFound("the file is no longer registered")
    return _remember_header(file, rows[0][0])


def _known_header(file: StoredFile) -> bytes | None:
    known = _cache.get((*_state(file), "header"))
    return known if isinstance(known, bytes) else None


def _remember_header(file: StoredFile, data: bytes) -> bytes:
    _cache.put((*_state(file), "header"), data, len(data))
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
        with_header = len(missing) == 1 and _known_header(file) is None
        for *row, header_of_file in binary_rows(_BY_NAME, (with_header, file.ingested, file.pk, digests)):
            if header_of_file is not None:
                _remember_header(file, header_of_file)
            record = _contig(row)
            found[record.name] = [record]
            _remember(file, "name", record.name, record)
    if missing := [name for name in missing if not found[name]]:
        found |= _by_alias(file, missing)
    return found


def contigs_with_records(file: StoredFile) -> list[FileContig]:
    """Return every contig of a file with records, in the order of the header, with all of their indexes."""
    return [FileContig(*row) for row in binary_rows(_WITH_RECORDS, (file.ingested, file.pk))]


def first_contig_with_records(file: StoredFile) -> FileContig | None:
    """Return the first contig of a file with records, None where there is none."""
    rows = binary_rows(_FIRST_WITH_RECORDS, (file.ingested, file.pk))
    return _contig(rows[0]) if rows else None


def contigs_by_number(file: StoredFile, numbers: Collection[int]) -> dict[int, FileContig]:
    """Return the contigs that have these numbers, by number; leave out numbers that no contig has."""
    return {contig.number: contig for contig in _found(file, _BY_NUMBER, list(numbers))}


def with_pages(
    file: StoredFile, contigs: Mapping[int, FileContig], regions: Iterable[Region], *, every: bool
) -> Mapping[int, FileContig]:
    """Return contigs, by number, with as much of their indexes as queries of the regions need.

    Those are the pages at the edges of each region, or `every` page of it, which tells where each of its records lies.
    Raises NotFound if the file was removed in the meantime, `FormatError` for a damaged index.
    """
    directories = {
        number: directory
        for number, contig in contigs.items()
        if (directory := read_directory(contig.index)) and len(contig.index) < directory.bounds[-1]
    }
    wanted: dict[int, set[int]] = {number: set() for number in directories}
    for region in regions:
        if (directory := directories.get(region.contig)) is not None:
            pages = directory.covering if every else directory.edges
            wanted[region.contig].update(pages(region.start, region.end))
    found = _pages(file, contigs, directories, wanted)
    return {
        **contigs,
        **{
            number: replace(contigs[number], index=_joined(file, directory, found[number]))
            for number, directory in directories.items()
        },
    }


def _pages(
    file: StoredFile,
    contigs: Mapping[int, FileContig],
    directories: Mapping[int, Directory],
    wanted: Mapping[int, Collection[int]],
) -> dict[int, dict[int, bytes]]:
    """Return the wanted pages of each contig by their numbers, with the head as `_HEAD`."""
    found: dict[int, dict[int, bytes]] = {}
    missing: list[tuple[int, int, ByteRange]] = []
    for number, directory in directories.items():
        head = directory.head
        pieces = {page: directory.page(page) for page in wanted[number]}
        found[number] = {}
        if len(contigs[number].index) >= head.end:
            found[number][_HEAD] = contigs[number].index[head.begin :]
        else:
            pieces[_HEAD] = head
        for page, where in pieces.items():
            known = _cache.get((*_state(file), "page", number, page))
            if isinstance(known, bytes):
                found[number][page] = known
            else:
                missing.append((number, page, where))
    if missing:
        numbers, pages, places = zip(*missing, strict=True)
        columns = (
            list(numbers),
            list(pages),
            [each.begin for each in places],
            [each.length for each in places],
        )
        rows = binary_rows(_PIECES, (*columns, file.pk, file.ingested))
        if len(rows) < len(missing):
            raise NotFound("the file is no longer registered")
        for number, page, data in rows:
            found[number][page] = data
            _cache.put((*_state(file), "page", number, page), data, len(data))
    return found


def _joined(file: StoredFile, directory: Directory, pages: dict[int, bytes]) -> bytes:
    """Return a packed index of some pages and the head."""
    head = pages.pop(_HEAD)
    if SPECS[file.format].structure is Structure.CRAM:
        return crai.join_pages(head, pages, shift=directory.shift)
    return binning_pages.join_pages(head, pages)


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
    record = _only(file, md5, _found(file, _BY_MD5, digest[1]))
    _remember(file, "md5", md5, record)
    return record


def _by_alias(file: StoredFile, names: list[str]) -> dict[str, list[FileContig]]:
    """Return the contigs that have each name by AN or by an alias that the file's viewer may see."""
    numbers = _numbers_by_alias(file, names)
    records = contigs_by_number(file, set().union(*numbers.values()))
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


def _found(file: StoredFile, query: str, wanted: object) -> list[FileContig]:
    return [_contig(row) for row in binary_rows(query, (file.ingested, file.pk, wanted))]


def _contig(row: Sequence[Any]) -> FileContig:
    """Return a contig of a row of `_WITH_BEGIN`, without what of its index follows the head."""
    contig = FileContig(*row)
    directory = read_directory(contig.index)
    return contig if directory is None else replace(contig, index=contig.index[: directory.head.end])


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
