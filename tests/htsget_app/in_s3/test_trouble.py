"""Tickets during failures of an object store."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from catalogue import queries
from catalogue.errors import StorageUnavailable
from catalogue.models import DataFile
from catalogue.queries import object_reads
from catalogue.storage import FILES, storage
from tests.htsget_app.in_s3.made_far import DEADLINE, NARROW, WIDE, is_read, place_of, stored_urls, urls_of
from tests.htsget_app.made_data import fetch, make_data_file, write_vcf
from tests.long_runs import every
from tests.object_faults import Fault
from tests.object_store import ObjectStore
from tests.refget_app.made_sequences import make_sequence
from tests.simulated_time import SimulatedTime

pytestmark = pytest.mark.django_db

PASSING = [
    Fault.DROP,
    Fault.BREAK,
    Fault.SHORT,
    Fault.SLOW_DOWN,
    Fault.ERROR,
    Fault.NO_RANGE,
    Fault.OTHER_RANGE,
]
LASTING = [*PASSING, Fault.DELAY, Fault.STALL, Fault.TRICKLE, Fault.DENIED]


@pytest.fixture
def hasty(settings: Any, file: DataFile, simulated_time: SimulatedTime) -> DataFile:
    """The reads `far` in simulated time; the site's client of the store is ready."""
    settings.STORAGE_DEADLINE = DEADLINE
    storage(FILES).check()
    simulated_time.sleep(1)
    return file


@pytest.mark.parametrize("fault", every(2, PASSING))
def test_trouble_that_passes_shows_nowhere(
    client: Client, settings: Any, stored_in_s3: ObjectStore, hasty: DataFile, fault: Fault
) -> None:
    settings.STORAGE_DEADLINE = 6 * DEADLINE
    right = [fetch(client, "/reads/far", query).joined for query in (NARROW, WIDE)]
    queries.forget_edges()
    for query, expected in zip((NARROW, WIDE), right, strict=True):
        stored_in_s3.gate.fail(fault, times=2, only=is_read)
        assert fetch(client, "/reads/far", query).joined == expected


@pytest.mark.parametrize("fault", every(2, LASTING, 1))
def test_trouble_that_lasts_is_told_in_time(
    client: Client,
    stored_in_s3: ObjectStore,
    hasty: DataFile,
    simulated_time: SimulatedTime,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = {name: fetch(client, "/reads/far", query).joined for name, query in (("n", NARROW), ("w", WIDE))}
    queries.forget_edges()
    stored_in_s3.gate.fail(fault, only=is_read)
    for name, query in (("n", NARROW), ("w", WIDE)):
        began = simulated_time.monotonic()
        response = client.get("/reads/far", query)
        assert simulated_time.monotonic() - began <= 2 * DEADLINE + 1
        if response.status_code == 200:
            # Each answer brings half of what is missing, which may be enough.
            assert fault in {Fault.BREAK, Fault.STALL}
            stored_in_s3.gate.heal()
            queries.forget_edges()
            assert fetch(client, "/reads/far", query).joined == right[name]
            stored_in_s3.gate.fail(fault, only=is_read)
            continue
        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert response.json()["htsget"]["error"] == "ServiceUnavailable"
        bucket, key = place_of(hasty)
        assert bucket not in response.content.decode() and key not in response.content.decode()
        assert "Storage 'files'" in caplog.text
    hasty.refresh_from_db()
    assert hasty.state == DataFile.State.READY


def test_a_changed_object_is_told_and_is_well_again_when_it_is_back(
    client: Client, stored_in_s3: ObjectStore, bam: Path, hasty: DataFile, caplog: pytest.LogCaptureFixture
) -> None:
    right = fetch(client, "/reads/far", NARROW).joined
    bucket, key = place_of(hasty)
    for damage, state in (
        (lambda: stored_in_s3.put(bucket, key, b"something else" * 1000), DataFile.State.CHANGED),
        (lambda: stored_in_s3.backstage.delete_object(Bucket=bucket, Key=key), DataFile.State.MISSING),
    ):
        damage()
        queries.forget_edges()
        response = client.get("/reads/far", NARROW)
        assert response.status_code == 500
        assert response.json()["htsget"]["error"] == "InternalError"
        hasty.refresh_from_db()
        assert hasty.state == state
        assert f"data file {hasty.pk}: " in caplog.text
        # Now that it is known, a ticket that would read nothing is refused as well.
        assert client.get("/reads/far").status_code == 500
        stored_in_s3.put(bucket, key, bam.read_bytes())
        assert fetch(client, "/reads/far", NARROW).joined == right
        hasty.refresh_from_db()
        assert hasty.state == DataFile.State.READY


def test_a_damaged_object_is_told(
    client: Client, stored_in_s3: ObjectStore, bam: Path, tmp_path: Path
) -> None:
    """Damage that is older than the registration, which believes the middle of a file unread."""
    damaged = tmp_path / "damaged.bam"
    content = bytearray(bam.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300_000] = bytes(300_000)
    damaged.write_bytes(content)
    Path(f"{damaged}.bai").write_bytes(Path(f"{bam}.bai").read_bytes())
    file = make_data_file(damaged, "damaged")
    statuses = set()
    for start in range(0, 10_000_000, 500_000):
        statuses.add(client.get("/reads/damaged", {**NARROW, "start": start, "end": start + 100}).status_code)
    assert statuses == {200, 500}
    file.refresh_from_db()
    assert file.state == DataFile.State.CORRUPT


def test_a_store_that_hangs_stops_nobody_else(
    client: Client,
    settings: Any,
    stored_in_s3: ObjectStore,
    hasty: DataFile,
    simulated_time: SimulatedTime,
    tmp_path: Path,
) -> None:
    bucket, _ = place_of(hasty)
    settings.HTSGETSITE_STORAGES = {
        **settings.HTSGETSITE_STORAGES,
        FILES: stored_in_s3.url(stored_in_s3.make_bucket()),
        "far": settings.HTSGETSITE_STORAGES[FILES],
    }
    DataFile.objects.filter(pk=hasty.pk).update(storage="far")
    vcf = write_vcf(tmp_path / "near.vcf.gz", contigs=[("1", 1000)], records=[(0, 5), (0, 50)])
    make_data_file(vcf, "near")
    md5 = bytes(make_sequence(b"ACGT" * 100).md5).hex()
    stored_in_s3.gate.fail(Fault.DELAY, only=lambda seen: seen.bucket == bucket)
    assert client.get("/reads/far", WIDE).status_code == 503
    # Reads that this request began may still wait, and let the simulated time pass, when it has been answered.
    object_reads._pool.shutdown(wait=True)
    object_reads._renew_pool()
    for _ in range(3):
        began = simulated_time.monotonic()
        assert client.get("/reads/far", NARROW).status_code == 503
        assert simulated_time.monotonic() == began, "nobody waits for a store that is known to hang"
        queries.forget_edges()
        assert fetch(client, "/variants/near", {"referenceName": "1", "start": 0, "end": 10}).joined
        assert client.get(f"/md5/{md5}").content == b"ACGT" * 100
    response = client.get("/readyz")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert (parts["storage far"], parts["storage files"], parts["storage sequences"]) == ("down", "ok", "ok")


def test_a_body_that_cannot_be_completed_breaks_off(
    client: Client, settings: Any, stored_in_s3: ObjectStore, hasty: DataFile, bam: Path
) -> None:
    settings.HTSGET_PROXY_DATA = "always"
    (url,) = stored_urls(urls_of(client))
    content, path = bam.read_bytes(), urlsplit(url["url"]).path
    stored_in_s3.gate.fail(Fault.BREAK, times=1, only=is_read)
    body = client.get(path)
    assert body.getvalue() == content[-int(body.headers["Content-Length"]) :], "it goes on where it broke"
    stored_in_s3.gate.fail(Fault.BREAK, times=1, only=is_read)
    stored_in_s3.gate.fail(Fault.ERROR, only=is_read)
    got = bytearray()
    with pytest.raises(StorageUnavailable):
        for piece in client.get(path):
            got += piece
    assert 0 < len(got) < int(body.headers["Content-Length"])
    assert content[-int(body.headers["Content-Length"]) :].startswith(got)
