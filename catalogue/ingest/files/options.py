"""Options of `ingest_bam` and `ingest_vcf`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from catalogue.formats.spec import FileKind
from catalogue.ingest.files.dataset import WantedDataset
from catalogue.ingest.outcomes import Options
from catalogue.storage import FILES
from catalogue.storage.object_ref import ObjectRef

#: The command that ingests each kind of file.
COMMANDS: Final[Mapping[FileKind, str]] = {FileKind.READS: "ingest_bam", FileKind.VARIANTS: "ingest_vcf"}

# What the arguments of a run also hold.
_NO_OPTIONS: Final = frozenset({"files", "slug", "dry_run"})
_OF_DATASET: Final = ("public", "visibility", "title", "description", "licence", "contact", "collection")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesOptions(Options):
    """What to ingest, and how.

    Files are served in place from `storage` (None: from the storage that contains them), or copied into it with `copy`.
    `htsget_id` is the id of every file; without it ids are made from file names, prefixed with `id_prefix`. With
    `build_index` missing indexes are built, for remote objects only with `fetch_for_index`. `replace` takes over the
    ids of other files. `processes` files are read at a time.
    """

    kind: FileKind
    dataset: WantedDataset
    storage: str | None = None
    copy: bool = False
    htsget_id: str | None = None
    id_prefix: str = ""
    build_index: bool = True
    fetch_for_index: bool = False
    replace: bool = False
    processes: int = 1

    @property
    def copy_to(self) -> str | None:
        """The name of the storage for copies; None if files are served in place."""
        return (self.storage or FILES) if self.copy else None

    def builds_index_of(self, ref: ObjectRef) -> bool:
        """Return whether a file gets an index when it has none."""
        is_local = self.copy_to is not None or ref.local_path() is not None
        return self.build_index and (is_local or self.fetch_for_index)

    @classmethod
    def of(cls, arguments: Mapping[str, Any], *, dry_run: bool = False) -> Self:
        """Return the options that `recorded` wrote. Raises TypeError, KeyError, ValueError for anything else."""
        given = {name: value for name, value in arguments.items() if name not in _NO_OPTIONS}
        described = {name: given.pop(name) for name in _OF_DATASET if name in given}
        dataset = WantedDataset(slug=given.pop("dataset"), **described)
        return cls(**{**given, "kind": FileKind(given["kind"])}, dataset=dataset, dry_run=dry_run)

    def recorded(self) -> dict[str, Any]:
        recorded = Options.recorded(self)
        dataset = recorded.pop("dataset")
        return {
            **recorded,
            **{name: value for name, value in dataset.items() if value},
            "dataset": dataset["slug"],
        }
