"""The interface of storages, tested on local disk and S3."""

import os
import random
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from pytest_django import Settings

from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageUnavailable
from catalogue.storage import PIECE, Storage, storage
from tests.live import PATIENCE

#: Keys that a path, a URL or a signature could get wrong.
KEYS = [
    "plain",
    "ab/cd/ef0123456789",
    "with space/and  two.bam",
    "ünïcødé/日本語/🧬.vcf.gz",
    "plus+percent%20%/amp&question?hash#.cram",
    "quotes'\"()*!~$@,;:=.bam",
    "-dash/.hidden/_under",
    "a" * 200,
]
#: More than two pieces, and no round number.
LARGE = random.Random(7).randbytes(2 * PIECE + PIECE // 2 + 17)


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Storage:
    """An empty storage."""
    if request.param == "file":
        folder = tmp_path / "a storage"
        folder.mkdir()
        settings.HTSGETSITE_STORAGES = {"tested": folder.as_uri()}
    else:
        store = request.getfixturevalue("object_store")
        settings.HTSGETSITE_STORAGES = {"tested": store.url(store.make_bucket(), "a prefix/ü")}
    return storage("tested")


def put(place: Storage, key: str, content: bytes) -> None:
    """Stores `content` the way that every writer does."""
    staged = place.staging() / "staged"
    staged.write_bytes(content)
    place.put(staged, key)


def test_what_is_put_is_there(place: Storage) -> None:
    for key in KEYS:
        content = f"content of {key}".encode()
        staged = place.staging() / "staged"
        staged.write_bytes(content)
        written = place.put(staged, key)
        assert not staged.exists()
        assert written.size == len(content)
        assert place.stat(key) == written
        assert place.read_range(key, 0, len(content)) == content
        assert b"".join(place.stream(key, 3, 5)) == content[3:8]
        assert [(entry.key, entry.stat) for entry in place.list()] == [(key, written)]
        place.delete(key)
        with pytest.raises(ObjectMissing):
            place.stat(key)


def test_any_range_is_the_slice(place: Storage) -> None:
    put(place, "large", LARGE)
    chance = random.Random(11)
    for _ in range(60):
        begin, end = sorted(chance.choices(range(len(LARGE) + 1), k=2))
        end = min(end, begin + chance.choice([0, 1, 17, 70_000, len(LARGE)]))
        assert place.read_range("large", begin, end - begin) == LARGE[begin:end]


def test_a_stream_comes_in_pieces(place: Storage) -> None:
    put(place, "large", LARGE)
    pieces = list(place.stream("large", 5, len(LARGE) - 5))
    assert b"".join(pieces) == LARGE[5:]
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, PIECE // 2 + 12]
    assert list(place.stream("large", 9, 0)) == []


def test_a_stream_may_be_left_early(place: Storage) -> None:
    put(place, "large", LARGE)
    for _ in range(3):
        stream = place.stream("large", 0, len(LARGE))
        assert next(stream) == LARGE[:PIECE]
        assert isinstance(stream, Iterator)
        del stream
    assert place.read_range("large", 3, 3) == LARGE[3:6]


def test_bytes_that_are_not_there_are_a_short_read(place: Storage) -> None:
    put(place, "ten", b"0123456789")
    for offset, length in [(0, 11), (9, 2), (10, 1), (100, 1), (0, 3 * PIECE)]:
        with pytest.raises(ShortRead):
            place.read_range("ten", offset, length)
        with pytest.raises(ShortRead):
            list(place.stream("ten", offset, length))


def test_an_empty_object(place: Storage) -> None:
    put(place, "empty", b"")
    assert place.stat("empty").size == 0
    assert place.read_range("empty", 0, 0) == b""
    with pytest.raises(ShortRead):
        place.read_range("empty", 0, 1)


def test_what_is_missing_is_missing(place: Storage) -> None:
    put(place, "there/object", b"x")
    for key in ("nowhere", "there", "there/object/below", "there/objec"):
        with pytest.raises(ObjectMissing):
            place.stat(key)
        with pytest.raises(ObjectMissing):
            place.read_range(key, 0, 1)
        with pytest.raises(ObjectMissing):
            list(place.stream(key, 0, 1))
        place.delete(key)
    assert place.read_range("there/object", 0, 1) == b"x"


def test_errors_name_neither_key_nor_place(place: Storage) -> None:
    put(place, "secretive", b"0123456789")
    for ask in (
        lambda: place.stat("secret-key"),
        lambda: place.read_range("secret-key", 0, 1),
        lambda: place.read_range("secretive", 5, 50),
    ):
        with pytest.raises((ObjectMissing, ShortRead)) as caught:
            ask()
        said = str(caught.value)
        assert "'tested'" in said
        assert not any(word in said for word in ("secret", "127.0.0.1", "bucket", "prefix", "/"))


def test_what_is_no_key_is_refused(place: Storage) -> None:
    staged = place.staging() / "staged"
    staged.write_bytes(b"x")
    for key in ("", "/", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", "a/..", "a\0b"):
        for ask in (
            partial(place.stat, key),
            partial(place.read_range, key, 0, 1),
            partial(next, place.stream(key, 0, 1)),
            partial(place.put, staged, key),
            partial(place.delete, key),
        ):
            with pytest.raises(SuspiciousFileOperation):
                ask()
    assert staged.exists()
    assert list(place.list()) == []


def test_listings_are_sorted_and_a_prefix_is_a_string(place: Storage) -> None:
    keys = [
        "run1.bam",
        "run1/a.bam",
        "run1/b/c.bam",
        "run10.bam",
        "run1-x",
        "Run1",
        "rün",
        "zz/日本",
        "zz/z",
        "a",
        "b/c",
    ]
    sizes = {key: size for size, key in enumerate(keys)}
    for key, size in sizes.items():
        put(place, key, b"x" * size)
    for prefix in (
        "",
        "r",
        "run1",
        "run1/",
        "run1/b",
        "run1/b/",
        "run1/b/c.bam",
        "zz/",
        "zz/日",
        "nothing",
        "run1/b/d",
    ):
        listed = [(entry.key, entry.stat.size) for entry in place.list(prefix)]
        assert listed == sorted((key, size) for key, size in sizes.items() if key.startswith(prefix)), prefix


def test_a_listing_goes_on_over_pages(place: Storage) -> None:
    keys = [f"o/{number:03}" for number in range(220)]

    def put_apart(key: str) -> None:
        staged = place.staging() / key.replace("/", "-")
        staged.write_bytes(b"x")
        place.put(staged, key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put_apart, keys))
    assert [entry.key for entry in place.list("o/")] == keys


def test_listings_leave_out_what_is_on_its_way(place: Storage) -> None:
    (place.staging() / "half").write_bytes(b"ha")
    (place.staging() / "folder").mkdir()
    (place.staging() / "folder" / "half").write_bytes(b"ha")
    put(place, "whole", b"whole")
    for prefix in ("", "."):
        assert [entry.key for entry in place.list(prefix)] == ["whole"] * (prefix == "")
    assert list(place.list(".staging/")) == []


def test_the_stat_of_a_listing_is_that_of_the_object(place: Storage) -> None:
    put(place, "a", b"1")
    put(place, "b", b"22")
    assert {entry.key: entry.stat for entry in place.list()} == {key: place.stat(key) for key in ("a", "b")}


def test_a_replaced_object_is_noticed(place: Storage) -> None:
    put(place, "object", b"first state")
    before = place.stat("object")
    assert place.read_range("object", 0, 5, etag=before.etag) == b"first"
    put(place, "object", b"other state")
    after = place.stat("object")
    assert after.etag != before.etag
    with pytest.raises(ObjectChanged):
        place.read_range("object", 0, 5, etag=before.etag)
    with pytest.raises(ObjectChanged):
        list(place.stream("object", 0, 5, etag=before.etag))
    assert place.read_range("object", 0, 5, etag=after.etag) == b"other"
    assert place.read_range("object", 0, 5) == b"other"


def test_no_stream_mixes_two_states(place: Storage) -> None:
    put(place, "object", b"a" * len(LARGE))
    etag = place.stat("object").etag
    stream = place.stream("object", 0, len(LARGE), etag=etag)
    got = [next(stream)]
    put(place, "object", b"b" * len(LARGE))
    try:
        got += stream
    except ObjectChanged:
        pass
    assert set(b"".join(got)) == {ord("a")}


def test_a_deleted_object_is_gone_for_readers(place: Storage) -> None:
    put(place, "object", b"content")
    assert place.read_range("object", 0, 7) == b"content"
    place.delete("object")
    place.delete("object")
    with pytest.raises(ObjectMissing):
        place.read_range("object", 0, 7)


def test_a_file_that_cannot_be_stored_stays(place: Storage) -> None:
    put(place, "object", b"content")
    missing = place.staging() / "never-made"
    with pytest.raises((OSError, ObjectMissing, StorageUnavailable)):
        place.put(missing, "object")
    assert place.read_range("object", 0, 7) == b"content"


def test_readers_see_whole_objects_while_a_writer_replaces_them(place: Storage) -> None:
    states = [bytes([letter]) * 200_000 for letter in b"abcdef"]
    put(place, "object", states[0])
    done = threading.Event()
    all_read = threading.Barrier(5)

    def read() -> None:
        assert place.read_range("object", 0, 200_000) in states
        all_read.wait(PATIENCE)
        while not done.is_set():
            assert place.read_range("object", 0, 200_000) in states

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            all_read.wait(PATIENCE)
            for state in states * 3:
                put(place, "object", state)
        finally:
            done.set()
        for reader in readers:
            reader.result()


def test_threads_read_at_once(place: Storage) -> None:
    contents = {f"object {number}": random.Random(number).randbytes(50_000) for number in range(20)}
    for key, content in contents.items():
        put(place, key, content)

    def read(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(10):
            key = chance.choice(list(contents))
            begin = chance.randrange(50_000)
            length = chance.randrange(50_001 - begin)
            assert place.read_range(key, begin, length) == contents[key][begin : begin + length]

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(read, range(24)))


def test_a_forked_process_reads_with_connections_of_its_own(place: Storage) -> None:
    put(place, "large", LARGE)
    assert place.read_range("large", 0, 10) == LARGE[:10]
    child = os.fork()
    if child == 0:
        right = False
        try:
            right = all(
                place.read_range("large", at, 999) == LARGE[at : at + 999] for at in range(0, 99_000, 3_000)
            )
        finally:
            os._exit(0 if right else 1)
    assert all(place.read_range("large", at, 999) == LARGE[at : at + 999] for at in range(0, 99_000, 3_000))
    assert os.waitpid(child, 0)[1] == 0


def test_staging_is_a_local_folder(place: Storage) -> None:
    assert place.staging().is_dir()
    assert place.staging() == place.staging()


def test_it_answers(place: Storage) -> None:
    place.check()
    put(place, "object", b"x")
    place.check()


def test_nothing_is_abandoned_where_nothing_is_under_way(place: Storage) -> None:
    put(place, "object", b"x")
    assert place.abort_uploads(older_than=0) == 0
    assert place.read_range("object", 0, 1) == b"x"


def test_etags_tell_states_apart(place: Storage) -> None:
    etags = []
    for state in (b"a", b"b", b"aa", b"ab"):
        put(place, "object", state)
        etags.append(place.stat("object").etag)
    assert all(one != other for one, other in pairwise(etags))
    assert len(set(etags)) == 4


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(("mode", "folders"), [(0o600, 0o700), (0o640, 0o750)])
def test_permissions_are_those_of_the_setting_whatever_the_umask(
    settings: Settings, tmp_path: Path, umask: int, mode: int, folders: int
) -> None:
    settings.STORAGE_FILE_MODE = mode
    root = tmp_path / "home" / "files"
    settings.HTSGETSITE_STORAGES = {"new": root.as_uri()}
    before = os.umask(umask)
    try:
        staged = storage("new").staging() / "staged"
        staged.write_bytes(b"x")
        storage("new").put(staged, "a/b/c")
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "a/b/c").stat().st_mode) == mode
    for folder in (root.parent, root, root / "a", root / "a" / "b"):
        assert stat.S_IMODE(folder.stat().st_mode) == folders
    assert stat.S_IMODE((root / ".staging").stat().st_mode) == 0o700
