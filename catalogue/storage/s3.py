"""Objects in a bucket of S3, or of a store that speaks its protocol (MinIO, Ceph)."""

import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageUnavailable
from catalogue.formats.intervals import ByteRange
from catalogue.storage.interface import (
    PIECE,
    ObjectStat,
    SignedUrl,
    Storage,
    StoredObject,
    checked,
    is_key,
)
from catalogue.storage.s3_address import S3Address
from catalogue.storage.s3_calls import SHORTEST_WAIT, BrokenAnswer, Deadline, Pace, S3Calls, status_of
from catalogue.storage.s3_upload import Uploads

#: Seconds that `check` may take.
CHECK_DEADLINE = 4.0

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class S3Storage(Storage):
    """A key is what follows the prefix of the address. All threads share one client and its connections."""

    def __init__(self, name: str, address: S3Address, *, pace: Pace, staging: Path) -> None:
        super().__init__(name)
        self.address = address
        self.signs_urls = not address.anonymous
        self._staging = staging
        self._calls = S3Calls(name, address, pace)
        self._uploads = Uploads(self._calls)

    def stat(self, key: str) -> ObjectStat:
        place = self._place(key)

        def head(_: Deadline) -> ObjectStat:
            try:
                return _object_stat(self._calls.client.head_object(**place))
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                # The answer to a HEAD has no body that would tell a missing object from a missing bucket.
                self._find_bucket()
                raise ObjectMissing(f"an object of storage {self.name!r} is missing") from error

        return self._calls.persist(head)

    def read_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> bytes:
        return b"".join(self.stream(key, offset, length, etag=etag))

    def stream(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        """One GET for all pieces; a broken one goes on where it broke. Each piece has the deadline for itself."""
        if length == 0:
            return
        reading = _Reading(self.name, self._calls, self._place(key), ByteRange(offset, offset + length), etag)
        try:
            for start in range(0, length, PIECE):
                yield reading.take(min(PIECE, length - start))
        finally:
            reading.close()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        page: dict[str, Any] = {"Bucket": self.address.bucket, "Prefix": self.address.prefix + prefix}
        more = True
        while more:
            answer = self._calls.persist(lambda _: self._calls.client.list_objects_v2(**page))
            for entry in answer.get("Contents", ()):
                key = entry["Key"][len(self.address.prefix) :]
                # Consoles make empty objects that stand for folders; their keys are none here.
                if is_key(key):
                    yield StoredObject(key, _stat(entry["Size"], entry["ETag"], entry["LastModified"]))
            more = answer["IsTruncated"]
            page["ContinuationToken"] = answer.get("NextContinuationToken")

    def put(self, path: Path, key: str) -> ObjectStat:
        place = self._place(key)
        etag = self._uploads.send(path, place)
        stat = self.stat(key)
        if stat.size != path.stat().st_size or stat.etag != etag:
            raise ObjectChanged(f"an object of storage {self.name!r} is not what was just written")
        path.unlink()
        return stat

    def delete(self, key: str) -> None:
        place = self._place(key)
        self._calls.persist(lambda _: self._calls.client.delete_object(**place))

    def staging(self) -> Path:
        try:
            self._staging.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"storage {self.name!r} has no folder for files on their way") from error
        return self._staging

    def abandon_uploads(self, *, older_than: float) -> int:
        before = time.time() - older_than
        return self._uploads.abandon(self.address.bucket, self.address.prefix, before=before)

    def check(self) -> None:
        """Asks for one entry of the listing: what reading needs besides the objects themselves."""
        self._calls.persist(
            lambda _: self._calls.client.list_objects_v2(
                Bucket=self.address.bucket, Prefix=self.address.prefix, MaxKeys=1
            ),
            deadline=CHECK_DEADLINE,
            silence=CHECK_DEADLINE,
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
        signed = self._place(key) | (headers if sign_range else {})
        if etag is not None:
            headers["If-Match"] = signed["IfMatch"] = f'"{etag}"'
        if content_type is not None:
            signed["ResponseContentType"] = content_type

        def sign() -> str:
            return str(self._calls.signer.generate_presigned_url("get_object", Params=signed, ExpiresIn=ttl))

        return SignedUrl(self._calls.offline(sign), headers)

    def _find_bucket(self) -> None:
        """Raises ClientError when there is none. One that we may not list exists."""
        try:
            self._calls.client.head_bucket(Bucket=self.address.bucket)
        except ClientError as error:
            if status_of(error) != 403:
                raise

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self.address.bucket, "Key": self.address.prefix + checked(key)}


class _Reading:
    """One walk through a stretch of one state of an object, over as many answers as it takes."""

    def __init__(
        self, name: str, calls: S3Calls, place: dict[str, str], stretch: ByteRange, etag: str | None
    ) -> None:
        self._name = name
        self._calls = calls
        self._place = place
        self._left = stretch
        self._etag = etag
        self._body: Any = None
        self._stream: Any = None

    def take(self, size: int) -> bytes:
        """The next `size` bytes; what came before an answer broke is not asked for again."""
        pieces: list[bytes] = []
        upto = self._left.begin + size

        def fill(deadline: Deadline) -> None:
            try:
                while self._left.begin < upto:
                    if self._body is None:
                        self._open()
                    self._body.set_socket_timeout(
                        max(SHORTEST_WAIT, min(self._calls.pace.silence, deadline.left()))
                    )
                    # One read of the socket at a time: a store that sends a byte now and then must not outlast us.
                    piece = self._stream.read1(upto - self._left.begin)
                    if not piece:
                        raise BrokenAnswer("the answer to GetObject ended early")
                    pieces.append(piece)
                    self._left = ByteRange(self._left.begin + len(piece), self._left.end)
                    if not deadline.left():
                        raise BrokenAnswer("the answer to GetObject came too slowly")
            except BaseException:
                self.close()
                raise

        self._calls.persist(fill)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Drops what is left of an answer. A connection whose answer was read to its end is kept for others."""
        if self._body is not None:
            self._body.close()
            self._body = None

    def _open(self) -> None:
        condition = {"IfMatch": f'"{self._etag}"'} if self._etag else {}
        answer = self._calls.client.get_object(**self._place, Range=self._left.http(), **condition)
        self._body = answer["Body"]
        self._stream = self._body.__enter__()
        self._inspect(answer)

    def _inspect(self, answer: Any) -> None:
        """Believes nothing: a proxy may forget the range, and one answer may be of another state than the last."""
        if not (said := _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))):
            raise BrokenAnswer("the answer to GetObject names no range")
        begin, last, size = int(said[1]), int(said[2]), int(said[3])
        etag = answer.get("ETag", "").strip('"')
        if self._etag and etag != self._etag:
            raise ObjectChanged(f"an object of storage {self._name!r} has changed")
        if size < self._left.end:
            raise ShortRead(f"an object of storage {self._name!r} ends before byte {self._left.end}")
        if (begin, last + 1) != (self._left.begin, self._left.end) or answer[
            "ContentLength"
        ] != self._left.length:
            raise BrokenAnswer("the answer to GetObject is of another range")
        self._etag = etag


def _object_stat(answer: Any) -> ObjectStat:
    return _stat(answer["ContentLength"], answer["ETag"], answer["LastModified"])


def _stat(size: int, etag: str, modified: datetime) -> ObjectStat:
    # HEAD knows whole seconds, a listing may know milliseconds: the same state must look the same in both.
    return ObjectStat(size, etag.strip('"'), float(int(modified.timestamp())))
