"""Reads and checks the header and index of one data file. Does not use the database, so any process can run it.

Reads only the ranges of the file that its header and index refer to; a copied file is read from the copy.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings

from catalogue.errors import ObjectChanged
from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import verify_tail
from catalogue.formats.cram import walk_containers
from catalogue.formats.headers import FileFormat, FileHeader, HeaderContig, with_indexed_contigs
from catalogue.formats.registry import SPECS, sniff
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.indexing import (
    IndexSource,
    OpenFile,
    ReadJob,
    copy_object,
    obtain_index,
    open_file,
)
from catalogue.ingest.files.options import COMMANDS
from catalogue.ingest.indexes.read import FileIndex
from catalogue.ingest.staging import staging_folder
from catalogue.storage import ObjectStat, storage
from catalogue.storage.object_ref import ObjectRef

_MAX_NUMBER = 2**31 - 1
# Upper bound of the samples that a message names.
_MAX_NAMED = 5


class WrongKindError(FormatError):
    """A file of the other command's kind, or of a format that is not served."""


@dataclass(frozen=True, slots=True)
class FileReading:
    """The data to register about one file.

    `place` is the object to serve, in the state `stat`; `source` is the file as given. The header's contigs include
    those that only the index names; its text is left out.
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
    """Read and check one file; copy and index it if the job says so. A dry run stores nothing.

    Raises `FormatError` (`WrongKindError` for a file that is not of the job's kind) and CatalogueError.
    """
    stat = job.source.stat()
    format = sniff_kind(job.source.reader(stat), job.kind)
    _verify_stated(job, stat, format)
    if job.copy_to is None:
        reading = read_open_file(open_file(job.source, stat, format), job, source_stat=stat)
        job.source.verify_unchanged(stat)
        return reading
    if job.dry_run:
        final = _copy_ref(job.copy_to, format, _digest(job.source, stat))
        return read_open_file(open_file(job.source, stat, format, final=final), job, source_stat=stat)
    target = storage(job.copy_to)
    with staging_folder(target) as folder:
        staged = folder / "copy"
        digest = copy_object(job.source, stat, staged)
        copy = ObjectRef.of_path(staged)
        final = _copy_ref(job.copy_to, format, digest)
        reading = read_open_file(open_file(copy, copy.stat(), format, final=final), job, source_stat=stat)
        held = _held_already(final, digest)
        return replace(reading, stat=held or target.put(staged, final.key))


def _verify_stated(job: ReadJob, stat: ObjectStat, format: FileFormat) -> None:
    """Raise `FormatError` for a file that is not as stated. Reads all of it only for a digest."""
    if job.stated.format not in (None, format):
        raise FormatError(f"it is {format}, not {job.stated.format} as the manifest says")
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in job.stated.digests}
    if not digests:
        return
    for piece in job.source.backend.stream(job.source.key, 0, stat.size, etag=stat.etag):
        for digest in digests.values():
            digest.update(piece)
    for name, digest in digests.items():
        if digest.hexdigest() != job.stated.digests[name]:
            raise FormatError(f"its {name} is {digest.hexdigest()}, not {job.stated.digests[name]}")


def _with_sample(header: FileHeader, sample: str) -> FileHeader:
    """Return the header with the stated sample, if it names none. Raises `FormatError` if it names others."""
    if not sample or sample in header.samples:
        return header
    if header.samples:
        names = ", ".join(header.samples[:_MAX_NAMED])
        raise FormatError(f"its header names the sample {names}, not {sample}")
    return replace(header, samples=(sample,))


def _copy_ref(storage_name: str, format: FileFormat, digest: str) -> ObjectRef:
    return ObjectRef(storage_name, f"data/{digest[:2]}/{digest[2:]}{SPECS[format].suffixes[0]}")


def sniff_kind(read_range: ReadRange, kind: FileKind) -> FileFormat:
    """Return the format of a file, by its first bytes. Raises as `read_file`."""
    if not read_range(0, 1):
        raise WrongKindError("the file is empty")
    try:
        format = sniff(read_range)
    except FormatError as error:
        raise WrongKindError(error.reason) from error
    if (actual := SPECS[format].kind) is not kind:
        raise WrongKindError(f"it is {format}, which {COMMANDS[actual]} takes")
    return format


def read_open_file(file: OpenFile, job: ReadJob, *, source_stat: ObjectStat) -> FileReading:
    """Read and check the contigs, the end and the index of a file. Raises as `read_file`."""
    verify_contigs(file.header.contigs)
    verify_end(file)
    warnings = [] if file.has_eof else ["it lacks the end-of-file marker and may have been cut short"]
    index, index_source, more = obtain_index(file, job, modified=source_stat.modified)
    extra = index.extra_contigs if index else ()
    if extra and file.header.contigs:
        more.append(f"its header does not declare {len(extra)} of its contigs, {extra[0]} the first")
    full = _with_sample(with_indexed_contigs(file.header, extra), job.stated.sample)
    verify_contigs(full.contigs)
    return FileReading(
        place=file.final,
        stat=file.stat,
        source=job.source,
        source_stat=source_stat,
        header=replace(full, text=""),
        has_eof=file.has_eof,
        index=index,
        index_source=index_source,
        warnings=(*warnings, *more),
    )


def verify_contigs(contigs: Sequence[HeaderContig]) -> None:
    """Raise `FormatError` for contigs that the catalogue cannot store or distinguish."""
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
        if contig.index in numbers or contig.index > _MAX_NUMBER:
            raise FormatError(f"the contig {contig.name[:100]} cannot have the number {contig.index}")
        names.add(contig.name)
        numbers.add(contig.index)


def verify_end(file: OpenFile) -> None:
    """Raise `FormatError` if the file ends inside a block or container.

    Also inflates the last BGZF blocks; the last container of a CRAM file is verified with its index.
    """
    if file.cram is None:
        verify_tail(file.read_range, size=file.stat.size)
    elif not file.has_eof:
        for _ in walk_containers(file.read_range, file.cram):
            pass


def _digest(source: ObjectRef, stat: ObjectStat) -> str:
    """Return the SHA-256 of an object in hexadecimal. Raises StorageError."""
    digest = hashlib.sha256()
    for piece in source.backend.stream(source.key, 0, stat.size, etag=stat.etag):
        digest.update(piece)
    source.verify_unchanged(stat)
    return digest.hexdigest()


def _held_already(ref: ObjectRef, digest: str) -> ObjectStat | None:
    """Return the state of an existing object with the same content; None if there is none.

    Storing it again would change the ETag of registered files that use the object.
    """
    stat = ref.stat_or_none()
    try:
        return stat if stat is not None and _digest(ref, stat) == digest else None
    except ObjectChanged:
        return None
