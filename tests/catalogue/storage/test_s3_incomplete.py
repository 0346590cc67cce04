"""Stores that leave parts of their answers out, as some compatible ones do."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from catalogue.errors import StorageUnavailable
from catalogue.storage import s3_client, s3_upload, storage
from catalogue.storage.s3 import S3Storage
from tests.object_store import ObjectStore

CONTENT = b"0123456789"


@pytest.fixture
def place(object_store: ObjectStore, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    monkeypatch.setattr(s3_client, "FIRST_BACKOFF", 0.001)
    bucket = object_store.make_bucket()
    settings.HTSGETSITE_STORAGES = {"far": object_store.url(bucket, "p")}
    for key in ("p/a", "p/b"):
        object_store.put(bucket, key, CONTENT)
    place = storage("far")
    assert isinstance(place, S3Storage)
    return place


def leave_out(place: S3Storage, operation: str, edit: Callable[[Any], object]) -> None:
    """Have the store's answers to an operation pass through `edit`."""

    def change(parsed: Any, **_: object) -> None:
        edit(parsed)

    place._client.client.meta.events.register(f"after-call.s3.{operation}", change)


@pytest.mark.parametrize("missing", ["ETag", "LastModified", "Size"])
def test_what_a_listing_leaves_out_is_asked_for(place: S3Storage, missing: str) -> None:
    complete = list(place.list())
    leave_out(place, "ListObjectsV2", lambda answer: [entry.pop(missing) for entry in answer["Contents"]])
    leave_out(place, "ListObjectsV2", lambda answer: answer.pop("IsTruncated"))
    assert list(place.list()) == complete
    assert [found.key for found in complete] == ["a", "b"]


@pytest.mark.parametrize("missing", ["ETag", "LastModified", "ContentLength"])
def test_an_object_whose_state_nobody_tells_is_refused(
    place: S3Storage, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    leave_out(place, "HeadObject", lambda answer: answer.pop(missing, None))
    with pytest.raises(StorageUnavailable):
        place.stat("a")
    assert "HeadObject lacks ETag, Content-Length or Last-Modified" in caplog.text


def test_a_read_without_etag_is_refused_and_one_without_length_is_not(
    place: S3Storage, caplog: pytest.LogCaptureFixture
) -> None:
    etag = place.stat("a").etag
    leave_out(place, "GetObject", lambda answer: answer.pop("ContentLength"))
    assert place.read_range("a", 2, 5, etag=etag) == CONTENT[2:7]
    leave_out(place, "GetObject", lambda answer: answer.pop("ETag"))
    with pytest.raises(StorageUnavailable):
        place.read_range("a", 2, 5, etag=etag)
    assert "GetObject lacks an ETag" in caplog.text


def test_uploads_need_no_etag_in_their_answers(place: S3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_upload, "PART_SIZE", 5 << 20)
    for operation in ("PutObject", "UploadPart", "CompleteMultipartUpload"):
        leave_out(place, operation, lambda answer: answer.pop("ETag"))
    for content in (CONTENT, b"x" * (5 << 20) + CONTENT):
        staged = place.staging() / "staged"
        staged.write_bytes(content)
        stat = place.put(staged, "new")
        assert place.read_range("new", 0, stat.size) == content
