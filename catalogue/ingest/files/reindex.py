"""Reads or builds the index of registered files again."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from django.db.models import QuerySet, Sum

from catalogue.errors import CatalogueError, ObjectChanged, StorageUnavailable
from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.changes import Change, ChangeRefusedError, Plan, change_one, record_change
from catalogue.ingest.files.indexing import ReadJob, open_file
from catalogue.ingest.files.pool import ReaderCrashedError, in_processes
from catalogue.ingest.files.reader import FileReading, read_open_file
from catalogue.ingest.files.rows import Register, discard_made
from catalogue.ingest.files.selection import EXPECTED
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sentences import counted
from catalogue.models import DataFile
from catalogue.storage import ObjectStat
from catalogue.storage.object_ref import ObjectRef

# Files fetched from the database at a time.
_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class ReindexJob:
    """A registered file to index again; `origin` is what a copy was made from, in the state `origin_etag`."""

    place: ObjectRef
    origin: ObjectRef | None
    origin_etag: str
    format: FileFormat
    kind: FileKind
    size: int
    etag: str
    build: bool


@dataclass(frozen=True, slots=True)
class ReindexFiles(Change):
    """Read the index that lies next to each file again, or build one where there is none; with `build`, always build.

    Building reads all of the file. The file has to be the registered one: ingest it again if it changed. What a steward
    chose for its contigs stays.
    """

    files: QuerySet[DataFile]
    build: bool = False
    processes: int = 1

    def plan(self) -> Plan:
        count = self.files.count()
        size = self.files.aggregate(size=Sum("size"))["size"] or 0
        if self.build:
            how = f"An index will be built for {counted(count, 'file')}, which reads all {size:,} bytes of them."
        else:
            how = (
                f"The index next to each of {counted(count, 'file')} will be read again; where there is none,"
                " one will be built, which reads all of the file."
            )
        effects = (
            how,
            "Files, ids and grants stay as they are; requests are answered by the old index until then.",
        )
        return Plan(f"Index {counted(count, 'file')} again", count, effects if count else ())

    def _apply(self, observer: Observer) -> IngestResult:
        result = IngestResult(total=self.files.count())
        jobs = ((row, _job(row, build=self.build)) for row in self._rows())
        with closing(in_processes(jobs, read_again, processes=self.processes)) as readings:
            for row, reading in readings:
                one = self._conclude(row, reading)
                if one is not None:
                    result.inputs.append(one)
                    observer.finished(one)
                observer.progressed("indexed", len(result.inputs), result.total)
        return result

    def _rows(self) -> Iterator[DataFile]:
        pks = list(self.files.order_by("htsget_id", "kind", "format").values_list("pk", flat=True))
        for start in range(0, len(pks), _BATCH):
            rows = self.files.defer("header", "samples").in_bulk(pks[start : start + _BATCH])
            yield from (rows[pk] for pk in pks[start : start + _BATCH] if pk in rows)

    def _conclude(self, row: DataFile, reading: FileReading | BaseException) -> InputResult | None:
        if isinstance(reading, FileReading):
            one = change_one(self.files, row.pk, lambda file: _register(file, row.etag, reading))
            if one is None or one.failed:
                discard_made(reading)
            return one
        expected = isinstance(reading, (*EXPECTED, ReaderCrashedError))
        reason = str(reading) if expected else f"{type(reading).__name__}: {reading}"
        message, may_recover = f"its index stays as it was: {reason}", isinstance(reading, StorageUnavailable)
        return InputResult(str(row), Outcome.FAILED, message, may_recover=may_recover)


def _job(row: DataFile, *, build: bool) -> ReindexJob:
    return ReindexJob(
        place=ObjectRef(row.storage, row.key),
        origin=ObjectRef.parse(row.source) if row.source else None,
        origin_etag=row.source_etag,
        format=FileFormat(row.format),
        kind=FileKind(row.kind),
        size=row.size,
        etag=row.etag,
        build=build,
    )


def read_again(job: ReindexJob) -> FileReading:
    """Read the header and an index of a registered file, in any process. Raises CatalogueError, `FormatError`."""
    stat = job.place.stat()
    if (stat.size, stat.etag) != (job.size, job.etag):
        raise ObjectChanged("the stored object is not the registered one; ingest it again")
    origin = job.origin or job.place
    reading = read_open_file(
        open_file(job.place, stat, job.format),
        ReadJob(source=origin, kind=job.kind, fetch_for_index=True, build_always=job.build),
        source_stat=_origin_stat(job, stat),
    )
    job.place.verify_unchanged(stat)
    if reading.index is None:
        raise FormatError("no index was found or built")
    return replace(reading, source_stat=replace(stat, etag=job.origin_etag)) if job.origin else reading


def _origin_stat(job: ReindexJob, stat: ObjectStat) -> ObjectStat:
    """Return the state of what a copy was made from, which may be out of reach by now; else that of the copy."""
    try:
        return (job.origin.stat_or_none() if job.origin else None) or stat
    except (CatalogueError, OSError):
        return stat


def _register(file: DataFile, etag: str, reading: FileReading) -> InputResult:
    if file.etag != etag:
        raise ChangeRefusedError("it was ingested again in the meantime, with its index")
    before = file.index_source
    registered = Register(file.dataset).add(reading, htsget_id=file.htsget_id, replace=True)
    source = reading.index_source
    built = source is not None and source.built
    detail = {"from": before, "to": str(source.place) if source else "", "built": built}
    record_change(file, "indexed", datasets=[file.dataset], **detail)
    notes = "; ".join((*reading.warnings, *registered.warnings))
    counts = {"contigs": registered.counts["contigs"], "built": int(built)}
    return InputResult(str(file), Outcome.CHANGED, notes, counts, (f"{file.kind}/{file.htsget_id}",))
