"""Files that are no longer what was registered, storages and databases that fail: what clients and the log are told."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from catalogue.errors import StorageUnavailable
from catalogue.models import DataFile
from catalogue.storage import LocalStorage
from tests.htsget_app.made_data import (
    fetch,
    refused,
    stored_path,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def restored(reads: DataFile) -> Iterator[Path]:
    """The path of the stored object, which is put back afterwards, to the nanosecond."""
    path = stored_path(reads)
    content, times = path.read_bytes(), path.stat()
    yield path
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def state(file: DataFile) -> tuple[str, str]:
    file.refresh_from_db()
    return file.state, file.state_reason


@pytest.mark.parametrize("query", ["", "class=header", "referenceName=1&start=5&end=10", "referenceName=*"])
def test_a_file_that_is_missing(
    client: Client, reads: DataFile, restored: Path, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    assert client.get(f"/reads/made?{query}").status_code == 200
    kept = restored.rename(restored.with_suffix(".away"))
    response = client.get(f"/reads/made?{query}")
    assert refused(response) == (500, "InternalError")
    assert str(restored) not in response.content.decode() and restored.name not in response.content.decode()
    assert state(reads)[0] == "missing"
    assert f"data file {reads.pk}: an object of storage 'files' is missing" in caplog.text
    # It is back, and the mark goes.
    kept.rename(restored)
    assert client.get(f"/reads/made?{query}").status_code == 200
    assert state(reads) == ("ready", "")


def test_a_file_that_grew(client: Client, reads: DataFile, restored: Path) -> None:
    with restored.open("ab") as file:
        file.write(b"more")
    assert refused(client.get("/reads/made")) == (500, "InternalError")
    assert state(reads)[0] == "changed" and "bytes" in state(reads)[1]


def test_a_file_of_the_same_size_and_another_time(client: Client, reads: DataFile, restored: Path) -> None:
    os.utime(restored, ns=(0, 0))
    for query in ("", "?class=header", "?referenceName=1&start=5&end=10"):
        assert refused(client.get(f"/reads/made{query}")) == (500, "InternalError")
    assert state(reads) == ("changed", "another ETag than was registered")


def test_a_file_that_is_damaged_unnoticed(
    client: Client, reads: DataFile, restored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its size and time are as registered, so that only its blocks tell."""
    times, content = restored.stat(), bytearray(restored.read_bytes())
    for at in range(2000, len(content) - 28, 50):
        content[at] ^= 0x55
    restored.write_bytes(content)
    os.utime(restored, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert refused(client.get("/reads/made?referenceName=2&start=5&end=10")) == (500, "InternalError")
    assert state(reads)[0] == "corrupt" and f"500 for 'reads/made': data file {reads.pk}: " in caplog.text
    assert client.get("/reads/made?class=header").status_code == 200
    assert state(reads)[0] == "corrupt", "reading what is sound does not heal the rest"


def test_a_missing_file_is_one_line_of_the_log(
    client: Client, reads: DataFile, restored: Path, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    """For each request, whether it is the first to find out or not, and without a traceback."""
    settings.HTSGET_INLINE_BYTES = 0
    data_url = fetch(client, "/reads/made").urls[-1]["url"]
    restored.unlink()
    for path in ("/reads/made", "/reads/made", "/reads/made?referenceName=1", data_url, data_url):
        caplog.clear()
        assert client.get(path).status_code == 500
        (line,) = caplog.records
        assert f"data file {reads.pk}: an object of storage 'files' is missing" in line.getMessage()
        assert line.exc_info is None and line.levelno == logging.ERROR


def test_a_note_is_made_once(
    client: Client, reads: DataFile, restored: Path, django_assert_num_queries: Any
) -> None:
    restored.unlink()
    client.get("/reads/made")
    since = DataFile.objects.get(pk=reads.pk).state_since
    client.get("/reads/made")
    assert DataFile.objects.get(pk=reads.pk).state_since == since


def test_a_storage_that_does_not_answer(
    client: Client, reads: DataFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: LocalStorage, *args: object) -> None:
        raise StorageUnavailable("the wire to /secret/place is cut")

    url = fetch(client, "/reads/made").urls[-1]["url"]
    monkeypatch.setattr(LocalStorage, "stat", fail)
    for response in (client.get("/reads/made"), client.get("/reads/made?class=header"), client.get(url)):
        assert refused(response) == (503, "ServiceUnavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert b"secret" not in response.content
    assert "the wire to /secret/place is cut" in caplog.text
    assert state(reads) == ("ready", ""), "that says nothing about this file"


def test_a_database_that_does_not_answer(
    client: Client, reads: DataFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise OperationalError("password of the database")

    monkeypatch.setattr("catalogue.queries.find_file", fail)
    response = client.get("/reads/made")
    assert refused(response) == (503, "ServiceUnavailable") and "Retry-After" in response.headers
    assert b"password" not in response.content


def test_a_fault_of_ours(
    client: Client, reads: DataFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the inside")

    monkeypatch.setattr("htsget_app.tickets.plan", fail)
    with caplog.at_level(logging.ERROR):
        response = client.get("/reads/made")
    assert refused(response) == (500, "InternalError")
    assert b"inside" not in response.content and "ZeroDivisionError: the inside" in caplog.text
