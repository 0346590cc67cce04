"""Stores objects in a bucket of S3 or of a compatible store (MinIO, Ceph)."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageUnavailable
from catalogue.formats.intervals import ByteRange
from catalogue.storage.interface import (
    PIECE,
    Level,
    ObjectStat,
    SignedUrl,
    Storage,
    StoredObject,
    checked,
    checked_prefix,
    is_key,
)
from catalogue.storage.local import make_folders
from catalogue.storage.s3_address import S3Address
from catalogue.storage.s3_client import MIN_READ_TIMEOUT, Deadline, S3Client, S3Limits
from catalogue.storage.s3_errors import BrokenAnswer, status_of
from catalogue.storage.s3_upload import Uploads

#: Seconds that `check` may take.
CHECK_DEADLINE = 4.0
#: Objects that one request lists: as many as stores allow.
MAX_LISTED = 1000

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class S3Storage(Storage):
    """A key is relative to the prefix of the address. All threads share one client and its connections."""

    def __init__(self, name: str, address: S3Address, *, limits: S3Limits, staging: Path) -> None:
        super().__init__(name)
        self.address = address
        self.signs_urls = not address.anonymous
        self._staging = staging
        self._client = S3Client(name, address, limits)
        self._uploads = Uploads(self._client)

    def stat(self, key: str) -> ObjectStat:
        target = self._target(key)

        def head(_: Deadline) -> ObjectStat:
            try:
                answer = self._client.client.head_object(**target)
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                # The response to HEAD has no body to distinguish a missing object from a missing bucket.
                self._find_bucket()
                raise ObjectMissing(f"an object of storage {self.name!r} is missing") from error
            if (stat := _stat(answer, size="ContentLength")) is None:
                raise BrokenAnswer("the answer to HeadObject lacks ETag, Content-Length or Last-Modified")
            return stat

        return self._client.call("stat", head)

    def read_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> bytes:
        return b"".join(self.stream(key, offset, length, etag=etag))

    def stream(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        """One GET for all pieces, resumed where it broke. Each piece has the deadline for itself."""
        if length == 0:
            return
        reading = _Reading(
            self.name, self._client, self._target(key), ByteRange(offset, offset + length), etag
        )
        try:
            for start in range(0, length, PIECE):
                yield reading.take(min(PIECE, length - start))
        finally:
            reading.close()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        page: dict[str, Any] = {
            "Bucket": self.address.bucket,
            "Prefix": self.address.prefix + prefix,
            "MaxKeys": MAX_LISTED,
        }
        more = True
        while more:
            answer = self._client.call("list", lambda _: self._client.client.list_objects_v2(**page))
            for entry in answer.get("Contents", ()):
                key = entry["Key"][len(self.address.prefix) :]
                # Consoles make empty objects for folders; their keys are invalid here.
                if is_key(key) and (found := self._listed(key, entry)):
                    yield found
            page["ContinuationToken"] = answer.get("NextContinuationToken")
            more = answer.get("IsTruncated", False) and bool(page["ContinuationToken"])

    def list_level(self, prefix: str = "", *, after: str | None = None, limit: int = 200) -> Level:
        start = len(self.address.prefix)
        page: dict[str, Any] = {
            "Bucket": self.address.bucket,
            "Prefix": self.address.prefix + checked_prefix(prefix),
            "Delimiter": "/",
            "MaxKeys": limit,
        }
        if after is not None:
            page["ContinuationToken"] = after
        answer = self._client.call("list", lambda _: self._client.client.list_objects_v2(**page))
        folders = [entry["Prefix"][start:] for entry in answer.get("CommonPrefixes", ())]
        found = ((entry["Key"][start:], entry) for entry in answer.get("Contents", ()))
        objects = [self._listed(key, entry) for key, entry in found if is_key(key) and key.isprintable()]
        return Level(
            [folder for folder in folders if is_key(folder[:-1]) and folder.isprintable()],
            [one for one in objects if one is not None],
            answer.get("NextContinuationToken") if answer.get("IsTruncated") else None,
        )

    def _listed(self, key: str, entry: Any) -> StoredObject | None:
        """Return an entry of a listing; use HEAD for stores that leave out its ETag."""
        try:
            return StoredObject(key, _stat(entry, size="Size") or self.stat(key))
        except ObjectMissing:
            return None  # removed since it was listed

    def put(self, path: Path, key: str) -> ObjectStat:
        target = self._target(key)
        etag = self._uploads.send(path, target)
        stat = self.stat(key)
        if stat.size != path.stat().st_size or etag not in (None, stat.etag):
            raise ObjectChanged(f"an object of storage {self.name!r} is not what was just written")
        path.unlink()
        return stat

    def begin_parts(self, key: str) -> str:
        return self._uploads.begin(self._target(key))

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        return self._uploads.put_part(self._target(key) | {"UploadId": upload}, number, data)

    def finish_parts(self, key: str, upload: str, tags: Sequence[str]) -> ObjectStat:
        self._uploads.finish(self._target(key) | {"UploadId": upload}, tags)
        return self.stat(key)

    def abort_parts(self, key: str, upload: str) -> None:
        self._uploads.abort(self._target(key) | {"UploadId": upload})

    def delete(self, key: str) -> None:
        target = self._target(key)
        self._client.call("delete", lambda _: self._client.client.delete_object(**target))

    def staging(self) -> Path:
        try:
            make_folders(self._staging, mode=0o700)
        except OSError as error:
            raise StorageUnavailable(f"storage {self.name!r} has no staging folder") from error
        return self._staging

    def abort_uploads(self, *, older_than: float, dry_run: bool = False) -> int:
        before = time.time() - older_than
        return self._uploads.abort_unfinished(
            self.address.bucket, self.address.prefix, before=before, dry_run=dry_run
        )

    def check(self) -> None:
        """List one entry, which checks the permission to list besides that to read objects."""
        self._client.call(
            "check",
            lambda _: self._client.client.list_objects_v2(
                Bucket=self.address.bucket, Prefix=self.address.prefix, MaxKeys=1
            ),
            deadline=CHECK_DEADLINE,
            read_timeout=CHECK_DEADLINE,
        )

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
        if not self.signs_urls:
            return super().signed_url(key, ttl=ttl)
        if sign_range and byte_range is None:
            raise ValueError("there is no range to sign")
        headers = {} if byte_range is None else {"Range": byte_range.http()}
        signed = self._target(key) | (headers if sign_range else {})
        if etag is not None:
            headers["If-Match"] = signed["IfMatch"] = f'"{etag}"'
        if content_type is not None:
            signed["ResponseContentType"] = content_type

        def sign() -> str:
            return str(self._client.signer.generate_presigned_url("get_object", Params=signed, ExpiresIn=ttl))

        return SignedUrl(self._client.call_offline(sign), headers)

    def _find_bucket(self) -> None:
        """Raise ClientError unless the bucket exists; a bucket that may not be listed exists."""
        try:
            self._client.client.head_bucket(Bucket=self.address.bucket)
        except ClientError as error:
            if status_of(error) != 403:
                raise

    def _target(self, key: str) -> dict[str, str]:
        return {"Bucket": self.address.bucket, "Key": self.address.prefix + checked(key)}


class _Reading:
    """Reads a byte range of one state of an object, over as many GET requests as it takes."""

    def __init__(
        self, name: str, client: S3Client, target: dict[str, str], byte_range: ByteRange, etag: str | None
    ) -> None:
        self._name = name
        self._client = client
        self._target = target
        self._left = byte_range
        self._etag = etag
        self._body: Any = None
        self._stream: Any = None

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; after a broken response, resume after the bytes received."""
        pieces: list[bytes] = []
        end = self._left.begin + size

        def fill(deadline: Deadline) -> None:
            try:
                while self._left.begin < end:
                    pieces.append(self._read(end - self._left.begin, deadline))
            except BaseException:
                self.close()
                raise

        self._client.call("read", fill)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read(self, size: int, deadline: Deadline) -> bytes:
        """Read the socket once, so that a store that sends single bytes cannot exceed the deadline."""
        if self._body is None:
            self._open()
        timeout = min(self._client.limits.read_timeout, deadline.left())
        self._body.set_socket_timeout(max(MIN_READ_TIMEOUT, timeout))
        piece: bytes = self._stream.read1(size)
        if not piece:
            raise BrokenAnswer("the answer to GetObject ended early")
        self._left = ByteRange(self._left.begin + len(piece), self._left.end)
        if not deadline.left():
            raise BrokenAnswer("the answer to GetObject came too slowly")
        return piece

    def close(self) -> None:
        """Discard the rest of a response. A connection whose response was read to its end is reused."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _open(self) -> None:
        condition = {"IfMatch": f'"{self._etag}"'} if self._etag else {}
        answer = self._client.client.get_object(**self._target, Range=self._left.http(), **condition)
        self._body = answer["Body"]
        self._stream = self._body.__enter__()
        self._verify(answer)

    def _verify(self, answer: Any) -> None:
        """Compare the response with the request: a proxy may ignore the range, and the object may have changed."""
        if not (found := _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))):
            raise BrokenAnswer("the answer to GetObject names no range")
        begin, last, size = int(found[1]), int(found[2]), int(found[3])
        etag = answer.get("ETag", "").strip('"')
        if not etag:
            raise BrokenAnswer("the answer to GetObject lacks an ETag")
        if self._etag and etag != self._etag:
            raise ObjectChanged(f"an object of storage {self._name!r} has changed")
        if size < self._left.end:
            raise ShortRead(f"an object of storage {self._name!r} ends before byte {self._left.end}")
        length = answer.get("ContentLength", self._left.length)
        if (begin, last + 1, length) != (self._left.begin, self._left.end, self._left.length):
            raise BrokenAnswer("the answer to GetObject is of another range")
        self._etag = etag


def _stat(answer: Any, *, size: str) -> ObjectStat | None:
    """Return the object state in a response; None if a part of it is missing."""
    etag, modified = answer.get("ETag", "").strip('"'), answer.get("LastModified")
    if not etag or modified is None or size not in answer:
        return None
    # HEAD gives whole seconds, a listing may give milliseconds: round, so that the same state is equal.
    return ObjectStat(answer[size], etag, float(int(modified.timestamp())))
