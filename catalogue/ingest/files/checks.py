"""Checks one registered file against its stored object. Does not use the database, so any process can run it.

The quick check reads the header, the end and samples of the file; the deep one reads all of it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pysam

from catalogue.errors import ObjectChanged, ObjectCorrupt, StorageError
from catalogue.formats import FormatError
from catalogue.formats.bgzf import BlockReader
from catalogue.formats.crai import verify_packed
from catalogue.formats.cram import walk_containers
from catalogue.formats.headers import FileFormat, FileHeader, with_indexed_contigs
from catalogue.formats.intervals import VirtualOffset
from catalogue.ingest.files.indexing import OpenFile, copy_object, open_file
from catalogue.ingest.files.reader import verify_end
from catalogue.ingest.indexes.agreement import verify_records
from catalogue.ingest.indexes.stored import StoredIndex, prove_stored_index
from catalogue.ingest.staging import staging_folder
from catalogue.storage.object_ref import ObjectRef

# Fields of CRAM records whose decoding needs no reference: FLAG, RNAME and POS.
_WITHOUT_BASES: Final = 0x2 | 0x4 | 0x8


@dataclass(frozen=True, slots=True)
class CheckJob:
    """What the catalogue has about a file, and how thoroughly to check it.

    `contigs` are the names of its contigs in the order of their numbers; `index` is None for a file that is served as a
    whole. `references` is the folder of references for a deep check of CRAM; None if some of them are not held.
    """

    place: ObjectRef
    format: FileFormat
    size: int
    etag: str
    header: bytes
    header_end: int
    has_eof: bool
    contigs: tuple[tuple[int, str], ...]
    index: StoredIndex | None
    index_source: ObjectRef | None
    index_etag: str
    index_built: bool
    deep: bool = False
    references: Path | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of a sound file found. `records` is None unless the check was deep; `notes` are no faults."""

    notes: tuple[str, ...]
    records: int | None = None


def check_file(job: CheckJob) -> CheckReport:
    """Check a file; return what is worth knowing about a sound one.

    Raises ObjectMissing, ObjectChanged and ObjectCorrupt for one that is not as it was registered, and
    StorageUnavailable, StorageMisconfigured where that cannot be told.
    """
    stat = job.place.stat()
    if stat.size != job.size:
        raise ObjectChanged(f"it is {stat.size:,} bytes long, registered were {job.size:,}")
    if stat.etag != job.etag:
        raise ObjectChanged("it has another ETag than was registered: it was written again")
    try:
        file = open_file(job.place, stat, job.format)
        notes = _check_header(job, file)
        verify_end(file)
        header = _with_all_contigs(job, file.header)
        _check_index(job, file, header)
        records = _read_all(job, file, header) if job.deep else None
    except FormatError as error:
        raise ObjectCorrupt(str(error)) from error
    job.place.verify_unchanged(stat)
    if records is not None:
        notes += records.notes
    return CheckReport((*notes, *_index_notes(job)), records.records if records else None)


def _check_header(job: CheckJob, file: OpenFile) -> tuple[str, ...]:
    """Raise ObjectCorrupt for another header than the registered one; return a note about a missing EOF marker."""
    same = file.header.packed == job.header
    if not same and file.cram is None:
        same = _inflated(file.header.packed) == _inflated(job.header)
    if not same or int(file.header.end) != job.header_end:
        raise ObjectCorrupt("its header is not the registered one")
    if file.has_eof != job.has_eof:
        now = "ends with" if file.has_eof else "lacks"
        raise ObjectCorrupt(f"it {now} the end-of-file marker, unlike when it was registered")
    return () if file.has_eof else ("it lacks the end-of-file marker and may have been cut short",)


def _inflated(packed: bytes) -> bytes:
    def read_range(offset: int, length: int) -> bytes:
        return packed[offset : offset + length]

    return b"".join(block.data for block in BlockReader(read_range).blocks(0))


def _with_all_contigs(job: CheckJob, header: FileHeader) -> FileHeader:
    """Return the header with the contigs that only the index of a VCF names."""
    declared = {contig.name for contig in header.contigs}
    return with_indexed_contigs(header, [name for _, name in job.contigs if name not in declared])


def _check_index(job: CheckJob, file: OpenFile, header: FileHeader) -> None:
    if job.index is None:
        return
    try:
        prove_stored_index(
            job.index, header=header, cram=file.cram, read_range=file.read_range, size=job.size
        )
    except FormatError as error:
        raise ObjectCorrupt(f"its index does not fit the data: {error}") from error


def _index_notes(job: CheckJob) -> tuple[str, ...]:
    """Return what became of the object that the index was read from; the catalogue has a copy of the index."""
    if job.index is None:
        return ("it has no index: only the whole file is served",)
    if job.index_source is None:
        return ()
    try:
        stat = job.index_source.stat_or_none()
    except StorageError:
        return ("the object of its index cannot be reached",)
    if stat is None:
        return (
            "the object that its index was read from is missing; the index in the catalogue still serves it",
        )
    if stat.etag != job.index_etag:
        return ("the object that its index was read from has changed since; index the file again to use it",)
    return ()


def _read_all(job: CheckJob, file: OpenFile, header: FileHeader) -> CheckReport:
    """Read every record, and verify order and index. Raises `FormatError`, StorageError."""
    if file.cram is not None:
        return _read_all_cram(job, file)
    try:
        tally = verify_records(header, index=job.index, read_range=file.read_range)
    except FormatError as error:
        raise ObjectCorrupt(str(error)) from error
    notes: tuple[str, ...] = ()
    if tally.short:
        notes = (
            f"its index finds {tally.short:,} records by their begin only, as other programs do; index it again",
        )
    return CheckReport(notes, tally.records)


def _read_all_cram(job: CheckJob, file: OpenFile) -> CheckReport:
    cram = file.cram
    assert cram is not None
    with _local_file(job, file) as path:
        # Containers are read in many small pieces.
        local = ObjectRef.of_path(path)
        read_range = local.reader(local.stat())
        if job.index is not None:
            begin = job.index.unplaced_begin
            unplaced = None if begin is None else VirtualOffset(begin).coffset
            verify_packed(job.index.packed, unplaced, read_range, cram)
        containers = sum(container.records for container in walk_containers(read_range, cram))
        records = _decode(path, job, ordered=job.index is not None)
    if records != containers:
        raise ObjectCorrupt(f"its containers count {containers:,} records, but hold {records:,}")
    notes = () if job.references else ("its bases were not decoded, because references are not held here",)
    return CheckReport(notes, records)


@contextmanager
def _local_file(job: CheckJob, file: OpenFile) -> Iterator[Path]:
    """Yield a local file with the bytes of the object; htslib reads no storages."""
    path = job.place.local_path()
    if path is not None:
        yield path
        return
    with staging_folder(job.place.backend) as folder:
        copy_object(job.place, file.stat, folder / "object")
        yield folder / "object"


def _decode(path: Path, job: CheckJob, *, ordered: bool) -> int:
    """Decode every record with htslib; return their number. Raises `FormatError`."""
    # Always set: htslib would otherwise ask a server on the internet for what it does not find.
    folder = f"{job.references or path.parent / 'none'}/%2s/%2s/%s"
    os.environ["REF_CACHE"] = os.environ["REF_PATH"] = folder
    options = [] if job.references else [f"required_fields={_WITHOUT_BASES:#x}"]
    count, before = 0, (0, -1)
    # Otherwise htslib says that it finds no index beside the file, which it does not need.
    pysam.set_verbosity(0)
    try:
        with pysam.AlignmentFile(str(path), "rc", check_sq=False, format_options=options) as records:
            for record in records:
                count += 1
                contig = record.reference_id
                here = (contig if contig >= 0 else 2**31, record.reference_start if contig >= 0 else 0)
                if ordered and here < before:
                    raise FormatError(f"record {count:,} is not in coordinate order")
                before = here
    except (OSError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"record {count + 1:,} cannot be decoded") from error
    return count
