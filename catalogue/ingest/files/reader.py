"""Reads one data file: its header and its index, with every check. Touches no database, so that any process can do it.

The file itself is read by ranges, where its header and its index point; a file that is copied is read from the copy.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from catalogue.errors import ObjectChanged
from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import EOF_MARKER, is_eof, verify_tail
from catalogue.formats.cram import CramFile, read_cram, walk_containers
from catalogue.formats.headers import FileFormat, FileHeader, HeaderContig, with_indexed_contigs
from catalogue.formats.registry import SPECS, sniff
from catalogue.formats.spec import FileKind, FormatSpec, Structure
from catalogue.ingest.indexes.build import build_index
from catalogue.ingest.indexes.read import (
    MAX_INDEX_FILE,
    FileIndex,
    index_keys,
    read_binning_index,
    read_cram_index,
)
from catalogue.ingest.staging import staging_folder
from catalogue.storage import FILES, ObjectStat, storage
from catalogue.storage.object_ref import ObjectRef

_COMMAND = {FileKind.READS: "ingest_bam", FileKind.VARIANTS: "ingest_vcf"}
_LARGEST_NUMBER = 2**31 - 1
_NO_INDEX = "without an index, only the whole file is served"


class WrongKindError(FormatError):
    """A good file, but for the other command, or none that is served at all."""


@dataclass(frozen=True, slots=True)
class ReadJob:
    """What to read and how.

    `links` are links to the file, beside which its index may lie too. `copy_to` names the storage that gets a copy;
    without one the file is served in place. `build_index` builds a missing index, of a remote object only with
    `fetch_for_index`, because that reads all of it. A `dry_run` stores nothing.
    """

    source: ObjectRef
    kind: FileKind
    links: tuple[ObjectRef, ...] = ()
    copy_to: str | None = None
    build_index: bool = True
    fetch_for_index: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class IndexSource:
    """Which object the index was read from; `built` when it was made here because there was none."""

    place: ObjectRef
    etag: str
    built: bool


@dataclass(frozen=True, slots=True)
class FileReading:
    """All that is registered of one file.

    It is served from `place`, where it has `stat`; it was given as `source`. The header's contigs include those that
    only the index names, and its text is left out.
    """

    place: ObjectRef
    stat: ObjectStat
    source: ObjectRef
    source_stat: ObjectStat
    header: FileHeader
    has_eof: bool
    index: FileIndex | None
    index_source: IndexSource | None
    warnings: tuple[str, ...]

    @property
    def copied(self) -> bool:
        return self.place != self.source


def read_file(job: ReadJob) -> FileReading:
    """Read and check one file, and copy and index it where the job says so. A dry run stores nothing.

    Raises `FormatError` (`WrongKindError` for a file that is not of the job's kind) and CatalogueError.
    """
    stat = job.source.stat()
    read_range = job.source.reader(stat)
    format = sniff_kind(read_range, job.kind)
    if job.copy_to is None:
        reading = _read(job, format, stat, read_range, at=job.source, final=job.source)
        job.source.verify_unchanged(stat)
        return reading
    if job.dry_run:
        final = _copy_ref(job.copy_to, format, _digest(job.source, stat))
        return _read(job, format, stat, read_range, at=job.source, final=final)
    target = storage(job.copy_to)
    with staging_folder(target) as folder:
        staged = folder / "copy"
        digest = _copy(job.source, stat, staged)
        copy = ObjectRef.of_path(staged)
        final = _copy_ref(job.copy_to, format, digest)
        reading = _read(job, format, stat, copy.reader(copy.stat()), at=copy, final=final)
        held = _held_already(final, digest)
        return replace(reading, stat=held or target.put(staged, final.key))


def _copy_ref(storage_name: str, format: FileFormat, digest: str) -> ObjectRef:
    return ObjectRef(storage_name, f"data/{digest[:2]}/{digest[2:]}{SPECS[format].suffixes[0]}")


def sniff_kind(read_range: ReadRange, kind: FileKind) -> FileFormat:
    """The format of a file, by its first bytes. Raises as `read_file`."""
    if not read_range(0, 1):
        raise WrongKindError("the file is empty")
    try:
        format = sniff(read_range)
    except FormatError as error:
        raise WrongKindError(error.reason) from error
    if (actual := SPECS[format].kind) is not kind:
        raise WrongKindError(f"it is {format}, which {_COMMAND[actual]} takes")
    return format


def _read(
    job: ReadJob,
    format: FileFormat,
    stat: ObjectStat,
    read_range: ReadRange,
    *,
    at: ObjectRef,
    final: ObjectRef,
) -> FileReading:
    """Reads the file that lies `at` a place now and, when all is well, at `final` in the end."""
    spec = SPECS[format]
    cram = read_cram(read_range, size=stat.size) if spec.structure is Structure.CRAM else None
    header = cram.header if cram else spec.read_header(read_range)
    verify_contigs(header.contigs)
    has_eof = (
        cram.has_eof if cram else is_eof(read_range(max(0, stat.size - len(EOF_MARKER)), len(EOF_MARKER)))
    )
    _verify_end(read_range, cram, size=stat.size)
    warnings = [] if has_eof else ["it lacks the end-of-file marker and may have been cut short"]

    def parse(data: bytes) -> FileIndex:
        if cram:
            return read_cram_index(data, file=cram, read_range=read_range)
        return read_binning_index(data, header=header, read_range=read_range, size=stat.size)

    index, index_source = None, None
    if found := _found_index(job, format, stat):
        place, index_stat = found
        index = _parsed(place, index_stat, parse)
        index_source = IndexSource(place, index_stat.etag, built=False)
        if index_stat.modified < stat.modified:
            warnings.append(f"its index {place} is older than the file")
        if header.sort_order not in (None, "coordinate", "unknown"):
            warnings.append(f"its header says SO:{header.sort_order}, yet it has an index")
    elif not job.build_index:
        warnings.append(_NO_INDEX)
    elif at.local_path() is None and not job.fetch_for_index:
        warnings.append(f"{_NO_INDEX}; --build-index makes one, which reads all of the object")
    else:
        target = ObjectRef(FILES, f"index/{final.storage}/{final.key}{spec.built_index_suffix}")
        index, index_source = _built(at, stat, spec, parse, target, dry_run=job.dry_run)
    extra = index.extra_contigs if index else ()
    if extra and header.contigs:
        warnings.append(f"its header does not declare {len(extra)} of its contigs, {extra[0]} the first")
    full = with_indexed_contigs(header, extra)
    verify_contigs(full.contigs)
    return FileReading(
        place=final,
        stat=stat,
        source=job.source,
        source_stat=stat,
        header=replace(full, text=""),
        has_eof=has_eof,
        index=index,
        index_source=index_source,
        warnings=tuple(warnings),
    )


def verify_contigs(contigs: Sequence[HeaderContig]) -> None:
    """Raise `FormatError` for contigs that the catalogue cannot keep, or tell apart."""
    if len(contigs) > settings.INGEST_MAX_CONTIGS:
        raise FormatError(
            f"it declares {len(contigs):,} contigs, more than the {settings.INGEST_MAX_CONTIGS:,} of INGEST_MAX_CONTIGS"
        )
    names: set[str] = set()
    numbers: set[int] = set()
    for contig in contigs:
        if "\0" in contig.name:
            raise FormatError(f"the name of contig {contig.index} has a NUL in it")
        if contig.name in names:
            raise FormatError(f"the header declares the contig {contig.name[:100]} twice")
        if contig.index in numbers or contig.index > _LARGEST_NUMBER:
            raise FormatError(f"the contig {contig.name[:100]} cannot have the number {contig.index}")
        names.add(contig.name)
        numbers.add(contig.index)


def find_index(
    source: ObjectRef, links: Sequence[ObjectRef], format: FileFormat, *, modified: float
) -> tuple[ObjectRef, ObjectStat] | None:
    """The index beside a file; of several the most usual that is not older than the file, else the most usual."""
    found = [
        pair for place in (source, *links) for pair in place.find_existing(index_keys(place.key, format))
    ]
    fresh = [pair for pair in found if pair[1].modified >= modified]
    return next(iter(fresh or found), None)


def _found_index(job: ReadJob, format: FileFormat, stat: ObjectStat) -> tuple[ObjectRef, ObjectStat] | None:
    return find_index(job.source, job.links, format, modified=stat.modified)


def _parsed(place: ObjectRef, stat: ObjectStat, parse: Callable[[bytes], FileIndex]) -> FileIndex:
    if stat.size > MAX_INDEX_FILE:
        raise FormatError(f"its index {place} is larger than {MAX_INDEX_FILE} bytes")
    try:
        return parse(place.reader(stat)(0, stat.size))
    except FormatError as error:
        raise FormatError(f"its index {place} is not usable: {error}") from error


def _built(
    at: ObjectRef,
    stat: ObjectStat,
    spec: FormatSpec,
    parse: Callable[[bytes], FileIndex],
    target: ObjectRef,
    *,
    dry_run: bool,
) -> tuple[FileIndex, IndexSource]:
    """Build an index in a staging folder and store it as `target`; a dry run does not store it."""
    with staging_folder(target.backend) as folder:
        path = at.local_path()
        if path is None:
            path = folder / "object"
            _copy(at, stat, path)
        staged = folder / f"index{spec.built_index_suffix}"
        build_index(path, spec, staged)
        index = parse(staged.read_bytes())
        etag = "" if dry_run else target.backend.put(staged, target.key).etag
        return index, IndexSource(target, etag, built=True)


def _verify_end(read_range: ReadRange, cram: CramFile | None, *, size: int) -> None:
    """Raise `FormatError` when the file ends inside a block or container: no answer from it could be complete.

    The blocks at the end are inflated too. Those of a CRAM file are verified with its index.
    """
    if cram is None:
        verify_tail(read_range, size=size)
    elif not cram.has_eof:
        for _ in walk_containers(read_range, cram):
            pass


def _digest(source: ObjectRef, stat: ObjectStat) -> str:
    """Return the SHA-256 of an object in hexadecimal. Raises StorageError."""
    digest = hashlib.sha256()
    for piece in source.backend.stream(source.key, 0, stat.size, etag=stat.etag):
        digest.update(piece)
    source.verify_unchanged(stat)
    return digest.hexdigest()


def _copy(source: ObjectRef, stat: ObjectStat, target: Path) -> str:
    """Copy an object into a file; return its SHA-256 in hexadecimal. Raises StorageError."""
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        for piece in source.backend.stream(source.key, 0, stat.size, etag=stat.etag):
            digest.update(piece)
            copy.write(piece)
    source.verify_unchanged(stat)
    return digest.hexdigest()


def _held_already(ref: ObjectRef, digest: str) -> ObjectStat | None:
    """Return the state of an object with the same content, None where there is none.

    Storing it again would change its state under those that are served from it.
    """
    stat = ref.stat_or_none()
    try:
        return stat if stat is not None and _digest(ref, stat) == digest else None
    except ObjectChanged:
        return None
