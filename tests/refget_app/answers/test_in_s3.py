"""Sequences in an object store: no byte is read that was not asked for, and the whole can be fetched there."""

import random
from typing import Any

import pytest
import requests
from django.core.handlers.wsgi import WSGIHandler

from catalogue import queries
from catalogue.formats.digests import sequence_digests
from catalogue.models import SequenceCollection
from catalogue.storage import SEQUENCES, storage
from refget_app.fast_path import RefgetFastPath
from tests.live import PATIENCE
from tests.long_runs import every
from tests.object_faults import Fault
from tests.object_store import ObjectStore
from tests.refget_app.made_sequences import ask, make_sequence
from tests.simulated_time import SimulatedTime

pytestmark = pytest.mark.django_db

RESIDUES = bytes(random.Random(5).choices(b"ACGT", k=3 * (1 << 20) + 777))
DIGESTS = sequence_digests(RESIDUES)
PATH = f"/sequence/{DIGESTS.sq}"
#: Simulated seconds that one call to the store may take.
DEADLINE = 10
#: The site, and the site behind its fast path, which knows a digest from its second request on.
WAYS: list[Any] = [WSGIHandler(), RefgetFastPath(WSGIHandler())]


@pytest.fixture
def store(stored_in_s3: ObjectStore) -> ObjectStore:
    """The store with RESIDUES, circular, in an object of their own."""
    make_sequence(RESIDUES, circular=True)
    return stored_in_s3


@pytest.mark.parametrize("way", WAYS)
def test_a_part_is_one_read_of_just_that(store: ObjectStore, way: Any) -> None:
    rng = random.Random(6)
    make_sequence(RESIDUES[:5_000], before=b"N" * 999)
    packed = sequence_digests(RESIDUES[:5_000]).md5_hex
    for number in range(30):
        start = rng.randrange(len(RESIDUES))
        end = min(start + rng.choice((1, 1000, 200_000, 1_500_000)), len(RESIDUES))
        target, headers, expected = f"{PATH}?start={start}&end={end}", {}, RESIDUES[start:end]
        if number % 3 == 1:
            target, headers = PATH, {"Range": f"bytes={start}-{end - 1}"}
        elif number % 3 == 2:
            start, end = start % 5_000, 5_000
            target, expected = f"/sequence/{packed}?start={start}", RESIDUES[start:5_000]
        with store.gate.counted() as seen:
            reply = ask(way, target, headers=headers)
        assert reply.body == expected
        assert [(request.reads_object, request.sent) for request in seen] == [(True, len(expected))]


@pytest.mark.parametrize("way", WAYS)
def test_the_whole_is_one_read(store: ObjectStore, way: Any) -> None:
    for target in (PATH, PATH, f"{PATH}?accept=text/x-fasta"):
        with store.gate.counted() as seen:
            reply = ask(way, target)
        assert reply.code == 200
        assert b"".join(line for line in reply.body.splitlines() if line[:1] != b">") == RESIDUES
        assert [(request.reads_object, request.sent) for request in seen] == [(True, len(RESIDUES))]
    with store.gate.counted() as seen:
        assert ask(way, PATH, "HEAD").header("Content-Length") == str(len(RESIDUES))
    # It promises what a GET would do, so that the last residue has to be there.
    assert [request.sent for request in seen] == [1]


@pytest.mark.parametrize("way", WAYS)
def test_a_part_over_the_origin_is_two_reads(store: ObjectStore, way: Any) -> None:
    for start, end in ((len(RESIDUES) - 10, 20), (len(RESIDUES) // 2, len(RESIDUES) // 2 - 5)):
        expected = RESIDUES[start:] + RESIDUES[:end]
        with store.gate.counted() as seen:
            assert ask(way, f"{PATH}?start={start}&end={end}").body == expected
        assert len(seen) == 2
        assert sum(request.sent for request in seen) == len(expected)


# --- Fetched elsewhere ----------------------------------------------------------------------------------------------


@pytest.fixture
def redirecting(store: ObjectStore, settings: Any) -> ObjectStore:
    """The same where large sequences are to be fetched from the store."""
    settings.REFGET_REDIRECT_ABOVE = 1 << 20
    return store


@pytest.mark.parametrize("way", WAYS)
def test_a_large_sequence_is_fetched_from_the_store(redirecting: ObjectStore, way: Any) -> None:
    for _ in range(2):
        with redirecting.gate.counted() as seen:
            reply = ask(way, PATH, headers={"User-Agent": "curl/8.5", "Accept": "*/*"})
        assert seen == []
        assert (reply.code, reply.body, reply.header("Cache-Control")) == (307, b"", "no-store")
        got = requests.get(str(reply.header("Location")), timeout=PATIENCE)
        assert (got.status_code, got.content) == (200, RESIDUES)
        assert got.headers["Content-Type"] == "text/vnd.ga4gh.refget.v2.0.0+plain; charset=us-ascii"
    redirecting.gate.ahead = 3601
    assert requests.get(str(reply.header("Location")), timeout=PATIENCE).status_code == 403


STAYS: dict[str, tuple[str, str, dict[str, str]]] = {
    "htslib": (f"/md5/{DIGESTS.md5_hex}", "GET", {"User-Agent": "htslib/1.21 libcurl/8.5"}),
    "Java": (PATH, "GET", {"User-Agent": "Java/17.0.9"}),
    "htsjdk": (PATH, "GET", {"User-Agent": "htsjdk 4.1 Java/21.0.1"}),
    "Java's newer client": (PATH, "GET", {"User-Agent": "Java-http-client/21.0.1"}),
    "Java by its Accept": (PATH, "GET", {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}),
    "another page": (PATH, "GET", {"Origin": "https://igv.example"}),
    "a range": (PATH, "GET", {"Range": f"bytes=0-{len(RESIDUES) - 1}"}),
    "a part": (f"{PATH}?start=0", "GET", {}),
    "the whole as a part": (f"{PATH}?start=0&end={len(RESIDUES)}", "GET", {}),
    "FASTA": (f"{PATH}?accept=text/x-fasta", "GET", {}),
    "JSON": (PATH, "GET", {"Accept": "application/json"}),
    "HEAD": (PATH, "HEAD", {}),
    "a known one": (PATH, "GET", {"If-None-Match": "*"}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", every(3, STAYS))
def test_whatever_a_redirect_would_break_is_answered_here(
    redirecting: ObjectStore, way: Any, name: str
) -> None:
    target, method, headers = STAYS[name]
    for _ in range(2):
        assert ask(way, target, method, headers).code in {200, 206, 304}


def test_what_is_small_packed_or_private_is_answered_here(redirecting: ObjectStore, settings: Any) -> None:
    settings.REFGET_REDIRECT_ABOVE = len(RESIDUES)
    assert ask(WAYS[0], PATH).code == 200
    settings.REFGET_REDIRECT_ABOVE = 1 << 16
    part = RESIDUES[: 1 << 17]
    row = make_sequence(part, before=b"A")
    assert ask(WAYS[0], f"/sequence/{sequence_digests(part).sq}").code == 200
    row = make_sequence(part[1:])
    target = f"/sequence/{sequence_digests(part[1:]).sq}"
    assert ask(WAYS[0], target).code == 307
    queries.forget_sequences()
    hidden = SequenceCollection.objects.create(name="hidden", visibility="private")
    hidden.members.create(position=0, name="x", sequence=row)
    assert ask(WAYS[0], target).code in {401, 403, 404}
    settings.REFGET_REDIRECT_ABOVE = None
    assert ask(WAYS[0], PATH).code == 200


# --- When the store has trouble -------------------------------------------------------------------------------------


@pytest.fixture
def hasty(store: ObjectStore, settings: Any, simulated_time: SimulatedTime) -> ObjectStore:
    """The store in simulated time; the site's client of it is ready."""
    settings.STORAGE_DEADLINE = DEADLINE
    storage(SEQUENCES).check()
    simulated_time.sleep(1)
    return store


@pytest.mark.parametrize(
    "fault",
    [Fault.DROP, Fault.SLOW_DOWN, Fault.ERROR, Fault.DELAY, Fault.DENIED, Fault.NO_RANGE, Fault.OTHER_RANGE],
)
def test_trouble_that_lasts_is_told_in_time(
    hasty: ObjectStore, simulated_time: SimulatedTime, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    hasty.gate.fail(fault, only=lambda seen: seen.reads_object)
    for target in (f"{PATH}?start=5&end=1005", PATH):
        began = simulated_time.monotonic()
        reply = ask(WAYS[1], target)
        assert simulated_time.monotonic() - began <= DEADLINE + 1
        assert (reply.code, reply.header("Content-Type")) == (503, "application/json")
        assert reply.header("Retry-After")
    assert "Storage 'sequences'" in caplog.text
    hasty.gate.heal()


@pytest.mark.parametrize(
    "fault", [Fault.DROP, Fault.BREAK, Fault.SHORT, Fault.STALL, Fault.SLOW_DOWN, Fault.ERROR]
)
def test_trouble_that_passes_shows_nowhere(hasty: ObjectStore, settings: Any, fault: Fault) -> None:
    settings.STORAGE_DEADLINE = 6 * DEADLINE
    for target, expected in ((f"{PATH}?start=5&end=1005", RESIDUES[5:1005]), (PATH, RESIDUES)):
        hasty.gate.fail(fault, times=2, only=lambda seen: seen.reads_object)
        reply = ask(WAYS[1], target)
        assert (reply.code, reply.body) == (200, expected)


def test_an_object_that_is_gone_or_too_short_is_500(hasty: ObjectStore) -> None:
    bucket, prefix = storage(SEQUENCES).address.bucket, storage(SEQUENCES).address.prefix  # type: ignore[attr-defined]
    (stored,) = storage(SEQUENCES).list()
    hasty.put(bucket, prefix + stored.key, RESIDUES[:-1])
    assert ask(WAYS[1], PATH).code == 500
    assert ask(WAYS[1], f"{PATH}?start=5&end=10").body == RESIDUES[5:10]
    hasty.backstage.delete_object(Bucket=bucket, Key=prefix + stored.key)
    assert ask(WAYS[1], f"{PATH}?start=5&end=10").code == 500
