"""Unchanging files that are read often, mapped into memory: the same bytes, without system calls, verified in time."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalogue.errors import ObjectMissing, ShortRead
from catalogue.storage import LocalStorage, mapped

CONTENT = random.Random(3).randbytes(300_000)
MAX_MAPPED = 3


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(mapped, "time", clock)
    return clock


@pytest.fixture
def place(tmp_path: Path) -> LocalStorage:
    return LocalStorage("tested", tmp_path, max_mapped=MAX_MAPPED)


def put(place: LocalStorage, key: str, content: bytes) -> None:
    staged = place.staging() / "staged"
    staged.write_bytes(content)
    place.put(staged, key)


def read_often(place: LocalStorage, key: str) -> None:
    for _ in range(mapped.MIN_READS):
        place.read_unchanging(key, 0, 10)


@contextmanager
def failing_system_calls() -> Iterator[None]:
    def fail(*_: object, **__: object) -> bytes:
        raise AssertionError("a system call")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("pread", "stat", "fstat"):
            patch.setattr(os, name, fail)
        yield


@pytest.mark.parametrize("max_mapped", [0, MAX_MAPPED])
def test_reads_are_those_of_the_file(tmp_path: Path, max_mapped: int) -> None:
    place = LocalStorage("tested", tmp_path, max_mapped=max_mapped)
    put(place, "one", CONTENT)
    rng = random.Random(1)
    for _ in range(500):
        begin = rng.randrange(len(CONTENT))
        length = rng.choice([0, 1, 1000, mapped.MAX_READ, mapped.MAX_READ + 1])
        if begin + length > len(CONTENT):
            with pytest.raises(ShortRead):
                place.read_unchanging("one", begin, length)
        else:
            assert place.read_unchanging("one", begin, length) == CONTENT[begin : begin + length]


def test_reads_of_a_mapped_file_make_no_system_call(place: LocalStorage, clock: Clock) -> None:
    put(place, "one", CONTENT)
    read_often(place, "one")
    with failing_system_calls():
        assert place.read_unchanging("one", 5000, 1000) == CONTENT[5000:6000]
        with pytest.raises(AssertionError):
            place.read_range("one", 0, 1)
        clock.now += 2 * mapped.TRUSTED_SECONDS
        with pytest.raises(AssertionError):
            place.read_unchanging("one", 5000, 1000)
    assert place.read_unchanging("one", 5000, 1000) == CONTENT[5000:6000]
    with failing_system_calls():
        assert place.read_unchanging("one", 5000, 1000) == CONTENT[5000:6000]


def test_what_was_removed_or_replaced_through_the_storage_shows_at_once(
    place: LocalStorage, clock: Clock
) -> None:
    put(place, "one", CONTENT)
    read_often(place, "one")
    put(place, "one", CONTENT[::-1])
    assert place.read_unchanging("one", 0, 100) == CONTENT[::-1][:100]
    read_often(place, "one")
    place.delete("one")
    with pytest.raises(ObjectMissing):
        place.read_unchanging("one", 0, 100)


def test_what_was_removed_or_replaced_otherwise_shows_after_a_second(
    place: LocalStorage, clock: Clock, tmp_path: Path
) -> None:
    for key in ("replaced", "removed", "emptied"):
        put(place, key, CONTENT)
        read_often(place, key)
        other = tmp_path / "other"
        other.write_bytes(b"" if key == "emptied" else CONTENT[:50])
        other.replace(tmp_path / key)
        if key == "removed":
            (tmp_path / key).unlink()
        clock.now += 2 * mapped.TRUSTED_SECONDS
        with pytest.raises(ObjectMissing if key == "removed" else ShortRead):
            place.read_unchanging(key, 40, 100)
    assert place.read_unchanging("replaced", 40, 10) == CONTENT[40:50]


def test_few_files_are_mapped(place: LocalStorage) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        put(place, str(number), CONTENT[number:])
        read_often(place, str(number))
        assert place.read_unchanging(str(number), 7, 9) == CONTENT[number + 7 : number + 16]
    # Of each file one descriptor is open to read it, and of mapped ones another.
    assert len(os.listdir("/proc/self/fd")) - before <= 20 + MAX_MAPPED
