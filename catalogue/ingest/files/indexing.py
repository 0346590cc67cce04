"""Finds, reads or builds the index of a data file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from catalogue.errors import ObjectChanged, ObjectMissing
from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import EOF_MARKER, is_eof
from catalogue.formats.cram import CramFile, read_cram
from catalogue.formats.headers import FileFormat, FileHeader
from catalogue.formats.registry import SPECS
from catalogue.formats.spec import FileKind, FormatSpec, Structure
from catalogue.ingest.files.stated import NOTHING_STATED, Stated
from catalogue.ingest.indexes.build import build_index
from catalogue.ingest.indexes.read import (
    MAX_INDEX_FILE,
    FileIndex,
    index_keys,
    read_binning_index,
    read_cram_index,
)
from catalogue.ingest.staging import staging_folder
from catalogue.storage import FILES, ObjectStat
from catalogue.storage.object_ref import ObjectRef

_NO_INDEX = "without an index, only the whole file is served"


@dataclass(frozen=True, slots=True)
class ReadJob:
    """Which file to read, and how.

    `links` are links to the file; its index may be next to one of them. `beside` are the indexes next to it where a
    listing told them, None where they are to be looked for. `copy_to` names the storage for a copy; if it
    is None the file is served in place. `build_index` builds a missing index, for a remote object only with
    `fetch_for_index`, because that reads the whole object; `build_always` builds one whatever there is. A `dry_run`
    stores nothing. What is `stated` about the file has to be true.
    """

    source: ObjectRef
    kind: FileKind
    links: tuple[ObjectRef, ...] = ()
    copy_to: str | None = None
    build_index: bool = True
    fetch_for_index: bool = False
    build_always: bool = False
    dry_run: bool = False
    stated: Stated = NOTHING_STATED
    beside: tuple[tuple[ObjectRef, ObjectStat], ...] | None = None


@dataclass(frozen=True, slots=True)
class IndexSource:
    """The object that the index was read from; `built` is true if it was built here because there was none."""

    place: ObjectRef
    etag: str
    built: bool


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file whose header was read. It is read from the object `at`, and will be served from `final`."""

    at: ObjectRef
    final: ObjectRef
    stat: ObjectStat
    spec: FormatSpec
    read_range: ReadRange
    header: FileHeader
    cram: CramFile | None
    has_eof: bool

    def parse_index(self, data: bytes) -> FileIndex:
        """Read an index and verify that it is of the file. Raises `FormatError`."""
        if self.cram:
            return read_cram_index(data, file=self.cram, read_range=self.read_range)
        return read_binning_index(data, header=self.header, read_range=self.read_range, size=self.stat.size)


def open_file(
    at: ObjectRef, stat: ObjectStat, format: FileFormat, *, final: ObjectRef | None = None
) -> OpenFile:
    """Read the header of a file. Raises `FormatError`, StorageError."""
    read_range, spec, size = at.reader(stat), SPECS[format], stat.size
    if spec.structure is Structure.CRAM:
        cram = read_cram(read_range, size=size)
        return OpenFile(at, final or at, stat, spec, read_range, cram.header, cram, cram.has_eof)
    header = spec.read_header(read_range)
    has_eof = is_eof(read_range(max(0, size - len(EOF_MARKER)), len(EOF_MARKER)))
    return OpenFile(at, final or at, stat, spec, read_range, header, None, has_eof)


def obtain_index(
    file: OpenFile, job: ReadJob, *, modified: float
) -> tuple[FileIndex | None, IndexSource | None, list[str]]:
    """Read the index next to a file, or build one if the job says so; return it with warnings.

    `modified` is when the file was last written (a copy may be newer), in seconds since 1970.

    Raises `FormatError` for an index that is not of this file, and for a file that cannot be indexed.
    """
    if job.build_always:
        return *_build_index(file, dry_run=job.dry_run), []
    format, stated = file.spec.format, job.stated.index
    if found := find_index(
        job.source, job.links, format, modified=modified, stated=stated, beside=job.beside
    ):
        place, stat = found
        warnings = []
        if stat.modified < modified:
            warnings.append(f"its index {place} is older than the file")
        if file.header.sort_order not in (None, "coordinate", "unknown"):
            warnings.append(f"its header says SO:{file.header.sort_order}, yet it has an index")
        try:
            return _read_index(place, stat, file), IndexSource(place, stat.etag, built=False), warnings
        except (ObjectChanged, ObjectMissing):
            if job.beside is None:
                raise
            # It is another since it was listed.
            return obtain_index(file, replace(job, beside=None), modified=modified)
    if not job.build_index:
        return None, None, [_NO_INDEX]
    if file.at.local_path() is None and not job.fetch_for_index:
        return None, None, [f"{_NO_INDEX}; --build-index makes one, which reads all of the object"]
    return *_build_index(file, dry_run=job.dry_run), []


def find_index(
    source: ObjectRef,
    links: Sequence[ObjectRef],
    format: FileFormat,
    *,
    modified: float,
    stated: ObjectRef | None = None,
    beside: Sequence[tuple[ObjectRef, ObjectStat]] | None = None,
) -> tuple[ObjectRef, ObjectStat] | None:
    """Return the most common kind of index next to a file, if possible one not older than the file.

    An index that is `stated` is the one; raises ObjectMissing if it is not there. Where `beside` is given no others are
    looked for.
    """
    if stated is not None:
        return stated, stated.stat()
    if beside is not None:
        keys = set(index_keys(source.key, format))
        found = [pair for pair in beside if pair[0].key in keys]
    else:
        found = [
            pair for place in (source, *links) for pair in place.find_existing(index_keys(place.key, format))
        ]
    fresh = [pair for pair in found if pair[1].modified >= modified]
    return next(iter(fresh or found), None)


def _read_index(place: ObjectRef, stat: ObjectStat, file: OpenFile) -> FileIndex:
    if stat.size > MAX_INDEX_FILE:
        raise FormatError(f"its index {place} is larger than {MAX_INDEX_FILE} bytes")
    try:
        return file.parse_index(place.reader(stat)(0, stat.size))
    except FormatError as error:
        raise FormatError(f"its index {place} is not usable: {error}") from error


def _build_index(file: OpenFile, *, dry_run: bool) -> tuple[FileIndex, IndexSource]:
    """Build an index in a staging folder, and store it unless in a dry run."""
    suffix = file.spec.built_index_suffix
    target = ObjectRef(FILES, f"index/{file.final.storage}/{file.final.key}{suffix}")
    with staging_folder(target.backend) as folder:
        path = file.at.local_path()
        if path is None:
            path = folder / "object"
            copy_object(file.at, file.stat, path)
        staged = folder / f"index{suffix}"
        build_index(path, file.spec, staged)
        index = file.parse_index(staged.read_bytes())
        etag = "" if dry_run else target.backend.put(staged, target.key).etag
        return index, IndexSource(target, etag, built=True)


def copy_object(source: ObjectRef, stat: ObjectStat, target: Path) -> str:
    """Copy an object into a file; return its SHA-256 in hexadecimal. Raises StorageError."""
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        for piece in source.backend.stream(source.key, 0, stat.size, etag=stat.etag):
            digest.update(piece)
            copy.write(piece)
    source.verify_unchanged(stat)
    return digest.hexdigest()
