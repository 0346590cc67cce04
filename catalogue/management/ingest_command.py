"""The base of the ingest commands: it prints progress, single inputs, and the result."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Final

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from catalogue.errors import CatalogueError
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sources import portable_argument
from catalogue.management.background import background_option, queue_job
from catalogue.management.progress import ProgressLine
from catalogue.management.reporting import ReportingCommand, site_url
from catalogue.models.violations import told

# Upper bound of the notes per input that are printed individually.
_MAX_NOTES: Final = 10
# Upper bound of the URLs in the last line.
_MAX_ADDRESSES: Final = 3


class IngestCommand(ReportingCommand):
    """Ingests the given inputs; an input that fails does not stop the others."""

    metavar: ClassVar[str] = "FILE"
    input_help: ClassVar[str] = "a file, a folder, a glob, storage:prefix/, or - for standard input"
    #: The unit of progress, and its size in counts.
    unit: ClassVar[tuple[str, float]] = ("MB", 1e6)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar=self.metavar, help=self.input_help)
        parser.add_argument("--dry-run", action="store_true", help="read and check everything, write nothing")
        background_option(parser)
        super().add_arguments(parser)

    def ingest(self, files: list[str], options: dict[str, Any], observer: Observer) -> IngestResult:
        """Run the ingest and return its result. Raises CatalogueError, DatabaseError if there is none."""
        raise NotImplementedError

    def job(self, files: list[str], options: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Return the kind of job that does the same, and its arguments. Raises CatalogueError."""
        raise NotImplementedError

    def attachment(self, files: list[str]) -> Mapping[str, Any] | None:
        """Return the long arguments of the job."""
        return None

    def portable(self, file: str) -> str:
        """Return an argument as a worker can use it. Raises CatalogueError."""
        return portable_argument(file)

    def describe(self, result: IngestResult, options: dict[str, Any]) -> list[str]:
        """Return the parts of the last line, without URLs and time."""
        raise NotImplementedError

    def describe_input(self, result: InputResult) -> str:
        """Return what `-v 2` prints about an input besides its outcome."""
        return result.message

    def interrupted(self) -> str:
        return "Interrupted. What was registered stays; run the same command again to go on."

    def handle(self, *, files: list[str], **options: Any) -> None:
        """Raise CommandError when anything failed, after everything else was done."""
        if options["background"]:
            self._queue(files, options)
            return
        started = time.monotonic()
        unit, size = self.unit
        with ProgressLine(unit=unit, size=size) as line:
            reporter = _Reporter(self, line, options["verbosity"])
            try:
                result = self.ingest(files, options, reporter)
            except (CatalogueError, DatabaseError) as error:
                raise CommandError(told(error)) from error
        for fault in result.faults:
            self.stderr.write(self.style.ERROR(fault))
        seconds = time.monotonic() - started
        parts = [*self.describe(result, options), *_addresses(result), f"{seconds:.1f} s"]
        summary = ("Dry run, nothing is written. " if options["dry_run"] else "") + "; ".join(parts)
        document = _document(result, dry_run=options["dry_run"], seconds=seconds)
        self.report(summary, document, failed=result.failed, as_json=options["json"])

    def _queue(self, files: list[str], options: dict[str, Any]) -> None:
        try:
            kind, arguments = self.job([self.portable(file) for file in files], options)
        except CatalogueError as error:
            raise CommandError(told(error)) from error
        queue_job(self, kind, arguments, options, attachment=self.attachment(files))


def outcomes_in_words(result: IngestResult) -> str:
    """Return the number of inputs by outcome, in words."""
    counts = result.outcomes
    return ", ".join(
        f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome] or outcome is Outcome.ADDED
    )


def _addresses(result: IngestResult) -> list[str]:
    """Return the URLs of what was registered, as one part of the last line."""
    paths = list(dict.fromkeys(path for one in result.inputs for path in one.paths))
    shown = ", ".join(site_url(path) for path in paths[:_MAX_ADDRESSES])
    more = len(paths) - _MAX_ADDRESSES
    return [f"{shown} and {more:,} more" if more > 0 else shown] if paths else []


def _document(result: IngestResult, *, dry_run: bool, seconds: float) -> dict[str, Any]:
    inputs = [{**asdict(one), "urls": [site_url(path) for path in one.paths]} for one in result.inputs]
    return {
        "dry_run": dry_run,
        "run": result.run,
        "failed": result.failed,
        "inputs": inputs,
        "faults": result.faults,
        "counts": result.counts(),
        "collection": result.collection,
        "unlinked": result.unlinked,
        "seconds": round(seconds, 3),
    }


class _Reporter:
    """Prints progress, notes, and inputs that failed or have a message (with -v 2 every input)."""

    def __init__(self, command: IngestCommand, line: ProgressLine, verbosity: int) -> None:
        self._command = command
        self._line = line
        self._verbosity = verbosity
        self._label: str | None = None
        self._notes: Counter[str] = Counter()

    def progressed(self, label: str, done: int, total: int | None) -> None:
        if label != self._label:
            self._label = label
            self._line.start(label, total)
        self._line.advance(done)

    def noted(self, source: str, message: str) -> None:
        self._notes[source] += 1
        if self._notes[source] <= _MAX_NOTES:
            self._write(f"{source}, {message}")

    def finished(self, result: InputResult) -> None:
        if (more := self._notes[result.source] - _MAX_NOTES) > 0:
            self._write(f"{result.source}: {more:,} more like these")
        text = result.message
        if not text.startswith(result.source):
            text = f"{result.source}: {result.outcome}" + (f": {text}" if text else "")
        if result.failed:
            self._write(self._command.style.ERROR(text))
        elif result.message and result.outcome is not Outcome.PASSED_OVER:
            self._write(self._command.style.WARNING(text))
        elif self._verbosity > 1:
            details = self._command.describe_input(result)
            self._write(f"{result.source}: {result.outcome}" + (f": {details}" if details else ""))

    def _write(self, text: str) -> None:
        self._line.wipe()
        self._command.stderr.write(text)
