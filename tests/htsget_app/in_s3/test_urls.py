"""Access by URLs of an object store, and data sent through the site."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from catalogue.models import DataFile
from catalogue.queries import SignedUrl
from catalogue.storage import FILES
from htsget_app import tickets
from htsget_app.delivery.urls import part_urls
from htsget_app.params import TicketRequest, from_query
from htsget_app.planning.parts import Limits, StoredRange
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.htsget_app.in_s3.made_far import WIDE, counted, place_of, stored_urls, urls_of
from tests.htsget_app.made_data import (
    fetch,
    make_data_file,
    make_dataset,
    read_alignments,
)
from tests.live import PATIENCE
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db


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
    return given, [url_of(block) for block in given.parts if isinstance(block, StoredRange)]


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


def test_data_pass_through_the_site_where_nothing_can_be_signed(
    client: Client, settings: Any, stored_in_s3: ObjectStore, bam: Path, file: DataFile, tmp_path: Path
) -> None:
    bucket, _ = place_of(file)
    stored_in_s3.gate.public.add(bucket)
    url = settings.HTSGETSITE_STORAGES[FILES]
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, FILES: f"{url}&anonymous=true"}
    through_site(client, bam, tmp_path)
