"""Lists what the catalogue holds in pages, for programs: each list filtered for the viewer, ordered, one page a call.

A page ends with a cursor, which holds the order and where the page ended, so that each page is found by an index.
"""

import base64
import json
from collections.abc import Sequence as Values
from dataclasses import replace
from typing import Any, Final, NamedTuple

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection
from django.db.models import Model, Q, QuerySet

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import CatalogueError, NotFound
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.models import (
    CollectionMember,
    DataFile,
    Dataset,
    DerivedSequence,
    NamingAuthority,
    Sequence,
)
from catalogue.models.text_search import MIN_PART
from catalogue.queries.datasets import files_with_trigrams, with_part_in_files
from catalogue.queries.file_details import ListedContig, listed_contigs
from catalogue.queries.file_search import FileFilter, FilterRefusedError, matching_files
from catalogue.queries.files import find_file
from catalogue.queries.text import storable

_MAX_BIGINT: Final = 2**63 - 1
_SAMPLES: Final = (
    "SELECT sample, count(*) FROM ({files}) AS file, unnest(file.samples) AS sample "
    'WHERE sample COLLATE "C" > %s GROUP BY sample ORDER BY sample COLLATE "C" LIMIT %s'
)


class CursorRefusedError(CatalogueError):
    """A cursor that no page of this list, in this order, ended with."""


class Asked(NamedTuple):
    """Which page: the order (`-` first for descending), where the page before ended, how many rows, and for whom."""

    order: str
    after: str
    limit: int
    viewer: Viewer


class Page(NamedTuple):
    """The rows of one page, and the cursor for the next page, None where this is the last."""

    rows: Values[Any]
    next: str | None


class SampleCount(NamedTuple):
    """A sample, and the number of files that hold it."""

    name: str
    files: int


def dataset_page(asked: Asked, *, text: str = "", visibility: str = "") -> Page:
    """Return datasets; `text` is in the name, title or description."""
    rows = access.listed_datasets(asked.viewer).select_related("collection")
    if text:
        check_text(text)
        rows = rows.filter(
            Q(slug__icontains=text) | Q(title__icontains=text) | Q(description__icontains=text)
        )
    if visibility:
        rows = rows.filter(visibility=visibility)
    return _with_collections(page_of(rows, asked), asked.viewer)


def one_dataset(slug: str, *, viewer: Viewer) -> Dataset:
    """Return a dataset. Raises NotFound."""
    rows = access.listed_datasets(viewer).select_related("collection")
    found = rows.filter(slug=slug) if storable(slug) else rows.none()
    one: Dataset = only(found, f"no dataset has the name {slug!r}")
    _with_collections(Page([one], None), viewer)
    return one


def files_page(asked: Asked, wanted: FileFilter) -> Page:
    """Return files that match a filter, whose `text` is only in ids and samples. Raises FilterRefusedError."""
    files = access.listed_files(asked.viewer)
    for part in wanted.text.split():
        check_text(part)
        # The text that the index is of tells where files lie, which is not for everybody.
        files = with_part_in_files(files, part)
        if len(part) < MIN_PART:
            files = matching_files(FileFilter(text=part), within=files)
        elif (candidates := files_with_trigrams(part)) is not None:
            files = files.filter(pk__in=candidates)
    files = matching_files(replace(wanted, text=""), within=files, viewer=asked.viewer)
    return page_of(files.select_related("dataset").defer("header"), asked)


def one_file(number: str, *, viewer: Viewer) -> DataFile:
    """Return a file by its number. Raises NotFound."""
    files = access.listed_files(viewer).select_related("dataset").defer("header")
    file: DataFile = only(files.filter(pk=number_of(number)), f"no file has the number {number}")
    return file


def contig_page(asked: Asked, *, file: str, text: str = "") -> Page:
    """Return the contigs of a file in the order of its header; `text` is part of their names. Raises NotFound."""
    row = one_file(file, viewer=asked.viewer)
    after = _decoded(asked.after, ["number"])[0] if asked.after else None
    if after is not None and not isinstance(after, int):
        raise CursorRefusedError(_CURSOR)
    stored = find_file(viewer=asked.viewer, kind=row.kind, htsget_id=row.htsget_id, format=row.format)  # type: ignore[arg-type]
    found: list[ListedContig] = listed_contigs(stored, count=asked.limit + 1, text=text, after=after)
    rows = found[: asked.limit]
    return Page(rows, _encoded(["number"], [rows[-1].number]) if len(found) > asked.limit else None)


def sample_page(asked: Asked, *, dataset: str = "") -> Page:
    """Return the samples of the files that the viewer may know of, with the number of files of each."""
    wanted = FileFilter(datasets=[dataset] if dataset else [])
    files = matching_files(wanted, within=access.readable_files(asked.viewer), viewer=asked.viewer)
    after = _decoded(asked.after, ["name"])[0] if asked.after else ""
    if not isinstance(after, str) or not storable(after):
        raise CursorRefusedError(_CURSOR)
    try:
        sql, parameters = files.order_by().values("samples").query.sql_with_params()
    except EmptyResultSet:
        return Page([], None)
    with connection.cursor() as cursor:
        # The text is Django's own, with places for the parameters.
        cursor.execute(_SAMPLES.format(files=sql), [*parameters, after, asked.limit + 1])
        found = [SampleCount(*row) for row in cursor.fetchall()]
    rows = found[: asked.limit]
    return Page(rows, _encoded(["name"], [rows[-1].name]) if len(found) > asked.limit else None)


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


def _with_collections(page: Page, viewer: Viewer) -> Page:
    """Take the collections from datasets whose collection the viewer may not read."""
    keys = {row.collection_id for row in page.rows if row.collection_id is not None}
    readable = set(
        access.readable_collections(viewer).filter(pk__in=keys).values_list("pk", flat=True) if keys else ()
    )
    for row in page.rows:
        if row.collection_id not in readable:
            row.collection = None
    return page


def page_of(rows: QuerySet[Any], asked: Asked) -> Page:
    """Return a page of rows in an order of one column, and of primary keys where it is equal."""
    field, down = asked.order.removeprefix("-"), asked.order.startswith("-")
    sign, side = ("-", "lt") if down else ("", "gt")
    if asked.after:
        value, key = _place(asked, rows.model, field)
        later = Q(**{f"{field}__{side}": value}) | Q(**{field: value, f"pk__{side}": key})
        # The second condition is that of the index.
        rows = rows.filter(later, **{f"{field}__{side}e": value})
    found = list(rows.order_by(f"{sign}{field}", f"{sign}pk")[: asked.limit + 1])
    shown = found[: asked.limit]
    if len(found) <= asked.limit:
        return Page(shown, None)
    value = rows.model._meta.get_field(field).value_to_string(shown[-1])
    return Page(shown, _encoded([asked.order], [value, shown[-1].pk]))


def _place(asked: Asked, model: type[Model], field: str) -> tuple[Any, int]:
    position = _decoded(asked.after, [asked.order])
    try:
        value, key = position
        if not isinstance(value, str) or not storable(value) or not isinstance(key, int):
            raise CursorRefusedError(_CURSOR)
        read = model._meta.get_field(field).to_python(value)  # type: ignore[union-attr]
    except (ValueError, ValidationError, OverflowError):
        raise CursorRefusedError(_CURSOR) from None
    if read is None or max(abs(key), abs(read) if isinstance(read, int) else 0) > _MAX_BIGINT:
        raise CursorRefusedError(_CURSOR)
    return read, key


_CURSOR: Final = "this cursor is of no page of this list in this order; begin again without it"


def _encoded(order: list[str], position: list[Any]) -> str:
    text = json.dumps([*order, *position])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str, order: list[str]) -> list[Any]:
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, list) or position[:1] != order or len(position) < 2:
        raise CursorRefusedError(_CURSOR)
    return position[1:]


def number_of(text: str) -> int:
    """Return a primary key; 0, which no row has, for text that is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def check_text(text: str) -> None:
    """Raise FilterRefusedError for text that no column can hold."""
    if not storable(text):
        raise FilterRefusedError("a filter holds neither NUL nor half of a surrogate pair")


def only(rows: QuerySet[Any], unknown: str) -> Any:
    """Return the only row. Raises NotFound."""
    if (row := rows.first()) is None:
        raise NotFound(unknown)
    return row
