"""The base of commands that change registered files: `--dry-run` prints what the change would do."""

import time
from dataclasses import asdict
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from catalogue.errors import CatalogueError
from catalogue.ingest.files.changes import Change, Plan
from catalogue.ingest.outcomes import IngestResult, InputResult, Outcome
from catalogue.management.background import background_option, queue_job
from catalogue.management.progress import ProgressLine
from catalogue.management.reporting import ReportingCommand, site_url
from catalogue.management.selection import add_filters, chosen_filter
from catalogue.models.violations import told


class ChangeCommand(ReportingCommand):
    """Makes one change; a file that fails does not stop the others."""

    #: What was done with a file, in the last line: "3 moved".
    done: ClassVar[str]
    takes_filters: ClassVar[bool] = True
    #: The options that a job of the command's name takes; None where there is no such job.
    job_options: ClassVar[tuple[str, ...] | None] = None

    def add_arguments(self, parser: CommandParser) -> None:
        if self.takes_filters:
            add_filters(parser)
            parser.add_argument("--all", action="store_true", help="all files, where no filter is given")
        parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
        if self.job_options is not None:
            background_option(parser)
        super().add_arguments(parser)

    def change(self, options: dict[str, Any]) -> Change:
        """Return the change that the options describe. Raises CommandError."""
        raise NotImplementedError

    def interrupted(self) -> str:
        return "Interrupted. What was done stays; the other files are as they were."

    def handle(self, **options: Any) -> None:
        """Raise CommandError for a refused change, and after everything else where a file failed."""
        started = time.monotonic()
        try:
            change = self.change(options)
            if options.get("background"):
                queue_job(self, *self._job(options), options)
                return
            plan = change.plan()
            self._tell(plan, options)
            result = IngestResult() if options["dry_run"] else self._apply(change)
        except (CatalogueError, DatabaseError) as error:
            raise CommandError(told(error)) from error
        seconds = time.monotonic() - started
        if options["dry_run"]:
            summary = f"Dry run, nothing is done: {plan.title}."
        else:
            summary = f"{self.summarise(result)}; {seconds:.1f} s"
        document = {
            "dry_run": options["dry_run"],
            "plan": asdict(plan),
            "failed": result.failed or bool(plan.refusals),
            "files": [_document(one) for one in result.inputs],
            "counts": result.counts(),
            "seconds": round(seconds, 3),
        }
        self.report(summary, document, failed=document["failed"], as_json=options["json"])

    def _job(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the kind of job that makes the change, and its arguments."""
        kind = type(self).__module__.rpartition(".")[2]
        chosen = {name: options[name] for name in self.job_options or ()}
        return kind, {**chosen, "filter": chosen_filter(options)}

    def summarise(self, result: IngestResult) -> str:
        """Return the last line of a change that was made, without the time."""
        counts = result.outcomes
        said = [f"{counts[Outcome.CHANGED]:,} {self.done}"]
        said += [f"{counts[one]:,} {one}" for one in (Outcome.UNCHANGED, Outcome.FAILED) if counts[one]]
        paths = [path for one in result.inputs for path in one.paths][:3]
        more = len(result.inputs) - len(paths)
        urls = ", ".join(map(site_url, paths)) + (f" and {more:,} more" if paths and more > 0 else "")
        return ", ".join(said) + (f"; {urls}" if urls else "")

    def _tell(self, plan: Plan, options: dict[str, Any]) -> None:
        if options["dry_run"] or options["verbosity"] > 1:
            for effect in plan.effects:
                self.stderr.write(effect)
        if options["dry_run"] or plan.warnings:
            for warning in plan.warnings:
                self.stderr.write(self.style.WARNING(warning))
        if options["dry_run"]:
            for refusal in plan.refusals:
                self.stderr.write(self.style.ERROR(refusal))

    def _apply(self, change: Change) -> IngestResult:
        with ProgressLine(unit="files", size=1) as line:
            return change.apply(observer=_Reporter(self, line))


def _document(one: InputResult) -> dict[str, Any]:
    return {
        "file": one.source,
        "outcome": one.outcome,
        "message": one.message,
        "counts": dict(one.counts),
        "urls": [site_url(path) for path in one.paths],
    }


class _Reporter:
    """Prints progress, and each file that failed or has something to tell."""

    def __init__(self, command: ChangeCommand, line: ProgressLine) -> None:
        self._command = command
        self._line = line
        self._started = False

    def progressed(self, label: str, done: int, total: int | None) -> None:
        if not self._started:
            self._started = True
            self._line.start(label, total)
        self._line.advance(done)

    def noted(self, source: str, message: str) -> None:
        self._write(f"{source}: {message}")

    def finished(self, result: InputResult) -> None:
        if result.message:
            style = self._command.style.ERROR if result.failed else self._command.style.WARNING
            self._write(style(f"{result.source}: {result.message}"))

    def _write(self, text: str) -> None:
        self._line.wipe()
        self._command.stderr.write(text)
