"""Writes local files into a bucket: whole, with every checksum confirmed by the store, or not at all."""

import base64
import hashlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from s3transfer.utils import ReadFileChunk

from catalogue.errors import ObjectChanged, StorageError
from catalogue.formats.intervals import ByteRange
from catalogue.storage.interface import PIECE
from catalogue.storage.s3_calls import Deadline, S3Calls, status_of

log = logging.getLogger(__name__)

#: Files up to this many bytes go in one request; larger ones in parts of at least so many.
PART = 16 << 20
#: An upload has at most so many parts (S3 User Guide, "Amazon S3 multipart upload limits").
MAX_PARTS = 10_000
#: Parts on their way at once.
PARALLEL = 4
#: Seconds that one part, or putting the parts together, may take; and how long the store may be silent meanwhile.
DEADLINE = 300.0
SILENCE = 60.0


@dataclass(frozen=True, slots=True)
class _Part:
    """One stretch of the file, from 1 on, and its md5."""

    number: int
    stretch: ByteRange
    md5: bytes

    @property
    def content_md5(self) -> str:
        return base64.b64encode(self.md5).decode()


class Uploads:
    """Uploads to one store. The store itself compares every request with its Content-MD5 before it accepts it."""

    def __init__(self, calls: S3Calls) -> None:
        self._calls = calls

    def send(self, path: Path, place: dict[str, str]) -> str:
        """Makes the file the object at `place`; gives the object's ETag. Raises StorageError."""
        size = path.stat().st_size
        if size <= PART:
            return self._send_whole(path, place, _part(path, 1, ByteRange(0, size)))
        with self._upload(place) as upload:
            length = max(PART, -(-size // MAX_PARTS))
            stretches = enumerate(ByteRange(0, size).split(length), 1)
            with ThreadPoolExecutor(PARALLEL, thread_name_prefix="upload") as pool:
                sending = [
                    pool.submit(self._send_part, path, upload, number, stretch)
                    for number, stretch in stretches
                ]
                try:
                    sent = [part.result() for part in sending]
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
            return self._complete(upload, sent)

    def abandon(self, bucket: str, prefix: str, *, before: float) -> int:
        """Gives up the unfinished uploads below `prefix` that began before that time; gives their number."""
        page: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        abandoned, more = 0, True
        while more:
            answer = self._calls.persist(partial(self._page, page))
            for upload in answer.get("Uploads", ()):
                if upload["Initiated"].timestamp() < before:
                    self._abort({"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]})
                    abandoned += 1
            more = answer["IsTruncated"]
            page |= {
                "KeyMarker": answer.get("NextKeyMarker"),
                "UploadIdMarker": answer.get("NextUploadIdMarker"),
            }
        return abandoned

    def _page(self, page: dict[str, Any], _: Deadline) -> Any:
        return self._calls.client.list_multipart_uploads(**page)

    def _send_whole(self, path: Path, place: dict[str, str], part: _Part) -> str:
        def put(_: Deadline) -> str:
            with _slice(path, part.stretch) as body:
                answer = self._calls.client.put_object(**place, Body=body, ContentMD5=part.content_md5)
            return self._confirmed(answer, part)

        return self._calls.persist(put, deadline=DEADLINE, silence=SILENCE)

    def _send_part(
        self, path: Path, upload: dict[str, str], number: int, stretch: ByteRange
    ) -> tuple[_Part, str]:
        part = _part(path, number, stretch)

        def put(_: Deadline) -> str:
            with _slice(path, stretch) as body:
                answer = self._calls.client.upload_part(
                    **upload, PartNumber=number, Body=body, ContentMD5=part.content_md5
                )
            return self._confirmed(answer, part)

        return part, self._calls.persist(put, deadline=DEADLINE, silence=SILENCE)

    def _confirmed(self, answer: Any, part: _Part) -> str:
        """The ETag, which is the md5 of what was stored unless that was encrypted with a key of a key service."""
        etag = str(answer["ETag"]).strip('"')
        plain = answer.get("ServerSideEncryption", "AES256") == "AES256"
        if plain and len(etag) == 32 and etag != part.md5.hex():
            raise ObjectChanged("what was written is not what the store has")
        return etag

    @contextmanager
    def _upload(self, place: dict[str, str]) -> Iterator[dict[str, str]]:
        begun = self._calls.persist(lambda _: self._calls.client.create_multipart_upload(**place))
        upload = place | {"UploadId": begun["UploadId"]}
        try:
            yield upload
        except BaseException:
            try:
                self._abort(upload)
            except StorageError:
                log.warning("An unfinished upload stays behind until the next sweep")
            raise

    def _abort(self, upload: dict[str, str]) -> None:
        def abort(_: Deadline) -> None:
            try:
                self._calls.client.abort_multipart_upload(**upload)
            except ClientError as error:
                if status_of(error) != 404:
                    raise

        self._calls.persist(abort)

    def _complete(self, upload: dict[str, str], sent: list[tuple[_Part, str]]) -> str:
        parts = [{"PartNumber": part.number, "ETag": f'"{etag}"'} for part, etag in sent]
        place = {name: upload[name] for name in ("Bucket", "Key")}
        joined = hashlib.md5(b"".join(part.md5 for part, _ in sent)).hexdigest()

        def complete(_: Deadline) -> str:
            client = self._calls.client
            try:
                answer = client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                # Perhaps an earlier attempt succeeded and only its answer was lost.
                answer = client.head_object(**place)
                if str(answer["ETag"]).strip('"') != f"{joined}-{len(parts)}":
                    raise
            return str(answer["ETag"]).strip('"')

        return self._calls.persist(complete, deadline=DEADLINE, silence=SILENCE)


def _part(path: Path, number: int, stretch: ByteRange) -> _Part:
    md5 = hashlib.md5(usedforsecurity=False)
    with _slice(path, stretch) as body:
        while piece := body.read(PIECE):
            md5.update(piece)
    return _Part(number, stretch, md5.digest())


def _slice(path: Path, stretch: ByteRange) -> Any:
    """The bytes of a stretch as a file, so that no part need fit into memory."""
    return ReadFileChunk.from_filename(str(path), start_byte=stretch.begin, chunk_size=max(1, stretch.length))
