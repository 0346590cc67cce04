"""Registers reads and variants: what `ingest_bam` and `ingest_vcf` do.

Files are read several at a time and written one after the other, each in a transaction of its own. Running an ingest
again repeats nothing: a file whose size and ETag are those that were registered is not read.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum

from django.core.exceptions import SuspiciousFileOperation
from django.db import DatabaseError, transaction

from catalogue.errors import CatalogueError
from catalogue.file_states import note_recovery
from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat
from catalogue.ingest.files.dataset import WantedDataset, save_dataset
from catalogue.ingest.files.discovery import FoundFile, Wanted, find_files
from catalogue.ingest.files.pool import ReaderCrashedError, read_files
from catalogue.ingest.files.reader import FileReading, ReadJob, WrongKindError, find_index, sniff_kind
from catalogue.ingest.files.rows import Register, discard_made
from catalogue.ingest.runs import Run, ingest_run
from catalogue.ingest.transactions import retry_on_deadlock
from catalogue.models import DataFile, IngestedFile
from catalogue.storage import FILES, ObjectStat, storage
from catalogue.storage.object_ref import ObjectRef

#: So many files are looked at together before any is read: each waits for the storage, none computes.
_LOOKED_AT = 8
#: Rows are asked for by so many ids at a time.
_IDS = 5000

_EXPECTED = (CatalogueError, FormatError, OSError, SuspiciousFileOperation)


class Became(StrEnum):
    """What became of an input. `PASSED_OVER`: it came along with a folder and is none of this command's files."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    PASSED_OVER = "passed over"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """How one input ended, with a message for the steward where there is something to say."""

    source: str
    became: Became
    message: str = ""


@dataclass(frozen=True, slots=True)
class FilesWanted:
    """What to ingest, as the command's options say it; a `dry_run` reads and checks everything and writes nothing."""

    inputs: Wanted
    dataset: WantedDataset
    build_index: bool = True
    fetch_for_index: bool = False
    replace: bool = False
    processes: int = 1
    dry_run: bool = False

    @property
    def copy_to(self) -> str | None:
        return (self.inputs.storage or FILES) if self.inputs.copy else None

    def builds_index_of(self, place: ObjectRef) -> bool:
        """Whether a file there gets an index when it has none."""
        here = self.copy_to is not None or place.local_path() is not None
        return self.build_index and (here or self.fetch_for_index)


@dataclass(slots=True)
class Progress:
    """How far an ingest is: `total` inputs, and what became of those that are done."""

    total: int = 0
    outcomes: Counter[Became] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        return self.outcomes.total()


Report = Callable[[FileOutcome, Progress], None]


def ingest_files(
    command: str,
    arguments: Sequence[str],
    wanted: FilesWanted,
    *,
    options: Mapping[str, object],
    report: Report,
) -> Progress:
    """Ingests what the arguments name; `report` hears of every input as soon as it is done.

    `options` are recorded with the run. Raises DatasetRefusedError and StorageMisconfigured before anything is read.
    """
    dataset = wanted.dataset.find()
    for name in {wanted.inputs.storage, wanted.copy_to} - {None}:
        storage(str(name))
    register = Register(dataset)
    if wanted.dry_run:
        return _Ingest(wanted, register, None, report).of(arguments)
    with ingest_run(command, {**options, "files": list(arguments)}) as run:
        if not dataset._state.adding:
            save_dataset(dataset)
        progress = _Ingest(wanted, register, run, report).of(arguments)
        if not dataset._state.adding:
            register.link_by_collection()
        run.summary = {became.value.replace(" ", "_"): progress.outcomes[became] for became in Became}
    return progress


@dataclass(slots=True)
class _Ingest:
    wanted: FilesWanted
    register: Register
    run: Run | None
    report: Report
    progress: Progress = field(default_factory=Progress)

    def of(self, arguments: Sequence[str]) -> Progress:
        found, refusals = find_files(arguments, self.wanted.inputs)
        self.progress.total = len(found) + len(refusals)
        for refusal in refusals:
            self._done(refusal.source, Became.FAILED, refusal.reason)
        jobs: list[tuple[FoundFile, ReadJob]] = []
        for one, verdict in self._looked_at(self._distinct(found)):
            match verdict:
                case ReadJob():
                    jobs.append((one, verdict))
                case DataFile():
                    self._unchanged(one, verdict)
                case _:
                    self._failed(one, verdict)
        processes = min(self.wanted.processes, len(jobs) or 1)
        with closing(read_files(jobs, processes=processes)) as readings:
            for one, reading in readings:
                if isinstance(reading, FileReading):
                    self._register(one, reading)
                else:
                    self._failed(one, reading)
        return self.progress

    def _distinct(self, found: Iterable[FoundFile]) -> list[FoundFile]:
        """The files without those of one format that would get the same id; it cannot be said which was meant."""
        by_id: defaultdict[str, list[FoundFile]] = defaultdict(list)
        for one in found:
            by_id[one.htsget_id].append(one)
        distinct: list[FoundFile] = []
        for htsget_id, alike in by_id.items():
            by_format: defaultdict[FileFormat | FoundFile, list[FoundFile]] = defaultdict(list)
            for one in alike:
                by_format[self._format(one) or one if len(alike) > 1 else one].append(one)
            for format, rivals in by_format.items():
                if len(rivals) == 1:
                    distinct += rivals
                    continue
                for one in rivals:
                    others = ", ".join(other.source for other in rivals if other is not one)
                    self._done(
                        one.source,
                        Became.FAILED,
                        f"it would have the same id ({htsget_id}, {format}) as {others}",
                    )
        return distinct

    def _format(self, one: FoundFile) -> FileFormat | None:
        try:
            return sniff_kind(one.place.reader(one.place.stat()), self.wanted.inputs.kind)
        except _EXPECTED:
            return None  # which is found out, and told, when it is read

    def _looked_at(
        self, found: Sequence[FoundFile]
    ) -> Iterable[tuple[FoundFile, ReadJob | DataFile | BaseException]]:
        """Each file with what is to be done: read it, nothing (its row), or why not."""
        rows = self._rows([one.htsget_id for one in found])

        def look(one: FoundFile) -> ReadJob | DataFile | BaseException:
            try:
                return self._unread(one, rows.get(one.htsget_id, ())) or self._job(one)
            except _EXPECTED as error:
                return error

        # Threads, all gone before any process is forked.
        with ThreadPoolExecutor(_LOOKED_AT) as threads:
            return list(zip(found, threads.map(look, found), strict=True))

    def _rows(self, ids: Sequence[str]) -> dict[str, list[DataFile]]:
        rows: defaultdict[str, list[DataFile]] = defaultdict(list)
        for at in range(0, len(ids), _IDS):
            some = DataFile.objects.filter(kind=self.wanted.inputs.kind, htsget_id__in=ids[at : at + _IDS])
            for row in some.defer("header", "samples"):
                rows[row.htsget_id].append(row)
        return rows

    def _unread(self, one: FoundFile, rows: Iterable[DataFile]) -> DataFile | None:
        """The row that holds all that reading the file again could tell."""
        for row in rows:
            copied = self.wanted.copy_to is not None
            if row.dataset_id == self.register.dataset.pk and str(one.place) == (
                row.source if copied else f"{row.storage}:{row.key}"
            ):
                stat = one.place.stat()
                known = (row.size, row.source_etag if copied else row.etag)
                if (
                    (stat.size, stat.etag) == known
                    and row.state != DataFile.State.CORRUPT
                    and self._same_index(one, row, stat)
                    and (not copied or self._copy_is_there(row))
                ):
                    return row
        return None

    def _same_index(self, one: FoundFile, row: DataFile, stat: ObjectStat) -> bool:
        found = find_index(one.place, one.aside, FileFormat(row.format), modified=stat.modified)
        if found is None:
            return bool(row.index_kind) or not self.wanted.builds_index_of(one.place)
        return (str(found[0]), found[1].etag) == (row.index_source, row.index_etag)

    def _copy_is_there(self, row: DataFile) -> bool:
        stat = ObjectRef(row.storage, row.key).stat_or_none()
        return row.storage == self.wanted.copy_to and stat is not None and stat.etag == row.etag

    def _job(self, one: FoundFile) -> ReadJob:
        return ReadJob(
            source=one.place,
            kind=self.wanted.inputs.kind,
            aside=one.aside,
            copy_to=self.wanted.copy_to,
            build_index=self.wanted.build_index,
            fetch_for_index=self.wanted.fetch_for_index,
            dry_run=self.wanted.dry_run,
        )

    def _unchanged(self, one: FoundFile, row: DataFile) -> None:
        message = ""
        if row.state != DataFile.State.READY:
            message = f"it was {row.state}, and is as it was registered again"
            if self.run:
                note_recovery(pk=row.pk, etag=row.etag)
        self._done(one.source, Became.UNCHANGED, message)

    def _register(self, one: FoundFile, reading: FileReading) -> None:
        try:
            became, message = retry_on_deadlock(lambda: self._write(one, reading))
        except (CatalogueError, DatabaseError) as error:
            discard_made(reading)
            self._failed(one, error)
        else:
            self._tell(FileOutcome(one.source, became, message))

    def _write(self, one: FoundFile, reading: FileReading) -> tuple[Became, str]:
        replace = self.wanted.replace
        if self.run is not None and self.register.dataset._state.adding:
            save_dataset(self.register.dataset)
        with transaction.atomic():
            if self.run is None:
                replaced = self.register.row_before(reading, one.htsget_id, replace=replace) is not None
                warnings = reading.warnings
            else:
                registered = self.register.add(reading, htsget_id=one.htsget_id, replace=replace)
                replaced, warnings = registered.replaced, (*reading.warnings, *registered.warnings)
                self._record(one.source, IngestedFile.Outcome.ADDED, "; ".join(warnings), registered.counts)
        return Became.REPLACED if replaced else Became.ADDED, "; ".join(warnings)

    def _failed(self, one: FoundFile, error: BaseException) -> None:
        if isinstance(error, WrongKindError) and not one.expected:
            self._tell(FileOutcome(one.source, Became.PASSED_OVER, str(error)))
            return
        known = isinstance(error, (*_EXPECTED, ReaderCrashedError))
        self._done(one.source, Became.FAILED, str(error) if known else f"{type(error).__name__}: {error}")

    def _done(self, source: str, became: Became, message: str = "") -> None:
        outcome = IngestedFile.Outcome.FAILED if became is Became.FAILED else IngestedFile.Outcome.UNCHANGED
        self._record(source, outcome, message)
        self._tell(FileOutcome(source, became, message))

    def _record(
        self,
        source: str,
        outcome: IngestedFile.Outcome,
        message: str,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        if self.run:
            self.run.file(source, outcome, message=message, counts=counts)

    def _tell(self, outcome: FileOutcome) -> None:
        self.progress.outcomes[outcome.became] += 1
        self.report(outcome, self.progress)
