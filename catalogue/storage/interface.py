"""The interface of a storage. Offsets and lengths are in bytes, 0-based, ranges half-open."""

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from django.core.exceptions import SuspiciousFileOperation

from catalogue.formats.intervals import ByteRange

#: Bytes of every part but the last of an object that arrives in parts; S3 demands 5 MiB at least.
PART = 8 << 20
#: Streams yield pieces of this many bytes: few system calls, little memory.
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """The state of an object; any difference means that the object changed.

    `modified` is in seconds since 1970, UTC; whole seconds in S3.
    """

    size: int
    etag: str
    modified: float


class StoredObject(NamedTuple):
    """One entry of a listing."""

    key: str
    stat: ObjectStat


class Level(NamedTuple):
    """A page of what lies directly below a prefix: `folders` are prefixes that end with a slash.

    `next` is what to give as `after` for the next page; None where this is the last.
    """

    folders: list[str]
    objects: list[StoredObject]
    next: str | None


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL that anybody may fetch until it expires, and the headers to send with the request."""

    url: str = field(repr=False)
    headers: Mapping[str, str]


class Storage(abc.ABC):
    """A named folder or bucket of objects. Thread-safe.

    A key consists of parts separated by one `/`, none of which is empty, `.` or `..`. Any other key raises
    SuspiciousFileOperation, and is left out of listings. With `etag`, a read returns only bytes of that state of the
    object, and raises ObjectChanged for any other.
    """

    #: Whether `signed_url` works, so that clients can fetch bytes from the store itself.
    signs_urls: bool = False

    def __init__(self, name: str) -> None:
        self.name = name

    @abc.abstractmethod
    def stat(self, key: str) -> ObjectStat:
        """Return size, ETag and time of change. Raises ObjectMissing, StorageUnavailable."""

    @abc.abstractmethod
    def read_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> bytes:
        """Return exactly `length` bytes from `offset`; a length of 0 makes no request.

        Raises ShortRead, ObjectChanged, ObjectMissing, StorageUnavailable.
        """

    def read_unchanging(self, key: str, offset: int, length: int) -> bytes:
        """Return the same as `read_range`, of an object that is never replaced by another content, such as residues.

        That it was removed may show a second later.
        """
        return self.read_range(key, offset, length)

    @abc.abstractmethod
    def stream(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        """Yield the same bytes in pieces of at most `PIECE`. Raises the same errors, also between pieces."""

    @abc.abstractmethod
    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object whose key begins with `prefix` (a string, not a folder), in the order of keys."""

    @abc.abstractmethod
    def list_level(self, prefix: str = "", *, after: str | None = None, limit: int = 200) -> Level:
        """Return up to `limit` folders and objects directly below a prefix, which is empty or ends with a slash.

        Reads this level alone, however much lies below it. A prefix below which there is nothing has an empty level.
        Raises StorageUnavailable, and SuspiciousFileOperation for a prefix that no key can have.
        """

    @abc.abstractmethod
    def put(self, path: Path, key: str) -> ObjectStat:
        """Make the finished local file `path` the object `key`, complete and durable, replacing what was there.

        The file is removed on success and kept on error. Give a file in `staging()`, so that a local storage only has
        to rename it.
        """

    @abc.abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; a missing object is not an error."""

    @abc.abstractmethod
    def staging(self) -> Path:
        """Return an existing local folder for files that are to be `put`; listings leave it out."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raise StorageUnavailable, without naming a path, unless the storage answers within a few seconds."""

    def local_path(self, key: str) -> Path | None:
        """Return the local file of an object; None if the storage is remote."""
        return None

    @abc.abstractmethod
    def begin_parts(self, key: str) -> str:
        """Begin an object that arrives in parts, one request each; return the name by which the others refer to it."""

    @abc.abstractmethod
    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """Store a part, numbered from 1, of `PART` bytes unless it is the last; return its tag.

        Storing a part again replaces it. Raises ObjectMissing for an upload that was aborted.
        """

    @abc.abstractmethod
    def finish_parts(self, key: str, upload: str, tags: Sequence[str]) -> ObjectStat:
        """Make the parts with these tags, in their order, the object `key`, complete and durable."""

    @abc.abstractmethod
    def abort_parts(self, key: str, upload: str) -> None:
        """Discard the parts of an upload; one that is unknown or finished is not an error."""

    def abort_uploads(self, *, older_than: float, dry_run: bool = False) -> int:
        """Abort unfinished uploads older than `older_than` seconds; return their number.

        Listings do not show them, but the store may charge for them.
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
        """Return a URL to GET the object, or `byte_range` of it, for `ttl` seconds without credentials.

        The range is a header of the request. Without `sign_range` one URL serves every range: sign once, and send
        `ByteRange.http()` of any range as `Range`. With it the URL works for this range only. With `etag` it works for
        this state of the object only. The response has `content_type` if given. Makes no request. Raises
        NotImplementedError unless `signs_urls`.
        """
        raise NotImplementedError(f"storage {self.name!r} signs no URLs")


def is_key(key: str) -> bool:
    """Return whether this can be a key in every kind of storage, and in a URL."""
    return "\0" not in key and not {"", ".", ".."}.intersection(key.split("/"))


def checked_prefix(prefix: str) -> str:
    """Return a prefix that is empty or ends with a slash. Raises SuspiciousFileOperation for any other."""
    if prefix and not (prefix.endswith("/") and is_key(prefix[:-1])):
        raise SuspiciousFileOperation("a prefix ends with a slash, and has no empty parts, . or ..")
    return prefix


def checked(key: str) -> str:
    """Return the key. Raises SuspiciousFileOperation if it is invalid."""
    if not is_key(key):
        raise SuspiciousFileOperation("a key must not have empty parts, . or ..")
    return key
