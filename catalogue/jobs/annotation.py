"""The job that registers an annotation release."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalogue.ingest.annotation.ingest import ANNOTATION_SUFFIXES, COMMAND, ingest_annotation
from catalogue.ingest.annotation.options import AnnotationOptions
from catalogue.ingest.sources import Source, find_sources
from catalogue.jobs.kinds import Input, Job, JobRefused, Kind, Plan
from catalogue.models import IngestedFile


def annotation_kind() -> Kind:
    """Return the kind of job that registers annotation."""
    return Kind(name=COMMAND, title="Register annotation", check=_check, plan=_plan, work=_work)


def _check(arguments: Mapping[str, Any], dry_run: bool) -> None:
    try:
        AnnotationOptions.of(arguments, dry_run=dry_run)
    except (TypeError, ValueError) as error:
        raise JobRefused(f"these options cannot be used: {error}") from error
    if not arguments.get("files"):
        raise JobRefused("name at least one file")


def _plan(job: Job) -> Plan:
    found = find_sources(job.arguments["files"], suffixes=ANNOTATION_SUFFIXES)
    # A release is registered whole.
    return Plan([Input(one.name, one.as_json()) for one in found], together=True)


def _work(job: Job, inputs: Sequence[IngestedFile]) -> None:
    sources = [Source.of(one.work) for one in inputs if one.work is not None]
    options = AnnotationOptions.of(job.arguments, dry_run=job.dry_run)
    result = ingest_annotation(sources, options=options, observer=job.observer, run=job.run)
    for fault in result.faults:
        job.run.add_fault(fault)
