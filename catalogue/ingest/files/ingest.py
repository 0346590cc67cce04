"""Registers reads and variants, for `ingest_bam` and `ingest_vcf`.

Reads several files at a time and registers those that were read meanwhile in one transaction, or, where that fails,
each in its own. Running an ingest again skips unchanged files: a file with the registered size and ETag is not read.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from django.db import DatabaseError

from catalogue.errors import CatalogueError, ObjectMissing, StorageUnavailable
from catalogue.file_states import note_recovery
from catalogue.ingest.files.collection_choice import with_collection
from catalogue.ingest.files.contig_links import link_contigs
from catalogue.ingest.files.dataset import save_dataset
from catalogue.ingest.files.discovery import FoundFile, find_files
from catalogue.ingest.files.indexing import ReadJob
from catalogue.ingest.files.options import COMMANDS, FilesOptions
from catalogue.ingest.files.pool import ReaderCrashedError, read_files
from catalogue.ingest.files.reader import FileReading, WrongKindError
from catalogue.ingest.files.rows import Register, Registered, discard_made
from catalogue.ingest.files.selection import EXPECTED, decide, without_rivals
from catalogue.ingest.outcomes import OF_INGESTS, IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.runs import MAX_RECORDED, Run, ingest_run
from catalogue.ingest.sources import printable
from catalogue.ingest.transactions import retry_on_deadlock, write_transaction
from catalogue.models import DataFile, Dataset
from catalogue.models.violations import reason_of
from catalogue.storage import storage


@dataclass(frozen=True, slots=True)
class _Job:
    """The state that all files of one ingest share."""

    options: FilesOptions
    register: Register
    run: Run
    observer: Observer
    result: IngestResult

    def finish(self, result: InputResult, *, recorded: bool = False) -> None:
        """Add the result of one input; record it with the run unless its transaction did."""
        if not recorded:
            self.run.record(result)
        self.result.inputs.append(result)
        self.observer.finished(result)
        self.observer.progressed(self.options.dataset.slug, len(self.result.inputs), self.result.total)


def ingest_files(arguments: Sequence[str], *, options: FilesOptions, observer: Observer) -> IngestResult:
    """Register the files that the arguments name; a file that fails does not stop the others.

    Raises DatasetRefusedError and StorageMisconfigured before reading any file.
    """
    dataset = _checked_dataset(options)
    result = IngestResult()
    register = Register(dataset)
    files = [printable(argument) for argument in arguments[:MAX_RECORDED]]
    command = COMMANDS[options.kind]
    with ingest_run(command, {**options.recorded(), "files": files}, dry_run=options.dry_run) as run:
        result.run = run.pk
        job = _Job(options, register, run, observer, result)
        distinct, refused = plan_files(arguments, options=options)
        result.total = len(distinct) + len(refused)
        for failed in refused:
            job.finish(failed)
        _ingest_found(distinct, job)
        if not register.is_unsaved and not options.dry_run:
            link_contigs(dataset)
        result.unlinked = tuple(register.unlinked)
        run.summary = {one.value.replace(" ", "_"): result.outcomes[one] for one in OF_INGESTS}
    return result


def plan_files(
    arguments: Sequence[str], *, options: FilesOptions
) -> tuple[list[FoundFile], list[InputResult]]:
    """Return the files that the arguments name, and the results of those that cannot be ingested.

    Saves what the options say of an existing dataset. Raises DatasetRefusedError and StorageMisconfigured.
    """
    dataset = _checked_dataset(options)
    if not dataset._state.adding and not options.dry_run:
        save_dataset(dataset)
    found, refused = find_files(arguments, options)
    distinct, rivals = without_rivals(found, options)
    return with_collection([(options.kind, one) for one in distinct], dataset), [*refused, *rivals]


def ingest_found(
    found: Sequence[FoundFile],
    *,
    options: FilesOptions,
    run: Run,
    observer: Observer,
) -> None:
    """Register some of the files of a run that others may be registering at the same time; record each with the run.

    Raises as `ingest_files`, and what the observer raises after a file.
    """
    result = IngestResult(total=len(found))
    register = Register(_checked_dataset(options))
    _ingest_found(found, _Job(options, register, run, observer, result))


def finish_files(dataset: str) -> None:
    """Link the contigs of a dataset once all the files of a run are registered."""
    row = Dataset.objects.filter(slug=dataset).first()
    if row is not None:
        link_contigs(row)


def _checked_dataset(options: FilesOptions) -> Dataset:
    """Return the dataset with the options applied, not saved; check that the storages exist."""
    for name in {options.storage, options.copy_to} - {None}:
        storage(str(name))
    return options.dataset.find()


def _ingest_found(distinct: Sequence[FoundFile], job: _Job) -> None:
    if job.register.dataset.collection_id is None and distinct and distinct[0].collection is not None:
        job.register.dataset.collection_id = distinct[0].collection
        job.register.gets_collection = True
    jobs: list[tuple[tuple[FoundFile, ReadJob], ReadJob]] = []
    for one, decision in decide(distinct, job.options, job.register.dataset.pk):
        match decision:
            case ReadJob():
                jobs.append(((one, decision), decision))
            case DataFile():
                job.finish(_unchanged(one, decision, job.options))
            case _:
                job.finish(_failed(one, decision))
    processes = min(job.options.processes, len(jobs) or 1)
    with closing(read_files(jobs, processes=processes)) as readings:
        for done in readings:
            for (one, read_job), reading in _register_new(done, job):
                _register(one, reading, job, read_job)


def _unchanged(one: FoundFile, row: DataFile, options: FilesOptions) -> InputResult:
    message = ""
    if row.state != DataFile.State.READY:
        message = f"it was {row.state}, and is as it was registered again"
        if not options.dry_run:
            note_recovery(pk=row.pk, etag=row.etag)
    outcome = Outcome.UNCHANGED
    if one.moved_from:
        outcome, message = Outcome.CHANGED, "; ".join(filter(None, (_moved(one), message)))
    return InputResult(one.source, outcome, message, paths=(f"{row.kind}/{row.htsget_id}",))


_Read = tuple[tuple[FoundFile, ReadJob], FileReading | BaseException]


def _register_new(done: list[_Read], job: _Job) -> list[_Read]:
    """Register those of some files that were read whose ids are new, in one transaction; return the others.

    If that fails none of them is registered, and all are returned: each is tried by itself.
    """
    register = job.register
    given = {one.htsget_id: (one, reading) for (one, _), reading in done if isinstance(reading, FileReading)}
    # The first file of a run saves its dataset.
    if len(given) < 2 or job.options.dry_run or register.is_unsaved:
        return done
    try:
        results = retry_on_deadlock(lambda: _write_new(given, job))
    except (CatalogueError, DatabaseError):
        return done
    for result in results.values():
        job.finish(result, recorded=True)
    return [
        read
        for read in done
        if read[0][0].htsget_id not in results or read[1] is not given[read[0][0].htsget_id][1]
    ]


def _write_new(given: Mapping[str, tuple[FoundFile, FileReading]], job: _Job) -> dict[str, InputResult]:
    with write_transaction(dry_run=False):
        registered = job.register.add_new({htsget_id: reading for htsget_id, (_, reading) in given.items()})
        results = {htsget_id: _result(*given[htsget_id], one, job) for htsget_id, one in registered.items()}
        job.run.record_all(list(results.values()))
    return results


def _result(one: FoundFile, reading: FileReading, registered: Registered, job: _Job) -> InputResult:
    told = one.told if one.collection == job.register.dataset.collection_id else ""
    return InputResult(
        one.source,
        Outcome.REPLACED if registered.replaced else Outcome.ADDED,
        "; ".join(filter(None, (_moved(one), *reading.warnings, *registered.warnings, told))),
        registered.counts,
        (f"{job.options.kind}/{one.htsget_id}",),
    )


def _register(one: FoundFile, reading: FileReading | BaseException, job: _Job, again: ReadJob | None) -> None:
    """Register a file that was read. It is read a second time by the job `again`, if its copy is gone by now."""
    if not isinstance(reading, FileReading):
        job.finish(_failed(one, reading))
        return
    try:
        result = retry_on_deadlock(lambda: _write(one, reading, job))
    except (CatalogueError, DatabaseError) as error:
        if isinstance(error, ObjectMissing) and reading.copied and again is not None:
            # An object that was there already, without a row, may have been removed as an orphan in the meantime.
            (((_, second),),) = read_files([(one, again)], processes=1)
            _register(one, second, job, None)
            return
        if not job.options.dry_run:
            discard_made(reading)
        job.finish(_failed(one, error))
    else:
        job.finish(result, recorded=True)


def _write(one: FoundFile, reading: FileReading, job: _Job) -> InputResult:
    """Register one file in a transaction that a dry run rolls back, after its dataset if that is new or changed."""
    options, register = job.options, job.register
    is_new = register.dataset._state.adding
    if register.is_unsaved and not options.dry_run:
        save_dataset(register.dataset, chosen=options.dataset.collection is None)
        register.gets_collection = False
    with write_transaction(dry_run=options.dry_run):
        if is_new and options.dry_run:
            register = register.with_new_dataset()
        registered = register.add(
            reading, htsget_id=one.htsget_id, replace=options.replace, dry_run=options.dry_run
        )
        result = _result(one, reading, registered, job)
        job.run.record(result)
    return result


def _moved(one: FoundFile) -> str:
    return f"moved here from the dataset {one.moved_from}" if one.moved_from else ""


def _failed(one: FoundFile, error: BaseException) -> InputResult:
    if isinstance(error, WrongKindError) and not one.expected:
        return InputResult(one.source, Outcome.PASSED_OVER, str(error))
    is_expected = isinstance(error, (*EXPECTED, ReaderCrashedError))
    message = str(error) if is_expected else reason_of(error)
    may_recover = isinstance(error, StorageUnavailable)
    return InputResult(one.source, Outcome.FAILED, message, may_recover=may_recover)
