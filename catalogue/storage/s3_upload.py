"""Uploads local files into a bucket, completely and with checksums verified by the store, or not at all."""

import base64
import hashlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from s3transfer.utils import ReadFileChunk

from catalogue.errors import ObjectChanged, ObjectMissing, StorageError
from catalogue.formats.intervals import ByteRange
from catalogue.storage.interface import PIECE
from catalogue.storage.s3_client import Deadline, S3Client
from catalogue.storage.s3_errors import status_of

log = logging.getLogger(__name__)

#: Files up to this many bytes are sent in one request; larger ones in parts of at least this many.
PART_SIZE = 16 << 20
#: S3 User Guide, "Amazon S3 multipart upload limits".
MAX_PARTS = 10_000
#: Parts sent concurrently.
PARALLEL_PARTS = 4
#: Seconds that sending one part, or completing an upload, may take; and for how long the store may be silent meanwhile.
DEADLINE = 300.0
READ_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class _Part:
    """One range of the file, numbered from 1, and its md5."""

    number: int
    byte_range: ByteRange
    md5: bytes

    @property
    def content_md5(self) -> str:
        return base64.b64encode(self.md5).decode()


class Uploads:
    """Uploads files to one store, which verifies every request against its Content-MD5."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def send(self, path: Path, target: dict[str, str]) -> str | None:
        """Upload the file as the object `target`; return its ETag, if the store gives it. Raises StorageError."""
        size = path.stat().st_size
        if size <= PART_SIZE:
            return self._put_object(path, target, _part(path, 1, ByteRange(0, size)))
        with self._multipart_upload(target) as upload:
            ranges = enumerate(ByteRange(0, size).split(max(PART_SIZE, -(-size // MAX_PARTS))), 1)
            with ThreadPoolExecutor(PARALLEL_PARTS, thread_name_prefix="upload") as pool:
                sending = [pool.submit(self._send_part, path, upload, *numbered) for numbered in ranges]
                try:
                    sent = [part.result() for part in sending]
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
            return self._complete(upload, sent)

    def abort_unfinished(self, bucket: str, prefix: str, *, before: float, dry_run: bool = False) -> int:
        """Abort the unfinished uploads below `prefix` that began before that time; return their number."""
        page: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        count, more = 0, True
        while more:
            answer = self._client.call("list", partial(self._list_uploads, page))
            for upload in answer.get("Uploads", ()):
                if upload["Initiated"].timestamp() < before:
                    count += 1
                    if not dry_run:
                        self.abort({"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]})
            more = answer.get("IsTruncated", False)
            page |= {
                "KeyMarker": answer.get("NextKeyMarker"),
                "UploadIdMarker": answer.get("NextUploadIdMarker"),
            }
        return count

    def begin(self, target: dict[str, str]) -> str:
        """Begin an upload whose parts arrive one by one; return its id."""
        created = self._client.call("write", lambda _: self._client.client.create_multipart_upload(**target))
        return str(created["UploadId"])

    def put_part(self, upload: dict[str, str], number: int, data: bytes) -> str:
        """Store a part of such an upload; return its ETag. Raises ObjectMissing for an upload that was aborted."""
        part = _Part(number, ByteRange(0, len(data)), hashlib.md5(data, usedforsecurity=False).digest())

        def put(_: Deadline) -> str:
            try:
                answer = self._client.client.upload_part(
                    **upload, PartNumber=number, Body=data, ContentMD5=part.content_md5
                )
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                raise ObjectMissing("the store has no such upload") from error
            return _verified_etag(answer, part) or part.md5.hex()

        return self._client.call("write", put, deadline=DEADLINE, read_timeout=READ_TIMEOUT)

    def finish(self, upload: dict[str, str], tags: Sequence[str]) -> None:
        """Complete such an upload from its parts. Does nothing for one that an earlier attempt completed."""
        parts = [{"PartNumber": number, "ETag": f'"{tag}"'} for number, tag in enumerate(tags, 1)]

        def complete(_: Deadline) -> None:
            try:
                self._client.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                # Raises the same error unless there is an object; the caller compares its size.
                self._client.client.head_object(Bucket=upload["Bucket"], Key=upload["Key"])

        self._client.call("write", complete, deadline=DEADLINE, read_timeout=READ_TIMEOUT)

    def _list_uploads(self, page: dict[str, Any], _: Deadline) -> Any:
        return self._client.client.list_multipart_uploads(**page)

    def _put_object(self, path: Path, target: dict[str, str], part: _Part) -> str | None:
        def put(_: Deadline) -> str | None:
            with _open_range(path, part.byte_range) as body:
                answer = self._client.client.put_object(**target, Body=body, ContentMD5=part.content_md5)
            return _verified_etag(answer, part)

        return self._client.call("write", put, deadline=DEADLINE, read_timeout=READ_TIMEOUT)

    def _send_part(
        self, path: Path, upload: dict[str, str], number: int, byte_range: ByteRange
    ) -> tuple[_Part, str]:
        part = _part(path, number, byte_range)

        def put(_: Deadline) -> str:
            with _open_range(path, byte_range) as body:
                answer = self._client.client.upload_part(
                    **upload, PartNumber=number, Body=body, ContentMD5=part.content_md5
                )
            # Completing the upload needs an ETag; use the md5 if the store does not return one.
            return _verified_etag(answer, part) or part.md5.hex()

        return part, self._client.call("write", put, deadline=DEADLINE, read_timeout=READ_TIMEOUT)

    @contextmanager
    def _multipart_upload(self, target: dict[str, str]) -> Iterator[dict[str, str]]:
        created = self._client.call("write", lambda _: self._client.client.create_multipart_upload(**target))
        upload = target | {"UploadId": created["UploadId"]}
        try:
            yield upload
        except BaseException:
            try:
                self.abort(upload)
            except StorageError:
                log.warning("An unfinished upload stays behind until remove_orphans is run")
            raise

    def abort(self, upload: dict[str, str]) -> None:
        """Abort an upload; one that the store does not know is not an error."""

        def abort(_: Deadline) -> None:
            try:
                self._client.client.abort_multipart_upload(**upload)
            except ClientError as error:
                if status_of(error) != 404:
                    raise

        self._client.call("delete", abort)

    def _complete(self, upload: dict[str, str], sent: list[tuple[_Part, str]]) -> str | None:
        parts = [{"PartNumber": part.number, "ETag": f'"{etag}"'} for part, etag in sent]
        target = {name: upload[name] for name in ("Bucket", "Key")}
        joined = hashlib.md5(b"".join(part.md5 for part, _ in sent)).hexdigest()

        def complete(_: Deadline) -> str | None:
            client = self._client.client
            try:
                answer = client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                # An earlier attempt may have succeeded with only its response lost.
                answer = client.head_object(**target)
                if _etag(answer) != f"{joined}-{len(parts)}":
                    raise
            return _etag(answer)

        return self._client.call("write", complete, deadline=DEADLINE, read_timeout=READ_TIMEOUT)


def _part(path: Path, number: int, byte_range: ByteRange) -> _Part:
    md5 = hashlib.md5(usedforsecurity=False)
    with _open_range(path, byte_range) as body:
        while piece := body.read(PIECE):
            md5.update(piece)
    return _Part(number, byte_range, md5.digest())


def _open_range(path: Path, byte_range: ByteRange) -> Any:
    """Open a range of a file as a file object, so that parts need not fit into memory."""
    return ReadFileChunk.from_filename(
        str(path), start_byte=byte_range.begin, chunk_size=max(1, byte_range.length)
    )


def _verified_etag(answer: Any, part: _Part) -> str | None:
    """Return the ETag, which is the md5 of the stored bytes unless they were encrypted with a key service."""
    etag = _etag(answer)
    is_md5 = answer.get("ServerSideEncryption", "AES256") == "AES256" and len(etag or "") == 32
    if is_md5 and etag != part.md5.hex():
        raise ObjectChanged("what was written is not what the store has")
    return etag


def _etag(answer: Any) -> str | None:
    return answer.get("ETag", "").strip('"') or None
