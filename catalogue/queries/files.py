"""Looks data files up by htsget id, and reads their bytes.

Access is decided on the row of a file, before its header, its index or its bytes are read or taken from memory. A byte
is handed on only when the stored object was the registered one, by size and ETag, after the byte had been read. Of a
file on this machine the object is asked, which costs nothing; an object store is told the ETag with every read.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from catalogue import access
from catalogue.access import ANONYMOUS, Asked, Lease, Permission, PermissionRefused, Viewer
from catalogue.errors import FormatNotStored, NotFound, ObjectChanged, ObjectCorrupt
from catalogue.formats import FormatError, ReadRange
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import ByteRange, VirtualOffset
from catalogue.models import DataFile
from catalogue.queries.object_reads import ObjectReader
from catalogue.queries.text import storable
from catalogue.storage import PIECE, SignedUrl, storage


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One stored file as the protocols see it.

    `header_end` is where its first record begins, `unplaced_begin` where the records on no contig do, if there are any
    (`htsget_app.planning.parts.FileLayout`). `indexed` says whether regions can be found in it, `ready` whether
    it was as registered when it was last looked at. `dataset` is the slug; `permission` is what of the file may be
    handed to `viewer`, for whom it was looked up.
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
    dataset: str
    permission: Permission
    viewer: Viewer = ANONYMOUS


# Every request asks this, and Django takes longer to write the question than PostgreSQL to answer it.
_SELECT = """
SELECT f.id, f.kind, f.htsget_id, f.format, f.storage, f.key, f.size, f.etag, f.header_end, f.has_eof, f.index_kind,
       f.unplaced_begin, f.state, f.ingested, f.dataset_id, d.slug, d.visibility
  FROM catalogue_datafile f
  JOIN catalogue_dataset d ON d.id = f.dataset_id
"""
_BY_ID = f"{_SELECT} WHERE f.htsget_id = %s AND f.kind = %s ORDER BY f.format"
_BY_KEY = f"{_SELECT} WHERE f.id = %s"


def find_file(*, viewer: Viewer, kind: str, htsget_id: str, format: FileFormat) -> StoredFile:
    """The file that is served under an id in a format, with what of it the viewer may have.

    Raises NotFound for an unknown id; what `access.refusal` gives where the viewer may have nothing of it;
    FormatNotStored where the id is in other formats only, which is told of those that the viewer may have.
    """
    if not storable(htsget_id):
        raise NotFound("no id is such a text")
    rows = _rows(_BY_ID, htsget_id, kind)
    given = access.permissions(viewer, [row.asked for row in rows])
    unknown = f"there are no {kind} with the id {htsget_id!r}"
    if not rows:
        raise NotFound(unknown)
    for row in rows:
        if row.format == format and row.pk in given:
            return row.record(given[row.pk], viewer)
    theirs = [row.format for row in rows if row.pk in given]
    if not theirs or (not settings.HIDE_CONTROLLED and any(row.format == format for row in rows)):
        raise access.refusal(viewer, unknown=unknown)
    raise FormatNotStored(f"{htsget_id!r} is stored as {' and '.join(theirs)}, not as {format}")


def leased_file(*, pk: int, lease: Lease) -> StoredFile:
    """The file of a row's key, for somebody who was given a lease on it.

    Raises NotFound when it is no longer registered, PermissionRefused when the lease no longer stands.
    """
    rows = _rows(_BY_KEY, pk)
    if not rows:
        raise NotFound("the file is no longer registered")
    (row,) = rows
    if not access.stands(lease, kind=row.kind, dataset=row.dataset, visibility=row.visibility):
        raise PermissionRefused("what was granted then is not granted any more; ask for a new ticket")
    return row.record(Permission(whole=False, lease=lease))


def is_local(file: StoredFile) -> bool:
    """Whether the stored object is a file on this machine."""
    return storage(file.storage).local_path(file.key) is not None


def check_registered(file: StoredFile) -> None:
    """Passes when the stored object is the one that was registered.

    Raises ObjectMissing, ObjectChanged, StorageUnavailable, StorageMisconfigured.
    """
    now = storage(file.storage).stat(file.key)
    if now.size != file.size:
        raise ObjectChanged(f"{now.size} bytes long, registered were {file.size}")
    if now.etag != file.etag:
        raise ObjectChanged("another ETag than was registered")


@contextmanager
def registered_bytes(file: StoredFile) -> Iterator[ReadRange]:
    """Ranged reads of a file, while the block runs; leaving it is the proof that they read what was registered.

    Raises what `check_registered` does, and ObjectCorrupt in place of a FormatError of the block.
    """
    reading = _near(file) if is_local(file) else _far(file)
    with reading as read_range:
        yield read_range


@contextmanager
def _far(file: StoredFile) -> Iterator[ReadRange]:
    # What was found to be another object is asked, so that it can be seen when it is the registered one again.
    if not file.ready:
        check_registered(file)
    with closing(ObjectReader(storage(file.storage), file.key, size=file.size, etag=file.etag)) as reader:
        try:
            yield reader
        except FormatError as error:
            raise ObjectCorrupt(str(error)) from error


@contextmanager
def _near(file: StoredFile) -> Iterator[ReadRange]:
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


def stream_bytes(file: StoredFile, where: ByteRange) -> Iterator[bytes]:
    """The stored bytes of a range within the file, in pieces of at most 1 MiB.

    Raises what `check_registered` does, before the first piece or in the middle; then the pieces so far are no answer.
    """
    place = storage(file.storage)
    if not is_local(file):
        yield from place.stream(file.key, where.begin, where.length, etag=file.etag)
        return
    for piece in where.split(PIECE):
        data = place.read_range(file.key, piece.begin, piece.length)
        check_registered(file)
        yield data


def direct_urls(file: StoredFile, *, seconds: int) -> Callable[[ByteRange], SignedUrl] | None:
    """How clients fetch ranges of the file from its storage, for so many seconds; None where that signs no URLs.

    All ranges have one URL, signed once, unless the file is not to be had as a whole: then each has its own, which is
    good for this range alone. What is fetched is of the registered state, or nothing.
    """
    place = storage(file.storage)
    if not place.signs_urls:
        return None
    if not file.permission.whole:
        return lambda where: place.signed_url(
            file.key, ttl=seconds, etag=file.etag, byte_range=where, sign_range=True
        )

    @cache
    def signed() -> SignedUrl:
        # Many a ticket has all inline, and needs none.
        return place.signed_url(file.key, ttl=seconds, etag=file.etag)

    return lambda where: SignedUrl(signed().url, {**signed().headers, "Range": where.http()})


class _Row(NamedTuple):
    """The columns of `_SELECT`."""

    pk: int
    kind: str
    htsget_id: str
    format: str
    storage: str
    key: str
    size: int
    etag: str
    header_end: int
    has_eof: bool
    index_kind: str
    unplaced_begin: int | None
    state: str
    ingested: datetime
    dataset: int
    slug: str
    visibility: str

    @property
    def asked(self) -> Asked:
        return Asked(file=self.pk, kind=self.kind, dataset=self.dataset, visibility=self.visibility)

    def record(self, permission: Permission, viewer: Viewer = ANONYMOUS) -> StoredFile:
        begin = self.unplaced_begin
        return StoredFile(
            pk=self.pk,
            kind=self.kind,
            htsget_id=self.htsget_id,
            format=FileFormat(self.format),
            storage=self.storage,
            key=self.key,
            size=self.size,
            etag=self.etag,
            header_end=VirtualOffset(self.header_end),
            has_eof=self.has_eof,
            indexed=bool(self.index_kind),
            unplaced_begin=None if begin is None else VirtualOffset(begin),
            ready=self.state == DataFile.State.READY,
            ingested=self.ingested,
            dataset=self.slug,
            permission=permission,
            viewer=viewer,
        )


def _rows(question: str, *parameters: str | int) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        return [_Row(*row) for row in cursor.fetchall()]
