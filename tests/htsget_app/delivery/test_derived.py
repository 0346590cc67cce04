"""Data URLs of rewritten records: the same bytes for the same URL, whole, by Range and by HEAD."""

import errno
import json
import logging
import os
import random
from base64 import urlsafe_b64decode
from pathlib import Path
from string import ascii_letters
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from catalogue import api_tokens
from catalogue.models import DataFile, Dataset, Grant
from htsget_app.conversion import converter
from tests.htsget_app.made_data import fetch, make_data_file, make_dataset, stored_path, write_bam

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> DataFile:
    settings.HTSGET_INLINE_BYTES = 0
    reads = [(0, at * 200, 50) for at in range(2000)]
    return make_data_file(
        write_bam(tmp_path / "made.bam", contigs=[("1", 500_000, None)], reads=reads), "made"
    )


def data_urls(client: Client, query: str = "notags=ZZ") -> list[str]:
    document = json.loads(client.get(f"/reads/made?{query}").content)
    return [
        url["url"].removeprefix("http://testserver")
        for url in document["htsget"]["urls"]
        if url["url"].startswith("http")
    ]


def test_get_head_and_range_agree(client: Client, file: DataFile) -> None:
    (url,) = data_urls(client)
    whole = client.get(url)
    body = whole.getvalue()
    assert whole.status_code == 200 and whole.headers["Content-Length"] == str(len(body))
    assert whole.headers["Accept-Ranges"] == "bytes"
    head = client.head(url)
    assert head.getvalue() == b"" and head.headers["Content-Length"] == str(len(body))
    assert head.headers["ETag"] == whole.headers["ETag"]
    part = client.get(url, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.getvalue() == body[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(body)}"
    assert client.get(url, headers={"Range": f"bytes={len(body)}-"}).status_code == 416
    known = client.get(url, headers={"If-None-Match": whole.headers["ETag"]})
    assert known.status_code == 304


def test_equal_queries_of_public_data_have_one_url_that_caches_may_keep(
    client: Client, file: DataFile
) -> None:
    assert data_urls(client) == data_urls(client)
    (url,), (other,) = data_urls(client), data_urls(client, "notags=RG")
    first, second = client.get(url), client.get(other)
    assert first.headers["Cache-Control"].startswith("public, max-age=")
    assert first.headers["ETag"] != second.headers["ETag"]


def test_a_large_answer_comes_in_parts_that_can_be_fetched_in_any_order(
    client: Client, file: DataFile, settings: Any
) -> None:
    whole = fetch(client, "/reads/made", {"notags": "ZZ"})
    settings.HTSGET_DERIVED_BYTES = 20_000
    urls = data_urls(client)
    assert len(urls) > 5
    backwards = {url: client.get(url).getvalue() for url in reversed(urls)}
    forwards = {url: client.get(url).getvalue() for url in urls}
    assert backwards == forwards and len(whole.blocks) == 3


def test_more_tags_than_a_url_can_hold(client: Client, file: DataFile) -> None:
    tags = [f"{first}{second}" for first in ascii_letters for second in ascii_letters]
    for count, status in ((100, 200), (len(tags), 400)):
        asked = {"notags": random.Random(1).sample(tags, count)}
        answered = client.post("/reads/made", json.dumps(asked), content_type="application/json")
        assert answered.status_code == status
        for entry in answered.json()["htsget"].get("urls", []):
            if entry["url"].startswith("http"):
                assert (
                    len(entry["url"]) < 8_000 and client.get(urlsplit(entry["url"]).path).status_code == 200
                )


def test_no_url_names_the_file(client: Client, file: DataFile) -> None:
    for url in data_urls(client, "notags=ZZ&referenceName=1&start=5&end=90000"):
        token = urlsafe_b64decode(url.removeprefix("/data/"))
        assert file.key not in url and file.key.encode() not in token and b"made" not in token


def test_altered_urls_open_nothing(client: Client, file: DataFile) -> None:
    (url,) = data_urls(client)
    for at in range(len("/data/"), len(url), 7):
        letter = "A" if url[at] != "A" else "B"
        assert client.get(url[:at] + letter + url[at + 1 :]).status_code == 403


def test_controlled_data_is_kept_by_no_cache_and_ends_with_its_grant(
    client: Client, file: DataFile, django_user_model: Any
) -> None:
    Dataset.objects.update(visibility="controlled")
    user = django_user_model.objects.create_user("reader")
    grant = Grant.objects.create(dataset=make_dataset(), user=user)
    _, token = api_tokens.issue(user=user, name="t", scopes=["reads"])
    answered = client.get("/reads/made?notags=ZZ", headers={"Authorization": f"Bearer {token}"})
    (url,) = (each["url"] for each in answered.json()["htsget"]["urls"] if each["url"].startswith("http"))
    path = url.removeprefix("http://testserver")
    given = client.get(path)
    assert given.status_code == 200 and given.headers["Cache-Control"].startswith("private")
    grant.delete()
    assert client.get(path).status_code == 403


def test_too_many_at_once_are_told_to_come_again(
    client: Client, file: DataFile, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    (url,) = data_urls(client)
    monkeypatch.setattr(converter, "_running", settings.STREAM_LIMIT)
    refused = client.get(url)
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    assert refused.json()["htsget"]["error"] == "ServiceUnavailable"


def test_a_full_disk_is_told_as_a_site_that_cannot_now(
    client: Client, file: DataFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    [url, *_] = data_urls(client)

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret")

    monkeypatch.setattr("htsget_app.conversion.converter.tempfile.TemporaryFile", full)
    answer = client.get(url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.json()["htsget"]["error"] == "ServiceUnavailable"
    assert "secret" not in answer.text + caplog.text
    assert [record.exc_info for record in caplog.records if record.levelno >= logging.ERROR] == [None]


def test_a_file_that_cannot_be_converted_is_an_error_and_never_a_short_answer(
    client: Client, file: DataFile
) -> None:
    (url,) = data_urls(client)
    path = stored_path(file)
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    refused = client.get(url)
    assert refused.status_code == 500 and refused.json()["htsget"]["error"] == "InternalError"
    assert str(path) not in refused.content.decode()
