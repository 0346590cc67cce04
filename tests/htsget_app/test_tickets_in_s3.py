"""Tickets for files in an object store: what they cost there, what their URLs open, and what a store's trouble does."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from catalogue import queries
from catalogue.access import ANONYMOUS
from catalogue.errors import StorageUnavailable
from catalogue.formats.headers import FileFormat
from catalogue.models import DataFile
from catalogue.queries import SignedUrl
from catalogue.storage import FILES, storage
from htsget_app import tickets
from htsget_app.delivery.urls import part_urls
from htsget_app.params import TicketRequest, from_query
from htsget_app.planning.parts import Limits, StoredRange
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.htsget_app.made_data import (
    fetch,
    make_data_file,
    make_dataset,
    read_alignments,
    write_bam,
    write_cram,
    write_vcf,
)
from tests.live import PATIENCE
from tests.object_gate import Fault, Seen
from tests.object_store import ObjectStore
from tests.refget_app.made_sequences import make_sequence
from tests.simulated_time import SimulatedTime

pytestmark = pytest.mark.django_db

#: Simulated seconds that one call to the store may take.
DEADLINE = 10
NARROW: dict[str, str | int] = {"referenceName": "1", "start": 5_000_000, "end": 5_000_100}
#: Its begin and its end are further apart than is read in one go.
WIDE: dict[str, str | int] = {"referenceName": "1", "start": 500_000, "end": 9_500_000}


@pytest.fixture(scope="module")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 5 MB of reads, one at every thousandth position."""
    path = tmp_path_factory.mktemp("far") / "far.bam"
    reads = [(0, start, 40) for start in range(0, 10_000_000, 1_000)]
    return write_bam(path, contigs=[("1", 10_001_000, None)], reads=reads, payload=500)


@pytest.fixture
def file(stored_in_s3: ObjectStore, simulated_time: SimulatedTime, bam: Path) -> Iterator[DataFile]:
    """The reads `far`; nothing is remembered of it."""
    file = make_data_file(bam, "far")
    forget()
    yield file
    stored_in_s3.gate.reset()
    forget()


def forget() -> None:
    queries.forget_files()
    queries.forget_edges()


def place_of(file: DataFile) -> tuple[str, str]:
    """Bucket and key of a stored file."""
    at = urlsplit(storage(FILES).signed_url(file.key, ttl=60).url)
    _, bucket, key = at.path.split("/", 2)
    return bucket, key


def urls_of(client: Client, **query: Any) -> list[dict[str, Any]]:
    response = client.get("/reads/far", query)
    assert response.status_code == 200, response.content
    urls: list[dict[str, Any]] = response.json()["htsget"]["urls"]
    return urls


def stored_urls(urls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [url for url in urls if not url["url"].startswith("data:")]


# --- What it costs --------------------------------------------------------------------------------------------------


def counted(store: ObjectStore, act: Callable[[], object]) -> list[Seen]:
    with store.gate.counted() as seen:
        act()
    return seen


@pytest.mark.parametrize("inline", [64 * 1024, 0])
def test_a_small_ticket_makes_at_most_two_reads(
    client: Client, settings: Any, stored_in_s3: ObjectStore, file: DataFile, inline: int
) -> None:
    settings.HTSGET_INLINE_BYTES = inline
    cold = counted(stored_in_s3, lambda: urls_of(client, **NARROW))
    queries.forget_edges()
    warm = counted(stored_in_s3, lambda: urls_of(client, **NARROW))
    hot = counted(stored_in_s3, lambda: urls_of(client, **NARROW))
    for seen in (cold, warm):
        assert 1 <= len(seen) <= 2
        assert all(request.reads_object and request.range for request in seen)
        assert sum(request.sent for request in seen) < 300_000
    assert hot == []


def test_a_wide_ticket_reads_its_two_edges_at_once(
    client: Client, stored_in_s3: ObjectStore, file: DataFile
) -> None:
    stored_in_s3.gate.hold_until(2)
    seen = counted(stored_in_s3, lambda: urls_of(client, **WIDE))
    assert [request.status for request in seen] == [206, 206]
    begins = sorted(int(str(request.range).removeprefix("bytes=").split("-")[0]) for request in seen)
    assert begins[1] - begins[0] > 2 << 20


def test_a_whole_file_and_a_header_ask_nothing_of_the_store(
    client: Client, stored_in_s3: ObjectStore, file: DataFile
) -> None:
    assert counted(stored_in_s3, lambda: urls_of(client)) == []
    assert counted(stored_in_s3, lambda: urls_of(client, **{"class": "header"})) == []


def test_many_regions_are_read_at_once(client: Client, stored_in_s3: ObjectStore, file: DataFile) -> None:
    starts = range(500_000, 9_500_000, 2_000_000)
    regions = [{"referenceName": "1", "start": start, "end": start + 20} for start in starts]
    stored_in_s3.gate.hold_until(len(regions))
    with stored_in_s3.gate.counted() as seen:
        response = client.post(
            "/reads/far", json.dumps({"regions": regions}), content_type="application/json"
        )
    assert response.status_code == 200
    assert len(seen) == len(regions)


def test_what_is_remembered_is_of_one_state(
    client: Client, stored_in_s3: ObjectStore, file: DataFile, bam: Path, tmp_path: Path
) -> None:
    before = fetch(client, "/reads/far", NARROW).joined
    other = write_bam(tmp_path / "far.bam", contigs=[("1", 10_001_000, None)], reads=[(0, 5_000_050, 40)])
    make_data_file(other, "far")
    after = fetch(client, "/reads/far", NARROW).joined
    assert after != before
    (tmp_path / "got.bam").write_bytes(after)
    assert read_alignments(tmp_path / "got.bam") == read_alignments(other)


# --- What the URLs open ---------------------------------------------------------------------------------------------


def test_one_signature_serves_all_blocks_of_a_ticket(client: Client, settings: Any, file: DataFile) -> None:
    settings.HTSGET_MAX_BLOCK_BYTES = 1 << 18
    urls = stored_urls(urls_of(client, **WIDE))
    assert len(urls) > 5
    assert len({url["url"] for url in urls}) == 1
    assert len({url["headers"]["Range"] for url in urls}) == len(urls)
    assert {url["headers"]["If-Match"] for url in urls} == {f'"{file.etag}"'}


def test_urls_lead_to_where_clients_reach_the_store(
    client: Client, settings: Any, stored_in_s3: ObjectStore, file: DataFile
) -> None:
    public = stored_in_s3.gate.url.replace("127.0.0.1", "localhost")
    url = settings.HTSGETSITE_STORAGES[FILES]
    settings.HTSGETSITE_STORAGES = {
        **settings.HTSGETSITE_STORAGES,
        FILES: f"{url}&public_endpoint_url={public}",
    }
    (block,) = stored_urls(urls_of(client))
    assert block["url"].startswith(public)
    assert requests.get(block["url"], headers=block["headers"], timeout=PATIENCE).status_code == 206


def test_urls_end_when_the_setting_says(
    client: Client, settings: Any, stored_in_s3: ObjectStore, file: DataFile
) -> None:
    settings.TICKET_URL_TTL = 100
    (block,) = stored_urls(urls_of(client))
    assert "X-Amz-Expires=100&" in block["url"]
    assert requests.get(block["url"], headers=block["headers"], timeout=PATIENCE).status_code == 206
    stored_in_s3.gate.ahead = 101
    assert requests.get(block["url"], headers=block["headers"], timeout=PATIENCE).status_code == 403


def test_an_object_that_changed_gives_no_bytes_to_an_old_ticket(
    client: Client, stored_in_s3: ObjectStore, bam: Path, file: DataFile
) -> None:
    (block,) = stored_urls(urls_of(client))
    bucket, key = place_of(file)
    stored_in_s3.put(bucket, key, bam.read_bytes()[::-1])
    assert requests.get(block["url"], headers=block["headers"], timeout=PATIENCE).status_code == 412
    without = {"Range": block["headers"]["Range"]}
    assert requests.get(block["url"], headers=without, timeout=PATIENCE).status_code == 403
    stored_in_s3.backstage.delete_object(Bucket=bucket, Key=key)
    assert requests.get(block["url"], headers=block["headers"], timeout=PATIENCE).status_code == 404


def sealed(asked: TicketRequest, viewer: Any) -> tuple[tickets.Ticket, list[SignedUrl]]:
    """A ticket, and the URLs of its slices."""
    given = tickets.ticket(asked, viewer=viewer, limits=Limits(inline=0))
    url_of = part_urls(given.file, data_url="http://testserver/data/")
    return given, [url_of(block.byte_range) for block in given.parts if isinstance(block, StoredRange)]


def test_the_range_is_signed_where_only_a_part_is_granted(stored_in_s3: ObjectStore, bam: Path) -> None:
    dataset = make_dataset("held", visibility="controlled")
    make_data_file(bam, "part", dataset=dataset)
    user = make_user("anna")
    make_grant(dataset, user, regions=[("1", 2_000_000, 8_000_000)])
    asked = from_query(kind="reads", id="part", query="")
    given, urls = sealed(asked, viewer_for(user))
    assert not given.file.permission.whole
    assert urls
    for url in urls:
        assert "range" in url.url.split("X-Amz-SignedHeaders=")[1].split("&")[0]
        assert requests.get(url.url, headers=url.headers, timeout=PATIENCE).status_code == 206
        begin, end = url.headers["Range"].removeprefix("bytes=").split("-")
        for other in (f"bytes={int(begin) + 1}-{end}", f"bytes={begin}-{int(end) + 1}"):
            refused = requests.get(url.url, headers={**url.headers, "Range": other}, timeout=PATIENCE)
            assert refused.status_code == 403
        assert (
            requests.get(url.url, headers={"If-Match": url.headers["If-Match"]}, timeout=PATIENCE).status_code
            == 403
        )
    make_grant(dataset, user)
    _, urls = sealed(asked, viewer_for(user))
    assert len({url.url for url in urls}) == 1
    assert "range" not in urls[0].url.split("X-Amz-SignedHeaders=")[1].split("&")[0]


def test_urls_end_with_the_permission(stored_in_s3: ObjectStore, bam: Path) -> None:
    dataset = make_dataset("held", visibility="registered")
    make_data_file(bam, "part", dataset=dataset)
    viewer = viewer_for(make_user("anna"), expires=time.time() + 50)
    _, (url, *_) = sealed(from_query(kind="reads", id="part", query=""), viewer)
    lifetime = int(url.url.split("X-Amz-Expires=")[1].split("&")[0])
    assert 45 < lifetime <= 50


# --- Through the site -----------------------------------------------------------------------------------------------


def test_data_pass_through_the_site_where_the_setting_says(
    client: Client, settings: Any, stored_in_s3: ObjectStore, bam: Path, file: DataFile, tmp_path: Path
) -> None:
    settings.HTSGET_PROXY_DATA = "controlled"
    assert stored_in_s3.gate.url in stored_urls(urls_of(client))[0]["url"]
    dataset = make_dataset("held", visibility="registered")
    make_data_file(bam, "held", dataset=dataset)
    _, urls = sealed(from_query(kind="reads", id="held", query=""), viewer_for(make_user("anna")))
    assert all(url.url.startswith("http://testserver/data/") for url in urls)
    settings.HTSGET_PROXY_DATA = "always"
    through_site(client, bam, tmp_path)
    (url,) = stored_urls(urls_of(client))
    path = urlsplit(url["url"]).path
    seen = counted(stored_in_s3, lambda: client.get(path, headers={"Range": "bytes=10-29"}))
    assert [(request.method, request.sent) for request in seen] == [("HEAD", 0), ("GET", 20)]


def through_site(client: Client, bam: Path, tmp_path: Path) -> None:
    got = fetch(client, "/reads/far")
    assert all("headers" not in url for url in got.urls)
    (tmp_path / "got.bam").write_bytes(got.joined)
    assert read_alignments(tmp_path / "got.bam") == read_alignments(bam)


def test_a_body_that_cannot_be_completed_breaks_off(
    client: Client, settings: Any, stored_in_s3: ObjectStore, hasty: DataFile, bam: Path
) -> None:
    settings.HTSGET_PROXY_DATA = "always"
    (url,) = stored_urls(urls_of(client))
    content, path = bam.read_bytes(), urlsplit(url["url"]).path
    stored_in_s3.gate.fail(Fault.BREAK, times=1, only=reads)
    body = client.get(path)
    assert body.getvalue() == content[-int(body.headers["Content-Length"]) :], "it goes on where it broke"
    stored_in_s3.gate.fail(Fault.BREAK, times=1, only=reads)
    stored_in_s3.gate.fail(Fault.ERROR, only=reads)
    got = bytearray()
    with pytest.raises(StorageUnavailable):
        for piece in client.get(path):
            got += piece
    assert 0 < len(got) < int(body.headers["Content-Length"])
    assert content[-int(body.headers["Content-Length"]) :].startswith(got)


def test_data_pass_through_the_site_where_nothing_can_be_signed(
    client: Client, settings: Any, stored_in_s3: ObjectStore, bam: Path, file: DataFile, tmp_path: Path
) -> None:
    bucket, _ = place_of(file)
    stored_in_s3.gate.public.add(bucket)
    url = settings.HTSGETSITE_STORAGES[FILES]
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, FILES: f"{url}&anonymous=true"}
    through_site(client, bam, tmp_path)


# --- When the store has trouble -------------------------------------------------------------------------------------


@pytest.fixture
def hasty(settings: Any, file: DataFile, simulated_time: SimulatedTime) -> DataFile:
    """The reads `far` in simulated time; the site's client of the store is ready."""
    settings.STORAGE_DEADLINE = DEADLINE
    storage(FILES).check()
    simulated_time.sleep(1)
    return file


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


def reads(seen: Seen) -> bool:
    return seen.reads_object and seen.signed == "header"


@pytest.mark.parametrize("fault", PASSING)
def test_trouble_that_passes_shows_nowhere(
    client: Client, settings: Any, stored_in_s3: ObjectStore, hasty: DataFile, fault: Fault
) -> None:
    settings.STORAGE_DEADLINE = 6 * DEADLINE
    right = [fetch(client, "/reads/far", query).joined for query in (NARROW, WIDE)]
    queries.forget_edges()
    for query, expected in zip((NARROW, WIDE), right, strict=True):
        stored_in_s3.gate.fail(fault, times=2, only=reads)
        assert fetch(client, "/reads/far", query).joined == expected


@pytest.mark.parametrize("fault", LASTING)
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
    stored_in_s3.gate.fail(fault, only=reads)
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
            stored_in_s3.gate.fail(fault, only=reads)
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


def test_the_inline_containers_of_a_cram_are_read_in_one_request(
    client: Client,
    stored_in_s3: ObjectStore,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.HTSGET_INLINE_BYTES = 10**6
    file = make_data_file(write_cram(tmp_path), "cram")
    found = queries.find_file(viewer=ANONYMOUS, kind="reads", htsget_id="cram", format=FileFormat.CRAM)
    assert found.pk == file.pk
    with stored_in_s3.gate.counted() as seen:
        assert client.get("/reads/cram", {"format": "CRAM"}).status_code == 200
    assert [request.reads_object for request in seen] == [True]
