"""Decides what to do with each file found: read it, or skip it because it is registered unchanged."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.core.exceptions import SuspiciousFileOperation

from catalogue.errors import CatalogueError
from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat
from catalogue.ingest.files.discovery import FoundFile
from catalogue.ingest.files.indexing import ReadJob, find_index
from catalogue.ingest.files.options import FilesOptions
from catalogue.ingest.files.reader import sniff_kind
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.models import DataFile
from catalogue.storage import ObjectStat
from catalogue.storage.object_ref import ObjectRef

#: Errors that a file may cause; any other is a bug.
EXPECTED: Final = (CatalogueError, FormatError, OSError, SuspiciousFileOperation)

# Files checked concurrently before any is read; each only waits for the storage.
_PARALLEL: Final = 8
# Ids per query.
_MAX_IDS: Final = 5000

#: What to do with a file: read it, skip it (its row), or report why it cannot be read.
Decision = ReadJob | DataFile | BaseException


def without_rivals(
    found: Iterable[FoundFile], options: FilesOptions
) -> tuple[list[FoundFile], list[InputResult]]:
    """Return the files with unique id and format, and a failed result for each of the others."""
    by_id: defaultdict[str, list[FoundFile]] = defaultdict(list)
    for one in found:
        by_id[one.htsget_id].append(one)
    distinct: list[FoundFile] = []
    failed: list[InputResult] = []
    for htsget_id, alike in by_id.items():
        by_format: defaultdict[FileFormat | FoundFile, list[FoundFile]] = defaultdict(list)
        for one in alike:
            by_format[_format(one, options) or one if len(alike) > 1 else one].append(one)
        for format, rivals in by_format.items():
            if len(rivals) == 1:
                distinct += rivals
                continue
            for one in rivals:
                others = ", ".join(other.source for other in rivals if other is not one)
                message = f"it would have the same id ({htsget_id}, {format}) as {others}"
                failed.append(InputResult(one.source, Outcome.FAILED, message))
    return distinct, failed


def decide(
    found: Sequence[FoundFile], options: FilesOptions, dataset: int | None
) -> list[tuple[FoundFile, Decision]]:
    """Return each file with its decision; `dataset` is the primary key of the dataset, None for a new one."""
    # Files of many samples take much room, and are seldom compared by them.
    deferred = ("header",) if any(one.stated.sample for one in found) else ("header", "samples")
    rows = _rows([one.htsget_id for one in found], options, deferred)

    def look(one: FoundFile) -> Decision:
        try:
            for row in rows.get(one.htsget_id, ()):
                if row.dataset_id == dataset and _is_unchanged(one, row, options):
                    return row
            return _job(one, options)
        except EXPECTED as error:
            return error

    # The threads must end before a process is forked.
    with ThreadPoolExecutor(_PARALLEL) as threads:
        return list(zip(found, threads.map(look, found), strict=True))


def known_ids(ids: Sequence[str], dataset: int | None) -> set[str]:
    """Return which of the ids files of a dataset have already."""
    known: set[str] = set()
    for start in range(0, len(ids) if dataset else 0, _MAX_IDS):
        some = DataFile.objects.filter(dataset=dataset, htsget_id__in=ids[start : start + _MAX_IDS])
        known.update(some.values_list("htsget_id", flat=True))
    return known


def _format(one: FoundFile, options: FilesOptions) -> FileFormat | None:
    try:
        return sniff_kind(one.ref.reader(one.ref.stat()), options.kind)
    except EXPECTED:
        return None  # reported when it is read


def _rows(ids: Sequence[str], options: FilesOptions, deferred: Sequence[str]) -> Mapping[str, list[DataFile]]:
    rows: defaultdict[str, list[DataFile]] = defaultdict(list)
    for start in range(0, len(ids), _MAX_IDS):
        some = DataFile.objects.filter(kind=options.kind, htsget_id__in=ids[start : start + _MAX_IDS])
        for row in some.defer(*deferred):
            rows[row.htsget_id].append(row)
    return rows


def _is_unchanged(one: FoundFile, row: DataFile, options: FilesOptions) -> bool:
    """Return whether reading the file again could tell nothing that the row does not hold."""
    copied = options.copy_to is not None
    if str(one.ref) != (row.source if copied else str(ObjectRef(row.storage, row.key))):
        return False
    stat = one.ref.stat()
    return (
        (stat.size, stat.etag) == (row.size, row.source_etag if copied else row.etag)
        and row.state != DataFile.State.CORRUPT
        and _agrees(one, row)
        and _has_same_index(one, row, stat, options)
        and (not copied or _copy_exists(row, options))
    )


def _agrees(one: FoundFile, row: DataFile) -> bool:
    """Return whether the row has what is stated about the file. Digests were checked when the file was read."""
    stated = one.stated
    return stated.format in (None, row.format) and (not stated.sample or stated.sample in row.samples)


def _has_same_index(one: FoundFile, row: DataFile, stat: ObjectStat, options: FilesOptions) -> bool:
    found = find_index(
        one.ref,
        one.links,
        FileFormat(row.format),
        modified=stat.modified,
        stated=one.stated.index,
        beside=one.beside,
    )
    if found is None:
        return bool(row.index_kind) or not options.builds_index_of(one.ref)
    return (str(found[0]), found[1].etag) == (row.index_source, row.index_etag)


def _copy_exists(row: DataFile, options: FilesOptions) -> bool:
    stat = ObjectRef(row.storage, row.key).stat_or_none()
    return row.storage == options.copy_to and stat is not None and stat.etag == row.etag


def _job(one: FoundFile, options: FilesOptions) -> ReadJob:
    return ReadJob(
        source=one.ref,
        kind=options.kind,
        links=one.links,
        copy_to=options.copy_to,
        build_index=options.build_index,
        fetch_for_index=options.fetch_for_index,
        dry_run=options.dry_run,
        stated=one.stated,
        beside=one.beside,
    )
