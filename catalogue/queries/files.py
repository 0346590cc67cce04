"""Looks data files up by htsget id, and reads their bytes.

Access is decided on the row of a file, before its header, its index or its bytes are read or taken from memory. A byte
is handed on only when the stored object was the registered one, by size and ETag, after the byte had been read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import FormatNotStored, NotFound, ObjectChanged, ObjectCorrupt
from catalogue.formats import FormatError, ReadRange
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import ByteRange, VirtualOffset
from catalogue.models import DataFile
from catalogue.queries.texts import storable
from catalogue.storage import PIECE, storage


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One stored file as the protocols see it.

    `header_end` is where its first record begins, `unplaced_begin` where the records on no contig do, if there are any
    (`htsget_app.blocks.StoredFile` has the details). `indexed` says whether regions can be found in it, `ready` whether
    it was as registered when it was last looked at.
    """

    pk: int
    kind: str
    htsget_id: str
    format: FileFormat
    storage: str
    key: str
    size: int
    etag: str
    header_end: VirtualOffset
    has_eof: bool
    indexed: bool
    unplaced_begin: VirtualOffset | None
    ready: bool
    ingested: datetime


_COLUMNS = (
    "pk", "kind", "htsget_id", "format", "storage", "key", "size", "etag", "header_end", "has_eof", "index_kind",
    "unplaced_begin", "state", "ingested", "dataset__visibility",
)  # fmt: skip


def find_file(*, viewer: Viewer, kind: str, htsget_id: str, format: FileFormat) -> FileRecord:
    """The file that is served under an id in a format.

    Raises NotFound for an unknown id; AuthenticationRequired or PermissionRefused where the viewer may not have it;
    FormatNotStored where the id is in other formats only, which is told of those that the viewer may have.
    """
    if not storable(htsget_id):
        raise NotFound("no id is such a text")
    rows = DataFile.objects.filter(kind=kind, htsget_id=htsget_id).order_by("format").values_list(*_COLUMNS)
    found = {record.format: (record, visibility) for record, visibility in map(_record, rows)}
    if not found:
        raise NotFound(f"there are no {kind} with the id {htsget_id!r}")
    if format in found:
        record, visibility = found[format]
        access.require(viewer, visibility)
        return record
    stored = [other for other, (_, visibility) in found.items() if access.permits(viewer, visibility)]
    if not stored:
        access.require(viewer, next(iter(found.values()))[1])
    raise FormatNotStored(f"{htsget_id!r} is stored as {' and '.join(stored)}, not as {format}")


def file_by_key(*, viewer: Viewer, pk: int) -> FileRecord:
    """The file of a row's key. Raises NotFound, AuthenticationRequired, PermissionRefused."""
    row = DataFile.objects.filter(pk=pk).values_list(*_COLUMNS).first()
    if row is None:
        raise NotFound("the file is no longer registered")
    record, visibility = _record(row)
    access.require(viewer, visibility)
    return record


def is_local(file: FileRecord) -> bool:
    """Whether the stored object is a file on this machine."""
    return storage(file.storage).local_path(file.key) is not None


def check_registered(file: FileRecord) -> None:
    """Passes when the stored object is the one that was registered.

    Raises ObjectMissing, ObjectChanged, StorageUnavailable, StorageMisconfigured.
    """
    now = storage(file.storage).stat(file.key)
    if now.size != file.size:
        raise ObjectChanged(f"{now.size} bytes long, registered were {file.size}")
    if now.etag != file.etag:
        raise ObjectChanged("another ETag than was registered")


@contextmanager
def registered_bytes(file: FileRecord) -> Iterator[ReadRange]:
    """Ranged reads of a file, while the block runs; leaving it is the proof that they read what was registered.

    Raises what `check_registered` does, and ObjectCorrupt in place of a FormatError of the block.
    """
    check_registered(file)
    place, key, size = storage(file.storage), file.key, file.size
    touched = False

    def read_range(offset: int, length: int) -> bytes:
        nonlocal touched
        touched = True
        length = min(length, size - offset)
        return place.read_range(key, offset, length) if length > 0 else b""

    try:
        yield read_range
    except FormatError as error:
        check_registered(file)
        raise ObjectCorrupt(str(error)) from error
    if touched:
        check_registered(file)


def stream_bytes(file: FileRecord, where: ByteRange) -> Iterator[bytes]:
    """The stored bytes of a range within the file, in pieces of at most 1 MiB.

    Raises what `check_registered` does, before the first piece or in the middle; then the pieces so far are no answer.
    """
    place = storage(file.storage)
    for piece in where.split(PIECE):
        data = place.read_range(file.key, piece.begin, piece.length)
        check_registered(file)
        yield data


def _record(row: tuple) -> tuple[FileRecord, str]:  # type: ignore[type-arg]
    (pk, kind, htsget_id, format, place, key, size, etag, header_end, has_eof, index_kind, unplaced, state, ingested,
     visibility) = row  # fmt: skip
    record = FileRecord(
        pk=pk,
        kind=kind,
        htsget_id=htsget_id,
        format=FileFormat(format),
        storage=place,
        key=key,
        size=size,
        etag=etag,
        header_end=VirtualOffset(header_end),
        has_eof=has_eof,
        indexed=bool(index_kind),
        unplaced_begin=None if unplaced is None else VirtualOffset(unplaced),
        ready=state == DataFile.State.READY,
        ingested=ingested,
    )
    return record, visibility
