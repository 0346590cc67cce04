"""Objects that arrive in parts, on local disk and S3."""

import os
from pathlib import Path
from typing import Any

import pytest

from catalogue.errors import ObjectMissing, StorageError
from catalogue.storage import PART, LocalStorage, Storage, storage


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Storage:
    """An empty storage."""
    if request.param == "file":
        url = (tmp_path / "stored").as_uri()
    else:
        store = request.getfixturevalue("object_store")
        url = store.url(store.make_bucket(), "some/prefix")
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "parts": url}
    return storage("parts")


def test_parts_become_the_object(place: Storage) -> None:
    parts = [os.urandom(PART), os.urandom(PART), b"the last one"]
    upload = place.begin_parts("in/x.fa")
    assert [*place.list()] == []
    tags = [place.put_part("in/x.fa", upload, number, data) for number, data in enumerate(parts, 1)]
    # A part that is sent again, because its answer was lost, replaces the first one.
    tags[1] = place.put_part("in/x.fa", upload, 2, parts[1])
    stat = place.finish_parts("in/x.fa", upload, tags)
    whole = b"".join(parts)
    assert stat == place.stat("in/x.fa") and stat.size == len(whole)
    assert place.read_range("in/x.fa", 0, len(whole)) == whole
    place.abort_parts("in/x.fa", upload)
    assert place.stat("in/x.fa").size == len(whole)


def test_an_aborted_upload_takes_no_parts(place: Storage) -> None:
    upload = place.begin_parts("x")
    place.put_part("x", upload, 1, b"some")
    for _ in range(2):
        place.abort_parts("x", upload)
    # The simulated store answers 500 where S3 answers 404.
    with pytest.raises(StorageError):
        place.put_part("x", upload, 1, b"more")
    with pytest.raises(StorageError):
        place.finish_parts("x", upload, ["4"])
    assert [*place.list()] == []


def test_old_uploads_are_found(place: Storage) -> None:
    place.begin_parts("x")
    if isinstance(place, LocalStorage):
        # In the simulated store every upload began in 2010.
        assert place.abort_uploads(older_than=3600) == 0
    assert place.abort_uploads(older_than=-10, dry_run=True) == 1
    assert place.abort_uploads(older_than=-10) == 1
    assert place.abort_uploads(older_than=-10) == 0


def test_a_name_of_an_upload_leads_nowhere_else(settings: Any, tmp_path: Path) -> None:
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "parts": tmp_path.as_uri()}
    with pytest.raises(ObjectMissing):
        storage("parts").put_part("x", "../../x", 1, b"some")
