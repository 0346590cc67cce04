"""An object store that fails: no wrong byte, no wait beyond the deadline, and the right error each time."""

import logging
from collections.abc import Callable

import pytest
from pytest_django import Settings

from catalogue.errors import ObjectChanged, ShortRead, StorageUnavailable
from catalogue.storage import PIECE, circuit_breaker, s3_client, s3_upload, storage
from catalogue.storage.s3 import S3Storage
from catalogue.storage.s3_client import MIN_READ_TIMEOUT
from tests.catalogue.storage.conftest import CONTENT, DEADLINE, SILENCE, far
from tests.live import free_port
from tests.object_faults import Fault, Seen
from tests.object_store import ObjectStore
from tests.simulated_time import SimulatedTime

Within = Callable[[float, Callable[[], object]], object]


BRIEF = [
    Fault.DROP,
    Fault.BREAK,
    Fault.SHORT,
    Fault.STALL,
    Fault.SLOW_DOWN,
    Fault.ERROR,
    Fault.NO_RANGE,
    Fault.OTHER_RANGE,
]


@pytest.fixture
def hasty(place: S3Storage, settings: Settings, simulated_time: SimulatedTime) -> S3Storage:
    """The same with a short deadline; its client is ready."""
    settings.STORAGE_DEADLINE = DEADLINE
    place = far()
    place.check()
    simulated_time.sleep(1)
    return place


def reads(seen: Seen) -> bool:
    return seen.reads_object


@pytest.fixture
def within(simulated_time: SimulatedTime) -> Within:
    """Call a function that must not take more simulated seconds than given."""

    def call(seconds: float, act: Callable[[], object]) -> object:
        began = simulated_time.monotonic()
        try:
            return act()
        finally:
            assert simulated_time.monotonic() - began <= seconds + MIN_READ_TIMEOUT

    return call


@pytest.mark.parametrize("fault", BRIEF)
def test_a_fault_that_passes_is_not_noticed(
    place: S3Storage, object_store: ObjectStore, fault: Fault
) -> None:
    object_store.gate.fail(fault, times=2, only=reads)
    with object_store.gate.counted() as seen:
        assert place.read_range("object", 1000, 50_000) == CONTENT[1000:51_000]
    assert [request.fault for request in seen if request.reads_object].count(fault) >= 1
    object_store.gate.fail(fault, times=2, only=reads)
    assert b"".join(place.stream("object", 7, len(CONTENT) - 7)) == CONTENT[7:]


@pytest.mark.parametrize("fault", [*BRIEF, Fault.DELAY, Fault.TRICKLE])
def test_a_fault_that_stays_ends_within_the_deadline(
    hasty: S3Storage, object_store: ObjectStore, within: Within, fault: Fault
) -> None:
    object_store.gate.fail(fault, only=reads)
    got: list[bytes] = []
    try:
        within(DEADLINE, lambda: got.append(hasty.read_range("object", 5, 300_000)))
    except StorageUnavailable:
        assert got == []
    else:
        # Each of these answers brings half of what is missing, which may be enough.
        assert fault in {Fault.BREAK, Fault.STALL}
        assert got == [CONTENT[5:300_005]]


def test_a_stream_ends_within_the_deadline(
    hasty: S3Storage, object_store: ObjectStore, within: Within
) -> None:
    object_store.gate.fail(Fault.STALL, times=1, only=reads)
    object_store.gate.fail(Fault.DELAY, only=reads)
    stream = hasty.stream("object", 0, len(CONTENT))
    assert next(stream) == CONTENT[:PIECE]
    with pytest.raises(StorageUnavailable):
        within(DEADLINE, lambda: next(stream))


def test_no_pause_outlasts_the_deadline(
    hasty: S3Storage, object_store: ObjectStore, within: Within, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "FIRST_BACKOFF", DEADLINE)
    object_store.gate.fail(Fault.SLOW_DOWN)
    with pytest.raises(StorageUnavailable):
        within(DEADLINE, lambda: hasty.stat("object"))


@pytest.mark.parametrize("fault", [Fault.DELAY, Fault.STALL])
def test_no_silence_outlasts_the_deadline(
    hasty: S3Storage, object_store: ObjectStore, within: Within, settings: Settings, fault: Fault
) -> None:
    settings.STORAGE_READ_TIMEOUT = 60
    object_store.gate.delay = 60
    place = far()
    place.check()
    object_store.gate.fail(fault)
    with pytest.raises(StorageUnavailable):
        within(DEADLINE, lambda: place.read_range("object", 0, 300_000))


@pytest.mark.parametrize("fault", [Fault.DELAY, Fault.SLOW_DOWN, Fault.DENIED])
@pytest.mark.parametrize("way", ["stat", "list", "check", "delete", "put"])
def test_every_call_ends_within_the_deadline(
    hasty: S3Storage,
    object_store: ObjectStore,
    within: Within,
    fault: Fault,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("s3_upload.DEADLINE", "s3.CHECK_DEADLINE"):
        monkeypatch.setattr(f"catalogue.storage.{name}", DEADLINE)
    monkeypatch.setattr(s3_upload, "READ_TIMEOUT", SILENCE)
    staged = hasty.staging() / "staged"
    staged.write_bytes(b"x" * 100_000)
    object_store.gate.fail(fault)
    calls: dict[str, Callable[[], object]] = {
        "stat": lambda: hasty.stat("object"),
        "list": lambda: list(hasty.list()),
        "check": hasty.check,
        "delete": lambda: hasty.delete("other"),
        "put": lambda: hasty.put(staged, "other"),
    }
    with pytest.raises(StorageUnavailable):
        within(DEADLINE, calls[way])
    assert staged.exists()


def test_a_refusal_is_not_tried_again(place: S3Storage, object_store: ObjectStore) -> None:
    object_store.gate.fail(Fault.DENIED)
    with object_store.gate.counted() as seen, pytest.raises(StorageUnavailable):
        place.read_range("object", 0, 10)
    assert len(seen) == 1


def test_a_broken_stream_goes_on_where_it_broke(place: S3Storage, object_store: ObjectStore) -> None:
    object_store.gate.fail(Fault.BREAK, times=1, only=reads)
    with object_store.gate.counted() as seen:
        assert b"".join(place.stream("object", 100, len(CONTENT) - 100)) == CONTENT[100:]
    first, second = (request for request in seen if request.reads_object)
    assert first.range == f"bytes=100-{len(CONTENT) - 1}"
    assert second.range == f"bytes={100 + (len(CONTENT) - 100) // 2}-{len(CONTENT) - 1}"


def test_a_stream_is_as_slow_as_its_reader_likes(hasty: S3Storage, simulated_time: SimulatedTime) -> None:
    stream = hasty.stream("object", 0, len(CONTENT))
    got = next(stream)
    simulated_time.sleep(2 * DEADLINE)
    assert got + b"".join(stream) == CONTENT


def test_a_state_that_changes_in_the_middle_is_not_mixed_in(
    place: S3Storage, object_store: ObjectStore
) -> None:
    object_store.gate.fail(Fault.BREAK, times=1, only=reads)
    object_store.gate.fail(Fault.OTHER_ETAG, only=reads)
    got = b""
    with pytest.raises(ObjectChanged):
        for piece in place.stream("object", 0, len(CONTENT)):
            got += piece
    assert CONTENT.startswith(got)


def test_another_etag_is_noticed_even_where_the_store_ignores_the_condition(
    place: S3Storage, object_store: ObjectStore
) -> None:
    etag = place.stat("object").etag
    object_store.gate.fail(Fault.OTHER_ETAG)
    with object_store.gate.counted() as seen, pytest.raises(ObjectChanged):
        place.read_range("object", 0, 10, etag=etag)
    assert len(seen) == 1


def test_a_missing_bucket_is_not_a_missing_object(object_store: ObjectStore, settings: Settings) -> None:
    settings.HTSGETSITE_STORAGES = {"far": object_store.url("no-such-bucket")}
    for ask in (
        lambda: far().stat("object"),
        lambda: far().read_range("object", 0, 1),
        lambda: list(far().list()),
        lambda: far().check(),
    ):
        with pytest.raises(StorageUnavailable):
            ask()


def test_nobody_listens(object_store: ObjectStore, within: Within, settings: Settings) -> None:
    settings.STORAGE_DEADLINE = 5
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings.HTSGETSITE_STORAGES = {"far": f"s3://bucket?endpoint_url={nowhere}&region=eu-west-2"}
    with pytest.raises(StorageUnavailable):
        within(5, lambda: far().stat("object"))


@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials(
    place: S3Storage,
    object_store: ObjectStore,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    monkeypatch.setenv(wrong, "AKWRONG")
    settings.HTSGETSITE_STORAGES = dict(settings.HTSGETSITE_STORAGES)
    with object_store.gate.counted() as seen:
        for ask in (lambda: far().stat("object"), lambda: far().read_range("object", 0, 1)):
            with pytest.raises(StorageUnavailable):
                ask()
    assert {request.status for request in seen} == {403}


def test_no_credentials(
    place: S3Storage, object_store: ObjectStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    settings.HTSGETSITE_STORAGES = dict(settings.HTSGETSITE_STORAGES)
    with object_store.gate.counted() as seen:
        for ask in (
            lambda: far().stat("object"),
            lambda: far().signed_url("object", ttl=60),
        ):
            with pytest.raises(StorageUnavailable):
                ask()
    assert seen == []


def test_a_store_that_does_not_answer_is_spared_for_a_while(
    hasty: S3Storage, object_store: ObjectStore, within: Within, simulated_time: SimulatedTime
) -> None:
    object_store.gate.fail(Fault.DELAY)
    with pytest.raises(StorageUnavailable):
        hasty.stat("object")
    with object_store.gate.counted() as seen:
        for _ in range(50):
            with pytest.raises(StorageUnavailable):
                within(0, lambda: hasty.read_range("object", 0, 10))
    assert seen == []
    assert within(0, lambda: storage("near").list()) is not None
    object_store.gate.heal()
    simulated_time.sleep(circuit_breaker.OPEN_SECONDS)
    assert hasty.read_range("object", 0, 10) == CONTENT[:10]
    assert hasty.stat("object").size == len(CONTENT)


def test_a_refusing_store_is_not_spared(place: S3Storage, object_store: ObjectStore) -> None:
    for fault in (Fault.DENIED, Fault.SLOW_DOWN):
        object_store.gate.fail(fault)
        with pytest.raises(StorageUnavailable):
            place.stat("object")
        object_store.gate.heal()
        assert place.read_range("object", 0, 10) == CONTENT[:10]


def test_what_is_said_of_a_failure(
    place: S3Storage, object_store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    object_store.gate.fail(Fault.DENIED, times=1)
    with caplog.at_level(logging.INFO, "catalogue"), pytest.raises(StorageUnavailable) as caught:
        place.read_range("object", 0, 10)
    assert "'far'" in caplog.text
    assert "GetObject answered 403 AccessDenied" in caplog.text
    secrets = [*object_store.environment().values(), object_store.gate.url, "bucket-", "Signature"]
    for said in (str(caught.value), caplog.text):
        assert not any(secret in said for secret in secrets if len(secret) > 6)
    assert "object" not in str(caught.value)


def test_short_objects_are_short_reads_not_faults(place: S3Storage, object_store: ObjectStore) -> None:
    with object_store.gate.counted() as seen:
        with pytest.raises(ShortRead):
            place.read_range("object", len(CONTENT) - 5, 6)
        with pytest.raises(ShortRead):
            place.read_range("object", len(CONTENT), 1)
    assert len(seen) == 2
