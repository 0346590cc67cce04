"""The jobs that register sequences and names of sequences."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalogue.formats.alias_tables import TableFormat
from catalogue.ingest.aliases import COMMAND as INGEST_ALIASES
from catalogue.ingest.aliases import TABLE_SUFFIXES, AliasOptions, ingest_aliases
from catalogue.ingest.fasta.ingest import COMMAND as INGEST_FASTA
from catalogue.ingest.fasta.ingest import FASTA_SUFFIXES, FastaOptions, ingest_fasta
from catalogue.ingest.outcomes import IngestResult
from catalogue.ingest.sources import Source, find_sources
from catalogue.jobs.kinds import Input, Job, JobRefused, Kind, Plan
from catalogue.models import IngestedFile


def sequence_kinds() -> list[Kind]:
    """Return the kinds of jobs that register sequences and their names."""
    return [
        Kind(
            name=INGEST_FASTA,
            title="Register sequences",
            check=lambda arguments, dry_run: _checked(_fasta_options, arguments, dry_run),
            plan=_plan_fasta,
            work=_work_fasta,
        ),
        Kind(
            name=INGEST_ALIASES,
            title="Register names of sequences",
            check=lambda arguments, dry_run: _checked(_alias_options, arguments, dry_run),
            plan=_plan_aliases,
            work=_work_aliases,
        ),
    ]


def _plan_fasta(job: Job) -> Plan:
    options = _fasta_options(job.arguments, job.dry_run)
    # A collection is made of all files in their order, and circular records may be in any.
    return _plan(job, FASTA_SUFFIXES, together=bool(options.collection or options.circular))


def _work_fasta(job: Job, inputs: Sequence[IngestedFile]) -> None:
    options = _fasta_options(job.arguments, job.dry_run)
    result = ingest_fasta(_sources(inputs), options=options, observer=job.observer, run=job.run)
    _note(job, result)


def _plan_aliases(job: Job) -> Plan:
    return _plan(job, TABLE_SUFFIXES, together=False)


def _work_aliases(job: Job, inputs: Sequence[IngestedFile]) -> None:
    options = _alias_options(job.arguments, job.dry_run)
    result = ingest_aliases(_sources(inputs), options=options, observer=job.observer, run=job.run)
    _note(job, result)


def _plan(job: Job, suffixes: Sequence[str], *, together: bool) -> Plan:
    found = find_sources(job.arguments["files"], suffixes=suffixes)
    return Plan([Input(one.name, one.as_json()) for one in found], together=together)


def _sources(inputs: Sequence[IngestedFile]) -> list[Source]:
    return [Source.of(one.work) for one in inputs if one.work is not None]


def _note(job: Job, result: IngestResult) -> None:
    for fault in result.faults:
        job.run.add_fault(fault)
    if result.collection is not None:
        job.run.add_to_summary({"collection": result.collection})


def _checked(read: Any, arguments: Mapping[str, Any], dry_run: bool) -> None:
    try:
        read(arguments, dry_run)
    except (KeyError, TypeError, ValueError) as error:
        raise JobRefused(f"these options cannot be used: {error}") from error
    if not arguments.get("files"):
        raise JobRefused("name at least one file")


def _fasta_options(arguments: Mapping[str, Any], dry_run: bool) -> FastaOptions:
    given = {name: value for name, value in arguments.items() if name not in {"files", "dry_run"}}
    circular = frozenset(given.pop("circular", ()))
    return FastaOptions(**given, circular=circular, dry_run=dry_run)


def _alias_options(arguments: Mapping[str, Any], dry_run: bool) -> AliasOptions:
    given = {name: value for name, value in arguments.items() if name not in {"files", "dry_run"}}
    format = given.pop("format", None)
    return AliasOptions(**given, format=format and TableFormat(format), dry_run=dry_run)
