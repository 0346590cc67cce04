"""The jobs that register reads and variants."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalogue.formats.spec import FileKind
from catalogue.ingest.files.discovery import FoundFile
from catalogue.ingest.files.ingest import finish_files, ingest_found, plan_files
from catalogue.ingest.files.options import COMMANDS, FilesOptions
from catalogue.jobs.kinds import Input, Job, JobRefused, Kind, Plan
from catalogue.models import IngestedFile


def file_kinds() -> list[Kind]:
    """Return the kinds of jobs that register reads and variants."""
    return [
        Kind(name=COMMANDS[kind], title=f"Register {kind}", check=check, plan=plan, work=work, finish=finish)
        for kind in FileKind
    ]


def check(arguments: Mapping[str, Any], dry_run: bool) -> None:
    """Check that the options can be used. Raises JobRefused."""
    try:
        FilesOptions.of(arguments, dry_run=dry_run)
    except (KeyError, TypeError, ValueError) as error:
        raise JobRefused(f"these options cannot be used: {error}") from error
    if not arguments.get("files"):
        raise JobRefused("name at least one file")


def plan(job: Job) -> Plan:
    """Find the files."""
    found, refused = plan_files(job.arguments["files"], options=_options(job))
    return Plan([Input(one.source, one.as_json()) for one in found], refused)


def work(job: Job, inputs: Sequence[IngestedFile]) -> None:
    """Register some of the files."""
    found = [FoundFile.of(one.work) for one in inputs if one.work is not None]
    ingest_found(found, options=_options(job), run=job.run, observer=job.observer)


def finish(job: Job) -> Mapping[str, Any]:
    """Link the contigs of the dataset."""
    if not job.dry_run:
        finish_files(job.arguments["dataset"])
    return {}


def _options(job: Job) -> FilesOptions:
    # Several files are read at a time because workers do several parts.
    return replace(FilesOptions.of(job.arguments, dry_run=job.dry_run), processes=1)
