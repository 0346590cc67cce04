"""The jobs that verify, index, move and remove registered files, and export them as a manifest."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import QuerySet

from catalogue.formats.manifests import ManifestForm, write_manifest
from catalogue.ingest.files.changes import Change
from catalogue.ingest.files.move import MoveFiles
from catalogue.ingest.files.reindex import ReindexFiles
from catalogue.ingest.files.remove import RemoveFiles
from catalogue.ingest.files.verify import VerifyFiles
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.jobs.accounts import changeable_files, may_write
from catalogue.jobs.kinds import Input, Job, JobRefused, Kind, Plan
from catalogue.models import DataFile, Dataset, IngestedFile
from catalogue.queries.file_search import FileFilter, matching_files
from catalogue.queries.manifests import manifest_rows

VERIFY_FILES: Final = "verify_files"
INDEX_FILES: Final = "index_files"
MOVE_FILES: Final = "move_files"
REMOVE_FILES: Final = "remove_files"
EXPORT_MANIFEST: Final = "export_manifest"
#: Where the attachment of an export's run has the text of the manifest.
EXPORTED: Final = "manifest"

# The options of each kind, and their types.
_OPTIONS: Final[Mapping[str, Mapping[str, type]]] = {
    VERIFY_FILES: {"deep": bool},
    INDEX_FILES: {"build": bool},
    MOVE_FILES: {"to": str, "publish": bool},
    REMOVE_FILES: {"retire": bool},
    EXPORT_MANIFEST: {"format": str},
}
_TITLES: Final = {
    VERIFY_FILES: "Verify files",
    INDEX_FILES: "Index files again",
    MOVE_FILES: "Move files",
    REMOVE_FILES: "Remove files",
}


def change_kinds() -> list[Kind]:
    """Return the kinds of jobs; `files` of their arguments are primary keys, `filter` fields of `FileFilter`."""
    return [
        *(
            Kind(
                name=name,
                title=title,
                check=lambda arguments, dry_run, name=name: _check(name, arguments, dry_run),  # type: ignore[misc]
                plan=_plan,
                work=_work,
            )
            for name, title in _TITLES.items()
        ),
        Kind(
            name=EXPORT_MANIFEST,
            title="Export a manifest",
            unit="manifests",
            check=lambda arguments, dry_run: _check(EXPORT_MANIFEST, arguments, dry_run),
            plan=lambda job: Plan([Input("manifest")]),
            work=_export,
            keeps_attachment=True,
        ),
    ]


def _check(name: str, arguments: Mapping[str, Any], dry_run: bool) -> None:
    options = {key: value for key, value in arguments.items() if key not in {"files", "filter", "night"}}
    expected = _OPTIONS[name]
    if dry_run:
        raise JobRefused("this job has no dry run; the command shows what it would do")
    if unknown := options.keys() - expected.keys():
        raise JobRefused(f"unknown option {sorted(unknown)[0]!r}")
    if odd := [key for key, value in options.items() if not isinstance(value, expected[key])]:
        raise JobRefused(f"the option {odd[0]} has the wrong type")
    if name in {MOVE_FILES, REMOVE_FILES} and not (arguments.get("files") or arguments.get("filter")):
        raise JobRefused("say which files: by their keys or by a filter")
    if name == MOVE_FILES and "to" not in options:
        raise JobRefused("say which dataset to move the files to")
    try:
        FileFilter(**arguments.get("filter", {}))
        ManifestForm(options.get("format", ManifestForm.CSV))
    except (TypeError, ValueError) as error:
        raise JobRefused(f"these options cannot be used: {error}") from error


def _selected(job: Job) -> QuerySet[DataFile]:
    """Return the selected files of those that whoever started the job may change now."""
    files = changeable_files(job.row)
    if (pks := job.arguments.get("files")) is not None:
        files = files.filter(pk__in=pks)
    if given := job.arguments.get("filter"):
        files = matching_files(FileFilter(**given), within=files)
    return files


def _plan(job: Job) -> Plan:
    files = _selected(job).defer("header", "samples").order_by("dataset", "htsget_id", "kind", "format")
    return Plan([Input(str(file), {"pk": file.pk}) for file in files.iterator()])


def _work(job: Job, inputs: Sequence[IngestedFile]) -> None:
    pks = [one.work["pk"] for one in inputs if one.work is not None]
    _change(job, changeable_files(job.row).filter(pk__in=pks)).apply(observer=_Recorder(job))


def _change(job: Job, files: QuerySet[DataFile]) -> Change:
    options = {name: value for name, value in job.arguments.items() if name in _OPTIONS[job.row.command]}
    if job.row.command == VERIFY_FILES:
        return VerifyFiles(files, **options)
    if job.row.command == INDEX_FILES:
        return ReindexFiles(files, **options)
    if job.row.command == REMOVE_FILES:
        return RemoveFiles(files, **options)
    return MoveFiles(files, **{**options, "to": _target(job)})


def _target(job: Job) -> Dataset:
    slug = job.arguments["to"]
    dataset = Dataset.objects.filter(slug=slug).first()
    if dataset is None:
        raise JobRefused(f"there is no dataset {slug!r}")
    if not may_write(job.row, dataset):
        raise JobRefused(f"whoever started this job does not manage the dataset {slug}")
    return dataset


def _export(job: Job, inputs: Sequence[IngestedFile]) -> None:
    files = _selected(job)
    form = ManifestForm(job.arguments.get("format", ManifestForm.CSV))
    row = job.row
    row.attachment = {EXPORTED: "".join(write_manifest(manifest_rows(files), form))}
    datasets = Dataset.objects.filter(pk__in=files.order_by().values("dataset"))
    row.arguments = {**row.arguments, "datasets": sorted(datasets.values_list("slug", flat=True))}
    row.save(update_fields=["attachment", "arguments"])
    for one in inputs:
        result = InputResult(one.source, Outcome.ADDED, counts={"files": files.count()})
        job.run.record(result)
        job.observer.finished(result)


class _Recorder:
    """Records each result of a change with the run."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def progressed(self, label: str, done: int, total: int | None) -> None:
        """Pass over it: the inputs of the job are counted."""

    def noted(self, source: str, message: str) -> None:
        self._job.observer.noted(source, message)

    def finished(self, result: InputResult) -> None:
        self._job.run.record(result)
        self._job.observer.finished(result)
