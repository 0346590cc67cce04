"""What `ingest_bam` and `ingest_vcf` are given: which files that means, where each lies, and the id it gets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import SuspiciousFileOperation

from catalogue.errors import CatalogueError
from catalogue.formats.registry import strip_suffix
from catalogue.formats.spec import FileKind
from catalogue.ingest.sources import STDIN, Source, SourceFault, find_sources
from catalogue.storage.object_ref import ObjectRef

_LONGEST_ID = 255
_LONGEST_KEY = 1024
_INDEX_SUFFIXES = (".bai", ".csi", ".tbi", ".crai", ".fai", ".gzi")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file to be ingested. `source` is as a steward knows it.

    `aside` are places beside which its index may lie, too. One that is not `expected` came along with its folder and
    is passed over when it is something else.
    """

    source: str
    place: ObjectRef
    aside: tuple[ObjectRef, ...]
    htsget_id: str
    expected: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an input cannot be ingested."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """How inputs are looked for and named.

    Files are served in place from `storage` (from whichever contains them when None), or copied into it with `copy`.
    """

    kind: FileKind
    storage: str | None = None
    copy: bool = False
    htsget_id: str | None = None
    id_prefix: str = ""


def find_files(arguments: Iterable[str], wanted: Wanted) -> tuple[list[FoundFile], list[Refusal]]:
    """Every file that the arguments (paths, folders, globs, `storage:key`, `storage:prefix/`) name, each once."""
    files: dict[tuple[ObjectRef, str], FoundFile] = {}
    refusals: list[Refusal] = []
    for argument in arguments:
        try:
            for source, below in _inputs(argument):
                found = _found(source, below, wanted)
                if reason := _misplaced(found.place, wanted) or _unusable(found.htsget_id):
                    refusals.append(Refusal(found.source, reason))
                else:
                    files.setdefault((found.place, found.htsget_id), found)
        except (CatalogueError, OSError, ValueError, SuspiciousFileOperation) as error:
            refusals.append(Refusal(argument, str(error).removeprefix(f"{argument}: ")))
    return list(files.values()), refusals


def _inputs(argument: str) -> Iterator[tuple[Source, str | None]]:
    """Each input, with its path below the folder or prefix that was given; None for one that was named itself."""
    if argument == STDIN:
        raise SourceFault("standard input cannot be served; give a file")
    sources = find_sources([argument], suffixes=("",))
    if Path(argument).is_dir():
        below = [(source, Path(source.name).relative_to(argument).as_posix()) for source in sources]
    elif sources[0].place is None:
        yield from ((source, None) for source in sources)
        return
    else:
        prefix = argument.partition(":")[2]
        if named := [source for source in sources if source.key == prefix]:
            yield named[0], None
            return
        if prefix and not prefix.endswith("/"):
            raise SourceFault("there is no such object; a prefix ends with /")
        below = [(source, source.key.removeprefix(prefix)) for source in sources]
    yield from ((source, path) for source, path in below if not _passed_over(path))


def _passed_over(path: str) -> bool:
    hidden = any(part.startswith(".") for part in path.split("/"))
    return hidden or path.lower().endswith(_INDEX_SUFFIXES)


def _found(source: Source, below: str | None, wanted: Wanted) -> FoundFile:
    name = Path(source.key or source.name).name
    aside: tuple[ObjectRef, ...] = ()
    if source.place is not None:
        place = ObjectRef(source.place.name, source.key)
    else:
        path = Path(source.name).absolute()
        if not path.is_file():
            raise SourceFault("it is no file")
        place = ObjectRef.in_storage(path, prefer=None if wanted.copy else wanted.storage)
        if path != path.resolve():
            # The index of what a link leads to may lie beside the link.
            aside = (ObjectRef("", path.as_posix().lstrip("/")),)
    stem, promised = strip_suffix(below or name)
    return FoundFile(
        source=source.name,
        place=place,
        aside=aside,
        htsget_id=wanted.htsget_id or wanted.id_prefix + stem,
        expected=below is None or (promised is not None and promised.kind is wanted.kind),
    )


def _misplaced(place: ObjectRef, wanted: Wanted) -> str | None:
    if wanted.copy:
        return None
    if not place.storage:
        return "it lies in none of the configured storages; --copy takes a copy into one"
    if wanted.storage not in (None, place.storage):
        return f"it lies in the storage {place.storage}, not in {wanted.storage}; --copy takes a copy there"
    if len(place.key) > _LONGEST_KEY:
        return f"its key is longer than {_LONGEST_KEY} characters"
    return None


def _unusable(htsget_id: str) -> str | None:
    """Why a client could not ask for an id."""
    if not htsget_id or htsget_id == "service-info":
        return f"{htsget_id!r} cannot be an id; choose another with --id"
    if len(htsget_id) > _LONGEST_ID:
        return f"its id is longer than {_LONGEST_ID} characters; choose another with --id"
    if not htsget_id.isprintable() or not {"", ".", ".."}.isdisjoint(htsget_id.split("/")):
        return f"the id {htsget_id!r} cannot be part of a URL; choose another with --id"
    return None
