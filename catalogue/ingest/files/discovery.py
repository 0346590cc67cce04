"""Finds the files that the arguments of `ingest_bam` and `ingest_vcf` name: the object and id of each."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from django.core.exceptions import SuspiciousFileOperation

from catalogue.errors import CatalogueError
from catalogue.formats.registry import SPECS, formats_of, strip_suffix
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.options import FilesOptions
from catalogue.ingest.files.stated import NOTHING_STATED, Stated
from catalogue.ingest.indexes.read import index_keys
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.ingest.sources import STDIN, Source, SourceFault, find_sources, printable
from catalogue.storage import ObjectStat
from catalogue.storage.object_ref import ObjectRef

#: Indexes next to a file, with their states.
Beside = tuple[tuple[ObjectRef, ObjectStat], ...]

_MAX_ID: Final = 255
_MAX_KEY: Final = 1024
_INDEX_SUFFIXES = (".fai", ".gzi", *(suffix for spec in SPECS.values() for suffix in spec.index_suffixes))


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file to ingest. `source` is its name for people.

    Its index may also be next to one of the `links` to it, or `stated`. `beside` are the indexes next to it where the
    listing that found it tells them, None where it does not. `moved_from` is the dataset that it was just moved from. A
    file that is not `expected` was found in a folder, and is passed over if it is of another kind.
    `collection` (primary key) is what its dataset gets if it has none; `told` says so where this file chose it.
    """

    source: str
    ref: ObjectRef
    links: tuple[ObjectRef, ...]
    htsget_id: str
    expected: bool
    stated: Stated = NOTHING_STATED
    moved_from: str = ""
    beside: Beside | None = None
    collection: int | None = None
    told: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as `of` reads it."""
        links = [str(link) for link in self.links]
        beside = self.beside and [(str(ref), *astuple(stat)) for ref, stat in self.beside]
        references = {"ref": str(self.ref), "links": links, "beside": beside}
        return {**asdict(self), **references, "stated": self.stated.as_json()}

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Return the file that `as_json` wrote."""
        links = tuple(ObjectRef.parse(link) for link in saved["links"])
        stated = Stated.of(saved["stated"])
        beside = saved.get("beside")
        if beside is not None:
            beside = tuple((ObjectRef.parse(ref), ObjectStat(*stat)) for ref, *stat in beside)
        references = {"ref": ObjectRef.parse(saved["ref"]), "links": links, "beside": beside}
        return cls(**{**saved, **references, "stated": stated})


def find_files(arguments: Iterable[str], options: FilesOptions) -> tuple[list[FoundFile], list[InputResult]]:
    """Return every file that the arguments (paths, folders, globs, `storage:key`, `storage:prefix/`) name, each once,
    and the results of those that cannot be ingested.
    """
    files: dict[tuple[ObjectRef, str], FoundFile] = {}
    refused: list[InputResult] = []
    for argument in arguments:
        name = printable(argument)
        try:
            sources, indexes = _inputs(argument)
            for source in sources:
                found = _found(source, options)
                if source.listed is not None and source.below is not None:
                    found = replace(found, beside=_beside(found.ref, options.kind, indexes))
                if reason := misplaced(found.ref, options) or _misnamed(found.htsget_id):
                    refused.append(InputResult(found.source, Outcome.FAILED, reason))
                else:
                    files.setdefault((found.ref, found.htsget_id), found)
        except (CatalogueError, OSError, ValueError, SuspiciousFileOperation) as error:
            refused.append(InputResult(name, Outcome.FAILED, str(error).removeprefix(f"{name}: ")))
    return list(files.values()), refused


def _inputs(argument: str) -> tuple[list[Source], dict[ObjectRef, ObjectStat]]:
    """Return the data files that an argument names, and the other objects of the listing that found them."""
    if argument == STDIN:
        raise SourceFault("standard input cannot be served; give a file")
    sources = find_sources([argument], suffixes=("",))
    if sources[0].ref is not None and sources[0].ref.storage:
        if named := [source for source in sources if source.below is None]:
            return named, {}
        if not argument.endswith((":", "/")):
            raise SourceFault("there is no such object; a prefix ends with /")
    passed_over = {
        source.ref: source.listed
        for source in sources
        if source.ref and source.listed and source.below is not None and _is_passed_over(source.below)
    }
    files = [source for source in sources if source.below is None or not _is_passed_over(source.below)]
    return files, passed_over


def _beside(ref: ObjectRef, kind: FileKind, indexes: Mapping[ObjectRef, ObjectStat]) -> Beside:
    """Return those of the listed indexes that are next to a file of any format of a kind, the most common first."""
    keys = dict.fromkeys(key for format in formats_of(kind) for key in index_keys(ref.key, format))
    return tuple((found, indexes[found]) for found in map(ref.with_key, keys) if found in indexes)


def _is_passed_over(path: str) -> bool:
    is_hidden = any(part.startswith(".") for part in path.split("/"))
    return is_hidden or path.lower().endswith(_INDEX_SUFFIXES)


def _found(source: Source, options: FilesOptions) -> FoundFile:
    assert source.ref is not None
    ref = source.ref
    links: tuple[ObjectRef, ...] = ()
    if not ref.storage:
        path = ref.local_path()
        assert path is not None
        if not path.is_file():
            raise SourceFault("it is not a file")
        ref = ObjectRef.in_storage(path, prefer=None if options.copy else options.storage)
        links = (source.ref,) if path.is_symlink() else ()
    name = source.below or Path(source.ref.key).name
    stem, promised = strip_suffix(name)
    return FoundFile(
        source=source.name,
        ref=ref,
        links=links,
        htsget_id=options.htsget_id or options.id_prefix + stem,
        expected=source.below is None or (promised is not None and promised.kind is options.kind),
    )


def misplaced(ref: ObjectRef, options: FilesOptions) -> str | None:
    """Return why a file cannot be registered at its location; None if it can."""
    if not ref.key.isprintable() and ref.key != ref.key.encode(errors="replace").decode():
        return "its name is not valid UTF-8; rename it"
    if options.copy:
        return None
    if not ref.storage:
        return "it lies in none of the configured storages; --copy takes a copy into one"
    if options.storage not in (None, ref.storage):
        return f"it lies in the storage {ref.storage}, not in {options.storage}; --copy takes a copy there"
    if len(ref.key) > _MAX_KEY:
        return f"its key is longer than {_MAX_KEY} characters"
    return None


def _misnamed(htsget_id: str) -> str | None:
    reason = unusable_id(htsget_id)
    return f"{reason}; choose another with --id" if reason else None


def unusable_id(htsget_id: str) -> str | None:
    """Return why clients could not ask for an id, None where they can."""
    if not htsget_id or htsget_id == "service-info":
        return f"{htsget_id!r} cannot be an id"
    if len(htsget_id) > _MAX_ID:
        return f"an id has at most {_MAX_ID} characters"
    if not htsget_id.isprintable() or not {"", ".", ".."}.isdisjoint(htsget_id.split("/")):
        return f"the id {htsget_id!r} cannot be part of a URL"
    return None
