"""Registers the files of manifests, for `ingest_manifest` and its job."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from catalogue.ingest.files.changes import ChangeRefusedError
from catalogue.ingest.files.dataset import save_dataset
from catalogue.ingest.files.ingest import finish_files, ingest_found
from catalogue.ingest.files.move import MoveFiles, more_open_than
from catalogue.ingest.files.options import FilesOptions
from catalogue.ingest.manifests.plan import (
    EVERYTHING,
    Allowed,
    ManifestOptions,
    PlannedFile,
    plan_manifests,
)
from catalogue.ingest.manifests.rows import Manifest
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.runs import Run, ingest_run
from catalogue.models import DataFile
from catalogue.storage.object_ref import ObjectRef

COMMAND: Final = "ingest_manifest"


def ingest_manifests(
    manifests: Sequence[Manifest], *, options: ManifestOptions, observer: Observer
) -> IngestResult:
    """Register the files of manifests; a row that fails does not stop the others."""
    result = IngestResult()
    arguments = {**options.recorded(), "files": [manifest.name for manifest in manifests]}
    collected = _Collector(observer, result)
    with ingest_run(COMMAND, arguments, dry_run=options.dry_run) as run:
        result.run = run.pk
        plan = plan_manifests(manifests, options=options)
        result.total = len(plan.results) + len(plan.files)
        for one in plan.results:
            run.record(one)
            collected.finished(one)
        ingest_planned(plan.files, options=options, run=run, observer=collected)
        if not options.dry_run:
            finish_manifests({one.dataset.slug for one in plan.files})
        run.summary = {outcome.value.replace(" ", "_"): result.outcomes[outcome] for outcome in Outcome}
    return result


def ingest_planned(
    files: Sequence[PlannedFile],
    *,
    options: ManifestOptions,
    run: Run,
    observer: Observer,
    allowed: Allowed = EVERYTHING,
) -> None:
    """Register some of the planned files; move those that are registered in another dataset."""
    for (kind, _), group in groupby(files, key=lambda one: (one.kind, one.dataset.slug)):
        some = list(group)
        of_files = options.of_files(kind, some[0].dataset)
        found = []
        for one in some:
            moved, failed = _move(one, of_files, options, allowed)
            if failed is None:
                found.append(replace(one.found, moved_from=moved))
            else:
                run.record(failed)
                observer.finished(failed)
        ingest_found(found, options=of_files, run=run, observer=observer)


def finish_manifests(datasets: Iterable[str]) -> None:
    """Link the contigs of datasets once all files are registered."""
    for slug in sorted(datasets):
        finish_files(slug)


def _move(
    one: PlannedFile, of_files: FilesOptions, options: ManifestOptions, allowed: Allowed
) -> tuple[str, InputResult | None]:
    """Move a registered file into the dataset of its row.

    Return the dataset that it was in, empty if it did not move; and its result, if that is all there is to do.
    """
    files = DataFile.objects.filter(kind=one.kind, htsget_id=one.found.htsget_id)
    files = files.exclude(dataset__slug=one.dataset.slug)
    if one.found.stated.format is not None:
        files = files.filter(format=one.found.stated.format)
    rows = [row for row in files.select_related("dataset").defer("header") if _is_same(row, one.found.ref)]
    if not rows:
        return "", None
    origin = rows[0].dataset.slug
    if not allowed.writes(origin):
        return "", _failed(one, f"it is in the dataset {origin}, which you do not manage")
    dataset = of_files.dataset.find()
    if dataset._state.adding and not options.dry_run:
        save_dataset(dataset)
    move = MoveFiles(files.filter(pk__in=[row.pk for row in rows]), dataset, publish=options.publish)
    try:
        if options.dry_run:
            if not options.publish and dataset.visibility in more_open_than(rows[0].dataset.visibility):
                said = f"{dataset} is {dataset.visibility}: this would publish the file; --publish allows it"
                return "", _failed(one, said)
            return "", _changed(one, f"moves here from the dataset {origin}")
        result = move.apply()
    except ChangeRefusedError as error:
        return "", _failed(one, f"{error} (--publish allows it)")
    if failed := [each.message for each in result.inputs if each.failed]:
        return "", _failed(one, failed[0])
    return origin, None


def _is_same(row: DataFile, ref: ObjectRef) -> bool:
    """Return whether a registered file is the object, or a copy of it."""
    return str(ref) in {str(ObjectRef(row.storage, row.key)), row.source}


def _failed(one: PlannedFile, reason: str) -> InputResult:
    return InputResult(one.found.source, Outcome.FAILED, reason)


def _changed(one: PlannedFile, message: str) -> InputResult:
    return InputResult(one.found.source, Outcome.CHANGED, message)


class _Collector:
    """Passes on what happens, and keeps the results."""

    def __init__(self, observer: Observer, result: IngestResult) -> None:
        self._observer, self._result = observer, result

    def progressed(self, label: str, done: int, total: int | None) -> None:
        """Pass over the progress within a dataset: that of the manifests counts."""

    def noted(self, source: str, message: str) -> None:
        self._observer.noted(source, message)

    def finished(self, result: InputResult) -> None:
        self._result.inputs.append(result)
        self._observer.finished(result)
        self._observer.progressed("manifest", len(self._result.inputs), self._result.total)
