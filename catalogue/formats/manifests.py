"""Manifests: tables of files to register, as CSV, TSV or JSON lines; lists of paths; locations of htsget-rs.

A manifest in CSV or TSV begins with the names of its columns, those of `COLUMNS` in any order; one in JSON lines has an
object a line with the same names. Empty cells are defaults. A list of paths has one a line, and `#` before comments.
The locations of htsget-rs (htsget-config, "Quickstart") are a JSON list of objects with `location` and `id` or
`prefix`, alone or as `locations` of an object.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final

from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat

MAX_CELL: Final = 4096
VISIBILITIES: Final = ("public", "registered", "controlled")
_DIGESTS: Final = {"md5": re.compile(r"[0-9a-f]{32}"), "sha256": re.compile(r"[0-9a-f]{64}")}


class ManifestForm(StrEnum):
    """The forms in which manifests are written."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One row; a column that it does not have is empty. `line` is where it begins, from 1.

    `path` is a path or `storage:key`, `index` the same of an index that does not lie beside the file. `collection`,
    `title` and `visibility` are those of the dataset. `md5` and `sha256` are hexadecimal digests of the file as stored.
    """

    line: int
    path: str
    index: str = ""
    id: str = ""
    dataset: str = ""
    format: str = ""
    collection: str = ""
    title: str = ""
    sample: str = ""
    visibility: str = ""
    md5: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A location of htsget-rs. With `exact` it is one file without its suffix, called `id`; else a folder, whose files
    have their paths as ids, those that begin with the prefix `id`.
    """

    line: int
    url: str
    id: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be used."""

    line: int
    reason: str


Item = ManifestRow | Location | Problem

#: The names of the columns, in the order in which they are written.
COLUMNS: Final = tuple(field.name for field in fields(ManifestRow) if field.name != "line")


def read_manifest(text: str) -> list[Item]:
    """Return the rows of a manifest, or its locations, and a problem for each row that cannot be used.

    Raises FormatError for a text that is none of the forms, and for a header with an unknown column.
    """
    text = text.removeprefix("\ufeff")
    begin = text.lstrip()[:1]
    if not begin:
        raise FormatError("the manifest is empty")
    if begin == "[":
        return list(_locations(_json(text, line=1)))
    if begin == "{":
        return _of_objects(text)
    header = next(line for line in text.split("\n") if line.strip())
    if "\t" in header:
        return list(_of_table(text, "\t"))
    if "," in header or header.strip() in COLUMNS:
        return list(_of_table(text, ","))
    return [
        _checked({"path": line.strip()}, number)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def write_manifest(rows: Iterable[ManifestRow], form: ManifestForm) -> Iterator[str]:
    """Yield the text of a manifest, a row at a time."""
    if form is ManifestForm.JSONL:
        for row in rows:
            cells = {name: value for name, value in asdict(row).items() if value and name != "line"}
            yield json.dumps(cells, ensure_ascii=False) + "\n"
        return
    delimiter = "\t" if form is ManifestForm.TSV else ","
    yield _line(COLUMNS, delimiter)
    for row in rows:
        yield _line([getattr(row, name) for name in COLUMNS], delimiter)


def _line(cells: Iterable[str], delimiter: str) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return written.getvalue()


def _of_table(text: str, delimiter: str) -> Iterator[Item]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    end = 0
    while True:
        line = end + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise FormatError(f"line {reader.line_num}: {error}") from error
        end = reader.line_num
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = _header(cells, line)
        elif len(cells) != len(names):
            yield Problem(line, f"it has {len(cells)} cells, and the header {len(names)}")
        else:
            yield _checked(dict(zip(names, cells, strict=True)), line)


def _header(cells: list[str], line: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    if unknown := [name for name in names if name not in COLUMNS]:
        raise FormatError(f"line {line}: unknown column {unknown[0]!r}; there are {', '.join(COLUMNS)}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise FormatError(f"line {line}: the column {twice[0]} is there twice")
    if "path" not in names:
        raise FormatError(f"line {line}: there is no column path")
    return names


def _of_objects(text: str) -> list[Item]:
    """Read JSON lines, or one object over several lines, which then has the locations of htsget-rs."""
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and "locations" in whole:
        return list(_locations(whole["locations"]))
    items: list[Item] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            items.append(_of_object(line, number))
    return items


def _of_object(line: str, number: int) -> Item:
    found = _json(line, line=number)
    if not isinstance(found, dict):
        return Problem(number, "expected a JSON object with the names of columns")
    if unknown := [name for name in found if name not in COLUMNS]:
        raise FormatError(f"line {number}: unknown column {unknown[0]!r}; there are {', '.join(COLUMNS)}")
    if odd := [name for name, value in found.items() if not isinstance(value, str | None)]:
        return Problem(number, f"the value of {odd[0]} is not a string")
    return _checked({name: value or "" for name, value in found.items()}, number)


def _checked(cells: Mapping[str, str], line: int) -> Item:
    row = ManifestRow(line=line, **{"path": "", **{name: cell.strip() for name, cell in cells.items()}})
    if not row.path:
        return Problem(line, "it names no path")
    for name in COLUMNS:
        if len(getattr(row, name)) > MAX_CELL:
            return Problem(line, f"its {name} is longer than {MAX_CELL} characters")
    if row.format and row.format not in set(FileFormat):
        return Problem(line, f"unknown format {row.format!r}; there are {', '.join(FileFormat)}")
    if row.visibility and row.visibility not in VISIBILITIES:
        return Problem(line, f"unknown visibility {row.visibility!r}; there are {', '.join(VISIBILITIES)}")
    for name, form in _DIGESTS.items():
        value = getattr(row, name)
        if value and not form.fullmatch(value):
            return Problem(line, f"its {name} is not one in hexadecimal digits of lower case")
    return row


def _locations(found: Any) -> Iterator[Item]:
    entries = found if isinstance(found, list) else [found]
    for number, entry in enumerate(entries, start=1):
        entry = {"location": entry} if isinstance(entry, str) else entry
        url = entry.get("location") if isinstance(entry, dict) else None
        if not isinstance(url, str) or not re.match(r"(file|s3)://.", url):
            yield Problem(number, 'expected an object with a "location" of file:// or s3://')
            continue
        exact = isinstance(entry.get("id"), str)
        name = entry.get("id") if exact else entry.get("prefix", "")
        if not isinstance(name, str) or entry.keys() - {"location", "id", "prefix"}:
            yield Problem(number, 'expected "location" with "id" or "prefix", and nothing else')
        else:
            yield Location(number, url, name, exact)


def _json(text: str, *, line: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        at = getattr(error, "lineno", 1) + line - 1
        raise FormatError(f"line {at}: this is not JSON: {getattr(error, 'msg', error)}") from error
