"""Listings of one level of a storage, page by page, on local disk and S3."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SuspiciousFileOperation

from catalogue.storage import Storage, storage

KEYS = ("a.bam", "a/one.bam", "a/two/deep.bam", "b/x.vcf.gz", "b.bam", "ünïcødé/🧬.bam", "z z.bam")


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Storage:
    """A storage with an object for each of the keys."""
    if request.param == "file":
        url = (tmp_path / "stored").as_uri()
    else:
        store = request.getfixturevalue("object_store")
        url = store.url(store.make_bucket(), "some/prefix")
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "levels": url}
    made = storage("levels")
    for number, key in enumerate(KEYS):
        draft = made.staging() / "draft"
        draft.write_bytes(bytes(number + 1))
        made.put(draft, key)
    return made


def read_level(place: Storage, prefix: str, *, limit: int) -> tuple[list[str], dict[str, int]]:
    """Read all pages of a level; each holds at most `limit` entries."""
    folders: list[str] = []
    objects: dict[str, int] = {}
    after: str | None = None
    while True:
        level = place.list_level(prefix, after=after, limit=limit)
        assert len(level.folders) + len(level.objects) <= limit
        folders += level.folders
        objects |= {one.key: one.stat.size for one in level.objects}
        after = level.next
        if after is None:
            return folders, objects


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_each_entry_of_a_level_comes_once(place: Storage, limit: int) -> None:
    folders, objects = read_level(place, "", limit=limit)
    assert sorted(folders) == sorted(["a/", "b/", "ünïcødé/"])
    assert objects == {key: KEYS.index(key) + 1 for key in ("a.bam", "b.bam", "z z.bam")}
    assert read_level(place, "a/", limit=limit) == (["a/two/"], {"a/one.bam": 2})


def test_the_stat_is_that_of_the_object(place: Storage) -> None:
    for one in place.list_level().objects:
        assert one.stat == place.stat(one.key)


def test_what_is_on_its_way_is_left_out(place: Storage) -> None:
    (place.staging() / "draft").write_bytes(b"x")
    assert ".staging/" not in place.list_level().folders


def test_a_prefix_of_nothing_is_empty(place: Storage) -> None:
    for prefix in ("none/", "a/one.bam/", "a/two/deep.bam/x/"):
        assert place.list_level(prefix) == ([], [], None)


@pytest.mark.parametrize("prefix", ["a", "../", "a/../", "/", "a//", "./", "a/\0/"])
def test_what_is_no_prefix_is_refused(place: Storage, prefix: str) -> None:
    with pytest.raises(SuspiciousFileOperation):
        place.list_level(prefix)
