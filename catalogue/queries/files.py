"""Looks up data files by htsget id, and reads their bytes.

Access is decided from the row of a file, before its header, index or bytes are read or taken from a cache. Bytes are
returned only if the stored object still had the registered size and ETag after they were read. A local file is checked
with a cheap stat; an object store receives the expected ETag with every read.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from django.db import connection

from catalogue import access
from catalogue.access import ANONYMOUS, Asked, Lease, Permission, PermissionRefused, Viewer
from catalogue.errors import NotFound, ObjectChanged, ObjectCorrupt
from catalogue.formats import FormatError, ReadRange
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import ByteRange, VirtualOffset
from catalogue.models import DataFile
from catalogue.queries.object_reads import ObjectReader
from catalogue.queries.text import storable
from catalogue.rate_limits import COUNT, Charge, TooMany
from catalogue.storage import PIECE, SignedUrl, storage


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One stored file as the protocols see it.

    `header_end` is the offset of the first record, or for CRAM of the first container as `VirtualOffset.at(byte)`;
    `unplaced_begin` is the offset of the first record on no contig, None if there is none. `indexed` says whether
    regions can be found, `ready` whether the object was the registered one at the last check. `dataset` is the slug;
    `permission` is what of the file `viewer`, for whom it was looked up, may have.
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


# SQL, because every request makes this query, and Django takes longer to build it than PostgreSQL to answer.
_SELECT = """
SELECT f.id, f.kind, f.htsget_id, f.format, f.storage, f.key, f.size, f.etag, f.header_end, f.has_eof, f.index_kind,
       f.unplaced_begin, f.state, f.ingested, f.dataset_id, d.slug, d.visibility
  FROM catalogue_datafile f
  JOIN catalogue_dataset d ON d.id = f.dataset_id
"""
# A former id is looked up in the same query, so that it takes as long as any other id. A retired one leads nowhere.
_BY_ID = (
    f"{_SELECT} WHERE f.kind = %s AND f.htsget_id = coalesce((SELECT target FROM catalogue_formerid"  # noqa: S608
    " WHERE htsget_id = %s AND kind = %s), %s) ORDER BY f.format"
)
# The same, and the count of a rate: one statement instead of two. An unknown id gives one row of the count alone.
_COUNTED_BY_ID = (
    f"WITH counted AS ({COUNT}) SELECT counted.count, found.* FROM counted LEFT JOIN ({_BY_ID}) found"  # noqa: S608
    " ON true ORDER BY found.format"
)
_BY_KEY = f"{_SELECT} WHERE f.id = %s"


def find_file(
    *, viewer: Viewer, kind: str, htsget_id: str, format: FileFormat, charge: Charge | None = None
) -> StoredFile:
    """Return the file with an id, preferably stored in this format, with the viewer's permission on it.

    A former id that redirects gives the file of its target. A `charge` is counted by the same statement, whatever comes
    of the look-up; the error of a rate, TooMany, comes before all others of the catalogue.

    Raises NotFound for an unknown id, and the error of `access.refusal` if the viewer has no permission on it.
    """
    if not storable(htsget_id):
        raise NotFound("ids hold neither NUL nor half of a surrogate pair")
    rows = _counted_rows(charge, kind, htsget_id)
    given = access.permissions(viewer, [row.asked for row in rows])
    unknown = f"there are no {kind} with the id {htsget_id!r}"
    if not rows:
        raise NotFound(unknown)
    # A file in another format can be converted.
    for row in sorted(rows, key=lambda row: row.format != format):
        if row.pk in given:
            return row.stored_file(given[row.pk], viewer)
    raise access.refusal(viewer, unknown=unknown)


def _counted_rows(charge: Charge | None, kind: str, htsget_id: str) -> list["_Row"]:
    by_id = kind, htsget_id, kind, htsget_id
    if charge is None:
        return _rows(_BY_ID, *by_id)
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED_BY_ID, (*charge.parameters(), *by_id))
        counted = cursor.fetchall()
    if (wait := charge.wait(counted[0][0])) is not None:
        raise TooMany(wait)
    return [_Row(*row) for _, *row in counted if row[0] is not None]


def leased_file(*, pk: int, lease: Lease) -> StoredFile:
    """Return the file in row `pk`, for the holder of a lease on it.

    Raises NotFound when it is no longer registered, PermissionRefused when the lease no longer holds.
    """
    rows = _rows(_BY_KEY, pk)
    if not rows:
        raise NotFound("the file is no longer registered")
    (row,) = rows
    if not access.stands(lease, kind=row.kind, dataset=row.dataset, visibility=row.visibility):
        raise PermissionRefused("what this was granted by has ended or changed; ask for a new ticket")
    return row.stored_file(Permission(whole=False, lease=lease))


def is_local(file: StoredFile) -> bool:
    """Return whether the stored object is a file on this machine."""
    return storage(file.storage).local_path(file.key) is not None


def check_registered(file: StoredFile) -> None:
    """Check that the stored object is still the registered one.

    Raises ObjectMissing, ObjectChanged, StorageUnavailable, StorageMisconfigured.
    """
    now = storage(file.storage).stat(file.key)
    if now.size != file.size:
        raise ObjectChanged(f"{now.size} bytes long, registered were {file.size}")
    if now.etag != file.etag:
        raise ObjectChanged("another ETag than was registered")


@contextmanager
def registered_bytes(file: StoredFile) -> Iterator[ReadRange]:
    """Yield a reader of a file's ranges; if the block ends without error, every read was of the registered object.

    Raises the errors of `check_registered`, and ObjectCorrupt in place of a FormatError in the block.
    """
    reading = _local_bytes(file) if is_local(file) else _remote_bytes(file)
    with reading as read_range:
        yield read_range


@contextmanager
def _remote_bytes(file: StoredFile) -> Iterator[ReadRange]:
    # A file that is not ready is checked even if nothing is read, so that its recovery is noticed.
    if not file.ready:
        check_registered(file)
    with closing(ObjectReader(storage(file.storage), file.key, size=file.size, etag=file.etag)) as reader:
        try:
            yield reader
        except FormatError as error:
            raise ObjectCorrupt(str(error)) from error


@contextmanager
def _local_bytes(file: StoredFile) -> Iterator[ReadRange]:
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
    """Yield the stored bytes of a range within the file, in pieces of at most 1 MiB.

    Raises the errors of `check_registered`, also between pieces; the pieces so far are then invalid.
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
    """Return a function from a range of the file to a presigned URL of its storage; None if that signs no URLs.

    All ranges share one URL, signed once, unless the viewer may not have the whole file: then each range has a URL that
    is valid for that range only. The URLs serve only the registered state of the object.
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
        # Signed on first use: most tickets are all inline and need no URL.
        return place.signed_url(file.key, ttl=seconds, etag=file.etag)

    return lambda where: SignedUrl(signed().url, {**signed().headers, "Range": where.http()})


def data_origin(file: StoredFile) -> str | None:
    """Return scheme and host of the presigned URLs of a file's storage; None if that signs no URLs."""
    if not storage(file.storage).signs_urls:
        return None
    parts = urlsplit(storage(file.storage).signed_url(file.key, ttl=60, etag=file.etag).url)
    return f"{parts.scheme}://{parts.netloc}"


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

    def stored_file(self, permission: Permission, viewer: Viewer = ANONYMOUS) -> StoredFile:
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


def _rows(query: str, *parameters: str | int) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [_Row(*row) for row in cursor.fetchall()]
