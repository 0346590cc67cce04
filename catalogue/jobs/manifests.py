"""The job that registers the files of manifests."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalogue.ingest.manifests.ingest import COMMAND, finish_manifests, ingest_planned
from catalogue.ingest.manifests.plan import ManifestOptions, PlannedFile, plan_manifests
from catalogue.ingest.manifests.rows import Manifest
from catalogue.jobs.accounts import allowed
from catalogue.jobs.kinds import Input, Job, JobRefused, Kind, Plan
from catalogue.models import IngestedFile


def manifest_kind() -> Kind:
    """Return the kind of job whose `manifests` are objects with name, text and folder."""
    return Kind(
        name=COMMAND, title="Register files by manifest", check=_check, plan=_plan, work=_work, finish=_finish
    )


def _check(arguments: Mapping[str, Any], dry_run: bool) -> None:
    try:
        _read(arguments, dry_run)
    except (KeyError, TypeError, ValueError) as error:
        raise JobRefused(f"these options cannot be used: {error}") from error
    if not arguments.get("manifests"):
        raise JobRefused("give at least one manifest")


def _plan(job: Job) -> Plan:
    manifests, options = _read(job.arguments, job.dry_run)
    plan = plan_manifests(manifests, options=options, allowed=allowed(job.row))
    datasets = sorted({one.dataset.slug for one in plan.files})
    job.row.arguments = {**job.row.arguments, "datasets": datasets}
    job.row.save(update_fields=["arguments"])
    return Plan([Input(one.found.source, one.as_json()) for one in plan.files], plan.results)


def _work(job: Job, inputs: Sequence[IngestedFile]) -> None:
    _, options = _read(job.arguments, job.dry_run)
    files = [PlannedFile.of(one.work) for one in inputs if one.work is not None]
    ingest_planned(files, options=options, run=job.run, observer=job.observer, allowed=allowed(job.row))


def _finish(job: Job) -> Mapping[str, Any]:
    if not job.dry_run:
        finish_manifests(job.arguments.get("datasets", ()))
    return {}


def _read(arguments: Mapping[str, Any], dry_run: bool) -> tuple[list[Manifest], ManifestOptions]:
    given = {name: value for name, value in arguments.items() if name not in {"files", "datasets", "dry_run"}}
    manifests = [Manifest(**each) for each in given.pop("manifests")]
    # Several files are read at a time because workers do several parts.
    return manifests, ManifestOptions(**{**given, "processes": 1, "dry_run": dry_run})
