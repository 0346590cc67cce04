"""Decides what becomes of each row of manifests, before any file is read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from catalogue.access.browsing import Place, may_browse
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.collection_choice import with_collection
from catalogue.ingest.files.discovery import FoundFile, misplaced, unusable_id
from catalogue.ingest.files.options import FilesOptions
from catalogue.ingest.files.selection import without_rivals
from catalogue.ingest.manifests.datasets import StatedDataset
from catalogue.ingest.manifests.rows import Manifest, NamedFile, named_files
from catalogue.ingest.outcomes import InputResult, Options, Outcome
from catalogue.models import DataFile
from catalogue.storage.object_ref import ObjectRef

_MAX_IDS: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestOptions(Options):
    """How to register what manifests name.

    `dataset` is that of rows without one, `id_prefix` is put before ids that are made from file names. Files may move
    into a more open dataset only with `publish`. The others are those of `FilesOptions`.
    """

    dataset: str | None = None
    id_prefix: str = ""
    storage: str | None = None
    copy: bool = False
    replace: bool = False
    publish: bool = False
    build_index: bool = True
    fetch_for_index: bool = False
    processes: int = 1

    def of_files(self, kind: FileKind, dataset: StatedDataset) -> FilesOptions:
        """Return the options for the files of one kind in one dataset."""
        return FilesOptions(
            kind=kind,
            dataset=dataset.wanted(),
            storage=self.storage,
            copy=self.copy,
            replace=self.replace,
            build_index=self.build_index,
            fetch_for_index=self.fetch_for_index,
            processes=self.processes,
            dry_run=self.dry_run,
        )


@dataclass(frozen=True, slots=True)
class Allowed:
    """What whoever ingests may do; None for everything.

    `datasets` are the slugs of those to write into, `places` those of the storages to register from. A file stays
    registered where it is whatever its place.
    """

    datasets: frozenset[str] | None = None
    places: Sequence[Place] | None = None

    def writes(self, dataset: str) -> bool:
        """Return whether files may be put into a dataset, or taken out of it."""
        return self.datasets is None or dataset in self.datasets

    def reads(self, ref: ObjectRef) -> bool:
        """Return whether files may be registered from an object."""
        return self.places is None or (bool(ref.storage) and may_browse(self.places, ref.storage, ref.key))


EVERYTHING: Final = Allowed()


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to register."""

    kind: FileKind
    dataset: StatedDataset
    found: FoundFile

    def as_json(self) -> dict[str, Any]:
        """Return the JSON that `of` reads."""
        return {
            "kind": self.kind,
            "dataset": self.dataset.as_json(),
            "found": self.found.as_json(),
        }

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Return the file that `as_json` wrote."""
        dataset, found = StatedDataset.of(saved["dataset"]), FoundFile.of(saved["found"])
        return cls(FileKind(saved["kind"]), dataset, found)


@dataclass(slots=True)
class ManifestPlan:
    """The files to register, and the results that there are already: refused rows, and changes of datasets."""

    files: list[PlannedFile] = field(default_factory=list)
    results: list[InputResult] = field(default_factory=list)


def plan_manifests(
    manifests: Iterable[Manifest], *, options: ManifestOptions, allowed: Allowed = EVERYTHING
) -> ManifestPlan:
    """Return what becomes of each row; change titles and collections of existing datasets unless in a dry run."""
    plan = ManifestPlan()
    named: list[NamedFile] = []
    for manifest in manifests:
        for one in named_files(manifest, id_prefix=options.id_prefix):
            if isinstance(one, NamedFile):
                named.append(one)
            else:
                plan.results.append(one)
    datasets: dict[str, StatedDataset] = {}
    kept = [one for one in _with_datasets(named, options, plan) if _stated(one, datasets, allowed, plan)]
    refused = _apply_datasets(datasets, options, plan)
    by_dataset: defaultdict[tuple[str, FileKind], list[FoundFile]] = defaultdict(list)
    for slug, one in kept:
        reason = refused.get(slug) or _misfit(one, options.of_files(one.kind, datasets[slug]), allowed)
        if reason:
            plan.results.append(_failed(one, reason))
        else:
            by_dataset[slug, one.kind].append(one.found)
    _add_files(by_dataset, datasets, options, plan)
    return plan


def _with_datasets(
    named: Sequence[NamedFile], options: ManifestOptions, plan: ManifestPlan
) -> list[tuple[str, NamedFile]]:
    """Return each file with its dataset: that of its row, the default, or the one that it is registered in."""
    homeless = [one for one in named if not (one.row.dataset or options.dataset)]
    registered = _registered({(one.kind, one.found.htsget_id) for one in homeless})
    found: list[tuple[str, NamedFile]] = []
    for one in named:
        slug = one.row.dataset or options.dataset or registered.get((one.kind, one.found.htsget_id), "")
        if slug:
            found.append((slug, one))
        else:
            plan.results.append(_failed(one, "it names no dataset, and --dataset gives none"))
    return found


def _registered(ids: set[tuple[FileKind, str]]) -> dict[tuple[str, str], str]:
    """Return the datasets of registered files, by kind and id."""
    names = sorted({htsget_id for _, htsget_id in ids})
    found: dict[tuple[str, str], str] = {}
    for begin in range(0, len(names), _MAX_IDS):
        rows = DataFile.objects.filter(htsget_id__in=names[begin : begin + _MAX_IDS])
        for kind, htsget_id, slug in rows.values_list("kind", "htsget_id", "dataset__slug"):
            found[kind, htsget_id] = slug
    return found


def _stated(
    pair: tuple[str, NamedFile], datasets: dict[str, StatedDataset], allowed: Allowed, plan: ManifestPlan
) -> bool:
    """Take what a row states of its dataset; refuse one that may not be written into, or that contradicts another."""
    slug, one = pair
    if not allowed.writes(slug):
        reason: str | None = f"you do not manage the dataset {slug}"
    else:
        reason = datasets.setdefault(slug, StatedDataset(slug)).add(one.row)
    if reason:
        plan.results.append(_failed(one, reason))
    return not reason


def _apply_datasets(
    datasets: Mapping[str, StatedDataset], options: ManifestOptions, plan: ManifestPlan
) -> dict[str, str]:
    """Change the existing datasets; return why, of those that cannot be as stated."""
    refused: dict[str, str] = {}
    for slug, stated in datasets.items():
        changed, reason = stated.apply(dry_run=options.dry_run)
        if changed is not None:
            plan.results.append(changed)
        if reason is not None:
            refused[slug] = reason
    return refused


def _misfit(one: NamedFile, options: FilesOptions, allowed: Allowed) -> str | None:
    found = one.found
    refs = [found.ref, *([found.stated.index] if found.stated.index else [])]
    if not all(map(allowed.reads, refs)) and not _is_registered(one):
        return "you may not register files from there"
    return misplaced(found.ref, options) or unusable_id(found.htsget_id)


def _add_files(
    by_dataset: Mapping[tuple[str, FileKind], list[FoundFile]],
    datasets: Mapping[str, StatedDataset],
    options: ManifestOptions,
    plan: ManifestPlan,
) -> None:
    kept_of: defaultdict[str, list[tuple[FileKind, FoundFile]]] = defaultdict(list)
    for kind in FileKind:
        # The same id in two datasets would be taken twice.
        together = [one for (_, each), files in by_dataset.items() if each is kind for one in files]
        options_of_kind = options.of_files(kind, StatedDataset(""))
        kept, rivals = without_rivals(together, options_of_kind)
        plan.results += rivals
        keep = {id(one) for one in kept}
        for (slug, each), files in by_dataset.items():
            for one in files:
                if each is kind and id(one) in keep:
                    kept_of[slug].append((kind, one))
    for slug, pairs in kept_of.items():
        found = with_collection(pairs, datasets[slug].wanted().find())
        plan.files += [
            PlannedFile(kind, datasets[slug], one) for (kind, _), one in zip(pairs, found, strict=True)
        ]


def _failed(one: NamedFile, reason: str) -> InputResult:
    return InputResult(one.found.source, Outcome.FAILED, reason)


def _is_registered(one: NamedFile) -> bool:
    """Return whether a file is registered under its id from just these objects."""
    files = DataFile.objects.filter(kind=one.kind, htsget_id=one.found.htsget_id)
    files = files.filter(storage=one.found.ref.storage, key=one.found.ref.key)
    index = one.found.stated.index
    return (files if index is None else files.filter(index_source=str(index))).exists()
