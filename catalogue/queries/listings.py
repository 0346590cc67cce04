"""Lists what the catalogue holds in pages, for programs: each list filtered for the viewer, ordered, one page a call.

A page ends with a cursor, which holds the order and where the page ended, so that each page is found by an index.
"""

import base64
import json
from collections.abc import Sequence as Values
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import CatalogueError, NotFound
from catalogue.models import DataFile, Dataset
from catalogue.models.text_search import MIN_PART
from catalogue.queries.datasets import files_with_trigrams, with_part_in_files
from catalogue.queries.file_details import ListedContig, listed_contigs
from catalogue.queries.file_search import FileFilter, FilterRefusedError, matching_files
from catalogue.queries.files import find_file
from catalogue.queries.text import storable

Item = TypeVar("Item")

_MAX_BIGINT: Final = 2**63 - 1


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


def dataset_page(asked: Asked, *, q: str = "", visibility: str = "") -> Page:
    """Return datasets; `q` is a part of the name, title or description."""
    rows = access.listed_datasets(asked.viewer).select_related("collection")
    if q:
        check_text(q)
        rows = rows.filter(Q(slug__icontains=q) | Q(title__icontains=q) | Q(description__icontains=q))
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
    """Return files that match a filter; looks for its `text` in ids and samples only. Raises FilterRefusedError."""
    files = access.listed_files(asked.viewer)
    for part in wanted.text.split():
        check_text(part)
        # The search index also covers the locations of files, which not every viewer may see.
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


def contig_page(asked: Asked, *, file: str, q: str = "") -> Page:
    """Return the contigs of a file in the order of its header; `q` is a part of their names. Raises NotFound."""
    row = one_file(file, viewer=asked.viewer)
    after = position_of(asked, int)
    stored = find_file(viewer=asked.viewer, kind=row.kind, htsget_id=row.htsget_id, format=row.format)  # type: ignore[arg-type]
    found: list[ListedContig] = listed_contigs(stored, count=asked.limit + 1, text=q, after=after)
    rows = found[: asked.limit]
    return Page(rows, cursor_of(asked, rows[-1].number) if len(found) > asked.limit else None)


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
    return Page(shown, cursor_of(asked, value, shown[-1].pk))


def _place(asked: Asked, model: type[Model], field: str) -> tuple[Any, int]:
    position = _decoded(asked)
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


def cursor_of(asked: Asked, *position: Any) -> str:
    """Return the cursor of a page in this order that ends at a position."""
    text = json.dumps([asked.order, *position])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(asked: Asked, kind: type[Item]) -> Item | None:
    """Return where the page before ended, of a list whose position is one value; None for the first page."""
    if not asked.after:
        return None
    (value, *more) = _decoded(asked)
    if type(value) is not kind or more or not storable(str(value)):
        raise CursorRefusedError(_CURSOR)
    return value


def _decoded(asked: Asked) -> list[Any]:
    try:
        position = json.loads(base64.urlsafe_b64decode(asked.after + "=" * (-len(asked.after) % 4)))
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, list) or position[:1] != [asked.order] or len(position) < 2:
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
