"""What every storage offers. Offsets and lengths are bytes, 0-based, half-open."""

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from django.core.exceptions import SuspiciousFileOperation

from catalogue.formats.intervals import ByteRange

#: Streams hand on pieces of this many bytes: fewer system calls than smaller ones, no more memory than larger ones.
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What identifies one state of a stored object: it changed when any of these did.

    `modified` is in seconds since 1970, UTC; whole seconds where the storage is S3.
    """

    size: int
    etag: str
    modified: float


class StoredObject(NamedTuple):
    """One entry of a listing."""

    key: str
    stat: ObjectStat


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL that anybody may fetch until it expires, and the headers that belong to the request."""

    url: str = field(repr=False)
    headers: Mapping[str, str]


class Storage(abc.ABC):
    """One named place for objects. Safe to use from several threads.

    A key is made of parts with one `/` between them; none is empty, `.` or `..`. Any other raises
    SuspiciousFileOperation and is left out of listings. Where a reader gives `etag`, only bytes of that state of the
    object come back: another state raises ObjectChanged.
    """

    #: Whether `signed_url` can be used, so that clients fetch bytes without this site in between.
    signs_urls: bool = False

    def __init__(self, name: str) -> None:
        self.name = name

    @abc.abstractmethod
    def stat(self, key: str) -> ObjectStat:
        """Size and ETag. Raises ObjectMissing, StorageUnavailable."""

    @abc.abstractmethod
    def read_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> bytes:
        """Exactly `length` bytes from `offset`. Raises ShortRead, ObjectChanged, ObjectMissing, StorageUnavailable.

        Nothing at all is asked of the object where `length` is 0.
        """

    @abc.abstractmethod
    def stream(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        """The same bytes in pieces of at most `PIECE`; the same errors, which may come in the middle."""

    @abc.abstractmethod
    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix` (a string, not a folder), in the order of keys."""

    @abc.abstractmethod
    def put(self, path: Path, key: str) -> ObjectStat:
        """Makes the finished local file `path` the object `key`: complete and durable, or not there at all.

        The file is gone afterwards, and still there after an error. Give a file in `staging()`, so that a move is
        enough where the storage is local. An object that was there is replaced.
        """

    @abc.abstractmethod
    def delete(self, key: str) -> None:
        """Removes an object; no error when it is gone already."""

    @abc.abstractmethod
    def staging(self) -> Path:
        """An existing local folder for files that are on their way into the storage; listings leave it out."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raises StorageUnavailable, without naming a path, unless the storage answers; takes a few seconds at most."""

    def local_path(self, key: str) -> Path | None:
        """The file of an object, where it is one on this machine."""
        return None

    def abandon_uploads(self, *, older_than: float) -> int:
        """Gives up uploads that were never finished and began more than so many seconds ago; gives their number.

        They show nowhere, but may be paid for.
        """
        return 0

    def signed_url(
        self,
        key: str,
        *,
        ttl: int,
        etag: str | None = None,
        content_type: str | None = None,
        byte_range: ByteRange | None = None,
        sign_range: bool = False,
    ) -> SignedUrl:
        """A URL to GET the object, or `byte_range` of it, for `ttl` seconds, without credentials.

        The range is asked for by a header. Without `sign_range` one URL serves every range of the object: sign once,
        and send `ByteRange.http()` of any stretch as `Range`. With it the URL works for precisely this range. With
        `etag` it works for this state of the object only, by a header that is signed as well. What is fetched says that
        it is of `content_type`, where that is given. Asks the storage nothing. Raises NotImplementedError unless
        `signs_urls`.
        """
        raise NotImplementedError(f"storage {self.name!r} signs no URLs")


def is_key(key: str) -> bool:
    """Whether an object may be called so in every kind of storage and in every URL that leads to it."""
    return "\0" not in key and not {"", ".", ".."}.intersection(key.split("/"))


def checked(key: str) -> str:
    """The key itself. Raises SuspiciousFileOperation when it is none."""
    if not is_key(key):
        raise SuspiciousFileOperation("that is no key of a stored object")
    return key
