"""Uploads to an object store that fails: one whole object or none, and no upload left behind."""

import hashlib
import random
from pathlib import Path

import pytest

from catalogue.errors import ObjectChanged, StorageError, StorageUnavailable
from catalogue.storage import s3_upload
from catalogue.storage.s3 import S3Storage
from tests.object_faults import Fault, Seen
from tests.object_store import ObjectStore


def completes(seen: Seen) -> bool:
    return seen.method == "POST" and "uploadId" in seen.query


@pytest.fixture
def staged(place: S3Storage, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(s3_upload, "PART_SIZE", 5 << 20)
    path = place.staging() / "staged"
    path.write_bytes(random.Random(5).randbytes((11 << 20) + 5))
    return path


def test_parts_become_one_object(place: S3Storage, object_store: ObjectStore, staged: Path) -> None:
    digest = hashlib.sha256(staged.read_bytes()).digest()
    with object_store.gate.counted() as seen:
        stat = place.put(staged, "large")
    assert sorted(request.query["partNumber"] for request in seen if request.method == "PUT") == [
        "1",
        "2",
        "3",
    ]
    assert stat.etag.endswith("-3")
    assert hashlib.sha256(place.read_range("large", 0, stat.size)).digest() == digest
    assert not staged.exists()


@pytest.mark.parametrize(
    "fault", [Fault.DROP, Fault.SLOW_DOWN, Fault.ERROR, Fault.LOST_ANSWER, Fault.ALTERED_UPLOAD]
)
def test_one_bad_part_is_sent_again(
    place: S3Storage, object_store: ObjectStore, staged: Path, fault: Fault
) -> None:
    content = staged.read_bytes()
    object_store.gate.fail(fault, times=1, only=lambda seen: seen.method == "PUT")
    stat = place.put(staged, "large")
    assert place.read_range("large", 0, stat.size) == content


def test_a_lost_answer_to_the_last_call_is_no_failure(
    place: S3Storage, object_store: ObjectStore, staged: Path
) -> None:
    content = staged.read_bytes()
    object_store.gate.fail(Fault.LOST_ANSWER, times=1, only=completes)
    object_store.gate.fail(Fault.NO_UPLOAD, times=1, only=completes)
    place.put(staged, "large")
    assert place.read_range("large", 0, len(content)) == content


def test_an_upload_that_somebody_ended_is_a_failure(
    place: S3Storage, object_store: ObjectStore, staged: Path
) -> None:
    object_store.gate.fail(Fault.NO_UPLOAD, only=completes)
    with pytest.raises(StorageUnavailable):
        place.put(staged, "large")
    assert staged.exists()


@pytest.mark.parametrize("fault", [Fault.DENIED, Fault.ALTERED_STORE])
def test_a_failed_upload_leaves_nothing(
    place: S3Storage, object_store: ObjectStore, staged: Path, fault: Fault
) -> None:
    before = [entry.key for entry in place.list()]
    object_store.gate.fail(fault, only=lambda seen: seen.query.get("partNumber") == "2")
    with pytest.raises(StorageError):
        place.put(staged, "large")
    assert staged.exists()
    assert [entry.key for entry in place.list()] == before
    assert place.abort_uploads(older_than=0) == 0


def test_a_small_file_that_arrives_altered_is_not_believed(
    place: S3Storage, object_store: ObjectStore
) -> None:
    small = place.staging() / "small"
    small.write_bytes(b"0123456789")
    object_store.gate.fail(Fault.ALTERED_STORE, only=lambda seen: seen.method == "PUT")
    with pytest.raises(ObjectChanged):
        place.put(small, "small")
    assert small.exists()


def test_unfinished_uploads_can_be_given_up(place: S3Storage, object_store: ObjectStore) -> None:
    bucket = place.address.bucket
    for key in ("p/a", "p/b", "elsewhere/c"):
        object_store.backstage.create_multipart_upload(Bucket=bucket, Key=key)
    # The simulated store says of every upload that it began in 2010.
    assert place.abort_uploads(older_than=100 * 365 * 86400) == 0
    assert place.abort_uploads(older_than=3600) == 2
    left = object_store.backstage.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["elsewhere/c"]
