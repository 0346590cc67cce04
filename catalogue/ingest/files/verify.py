"""Verifies registered files: whether they are as registered, and what is missing to convert them."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import QuerySet, Sum

from catalogue.errors import CatalogueError, ObjectCorrupt, StorageError, StorageUnavailable
from catalogue.file_states import STATE_OF, note_fault, note_verified
from catalogue.formats.headers import FileFormat
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.changes import Change, Plan, record_change
from catalogue.ingest.files.checks import CheckJob, CheckReport, check_file
from catalogue.ingest.files.pool import ReaderCrashedError, in_processes
from catalogue.ingest.indexes.stored import StoredIndex
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sentences import counted, named
from catalogue.models import Contig, DataFile
from catalogue.queries.contigs import FileContig
from catalogue.queries.references import contigs_without_residues, hold_references, reference_folder
from catalogue.storage.object_ref import ObjectRef

# Files fetched from the database at a time.
_BATCH: Final = 200
_OPTIONAL: Final = (CatalogueError, OSError)


@dataclass(frozen=True, slots=True)
class VerifyFiles(Change):
    """Verify files, and set their states by what is found.

    Checks existence, size, ETag, header, EOF marker, and that the index in the catalogue fits the data; tells which
    contigs have no sequence, and which references a conversion would lack. With `deep` the whole file is read: every
    block inflates, records are in order, the index finds each. `processes` files are checked at a time, each in a
    process of its own.
    """

    files: QuerySet[DataFile]
    deep: bool = False
    processes: int = 1

    def plan(self) -> Plan:
        count = self.files.count()
        size = self.files.aggregate(size=Sum("size"))["size"] or 0
        reads = f"all {size:,} bytes of them" if self.deep else "the header, the end and samples of each"
        effects = (
            f"{counted(count, 'file')} will be checked, reading {reads}. Nothing in the storages changes.",
            "The state of each file will be set to what is found: ready, missing, changed or corrupt. Requests are"
            " answered as before.",
        )
        return Plan(f"Verify {counted(count, 'file')}", count, effects if count else ())

    def _apply(self, observer: Observer) -> IngestResult:
        result = IngestResult(total=self.files.count())
        jobs = _jobs(self.files, deep=self.deep)
        with closing(in_processes(jobs, check_file, processes=self.processes)) as checked:
            for file, report in checked:
                one = _conclude(file, report, deep=self.deep)
                result.inputs.append(one)
                observer.finished(one)
                observer.progressed("verified", len(result.inputs), result.total)
        return result


def _jobs(files: QuerySet[DataFile], *, deep: bool) -> Iterator[tuple[DataFile, CheckJob]]:
    """Yield every file with its check, in the order of ids, a batch at a time."""
    pks = list(files.order_by("htsget_id", "kind", "format").values_list("pk", flat=True))
    for start in range(0, len(pks), _BATCH):
        rows = files.select_related("dataset").defer("samples").in_bulk(pks[start : start + _BATCH])
        for pk in pks[start : start + _BATCH]:
            if (row := rows.pop(pk, None)) is not None:
                yield row, _job(row, deep=deep)


def _job(row: DataFile, *, deep: bool) -> CheckJob:
    columns = ("number", "name", "index", "mapped", "unmapped")
    contigs = list(Contig.objects.filter(file=row).order_by("number").values_list(*columns))
    index = None
    if row.index_kind:
        index = StoredIndex(
            kind=row.index_kind,
            packed={number: bytes(packed) for number, _, packed, _, _ in contigs if packed},
            counts={
                number: mapped + unmapped
                for number, _, _, mapped, unmapped in contigs
                if mapped is not None and unmapped is not None
            },
            unplaced_begin=row.unplaced_begin,
            unplaced=row.unplaced,
        )
    job = CheckJob(
        place=ObjectRef(row.storage, row.key),
        format=FileFormat(row.format),
        size=row.size,
        etag=row.etag,
        header=bytes(row.header),
        header_end=row.header_end,
        has_eof=row.has_eof,
        contigs=tuple((number, name) for number, name, _, _, _ in contigs),
        index=index,
        index_source=ObjectRef.parse(row.index_source) if row.index_source else None,
        index_etag=row.index_etag,
        index_built=row.index_built,
        deep=deep,
        references=reference_folder() if deep and row.format == FileFormat.CRAM and _holds_all(row) else None,
    )
    # The header and the indexes of the contigs are large, and wait here for their turn.
    row.header = b""
    return job


def _holds_all(row: DataFile) -> bool:
    """Put the references of a CRAM file where htslib finds them; return whether they are all there."""
    rows = Contig.objects.filter(file=row).exclude(index=b"").select_related("sequence")
    contigs: Iterable[FileContig] = (
        FileContig(one.number, one.name, one.length, _md5(one), b"") for one in rows.defer("index")
    )
    try:
        return not hold_references(contigs)
    except StorageError:
        return False


def _md5(contig: Contig) -> bytes | None:
    md5 = contig.md5 or (contig.sequence.md5 if contig.sequence else None)
    return None if md5 is None else bytes(md5)


def _conclude(file: DataFile, found: CheckReport | BaseException, *, deep: bool) -> InputResult:
    """Set the state of a file by what a check found; return its result."""
    path = (f"{file.kind}/{file.htsget_id}",)
    if isinstance(found, ReaderCrashedError):
        found = ObjectCorrupt(str(found))
    if isinstance(found, BaseException):
        if isinstance(found, StorageError) and type(found) in STATE_OF:
            with transaction.atomic():
                if note_fault(pk=file.pk, etag=file.etag, error=found):
                    _record(file, STATE_OF[type(found)])
            message = f"{STATE_OF[type(found)]}: {found}"
        else:
            expected = isinstance(found, _OPTIONAL)
            message = (
                f"not verified: {found}" if expected else f"not verified: {type(found).__name__}: {found}"
            )
        may_recover = isinstance(found, StorageUnavailable)
        return InputResult(str(file), Outcome.FAILED, message, paths=path, may_recover=may_recover)
    with transaction.atomic():
        recovered = note_verified(pk=file.pk, etag=file.etag, deep=deep)
        if recovered:
            _record(file, DataFile.State.READY)
    notes = [*found.notes, *_missing_references(file)]
    if recovered:
        notes.insert(0, f"it was {file.state}, and is ready again")
    elif file.state == DataFile.State.CORRUPT:
        notes.insert(0, "it stays corrupt until a deep verification or another ingest finds it sound")
    counts = {"bytes": file.size} if found.records is None else {"bytes": file.size, "records": found.records}
    outcome = Outcome.CHANGED if recovered else Outcome.UNCHANGED
    return InputResult(str(file), outcome, "; ".join(notes), counts, path)


def _record(file: DataFile, state: DataFile.State) -> None:
    record_change(file, "verified", datasets=[file.dataset], **{"from": file.state, "to": state.value})


def _missing_references(file: DataFile) -> list[str]:
    """Return what a file lacks for other names of its contigs, and for conversion."""
    notes = []
    unlinked = Contig.objects.filter(file=file, sequence=None)
    if names := list(unlinked.order_by("number").values_list("name", flat=True)[:6]):
        count = unlinked.count()
        notes.append(f"{counted(count, 'contig')} without a known sequence ({named(names, total=count)})")
    if file.kind == FileKind.READS:
        missing = contigs_without_residues(file.pk)
        if names := list(missing.values_list("name", flat=True)[:6]):
            count = missing.count()
            notes.append(
                f"a conversion lacks the references of {counted(count, 'contig')} ({named(names, total=count)})"
            )
    return notes
