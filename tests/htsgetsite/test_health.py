"""`/readyz` where storages or the database are slow or down."""

import errno
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from catalogue.storage import storage
from tests.object_faults import Fault
from tests.object_store import ObjectStore
from tests.simulated_time import SimulatedTime

pytestmark = pytest.mark.django_db


@pytest.fixture
def several(object_store: ObjectStore, simulated_time: SimulatedTime, settings: Any) -> ObjectStore:
    """A site of four storages in buckets, whose clients are ready."""
    settings.HTSGETSITE_STORAGES = {
        name: object_store.url(object_store.make_bucket()) for name in ("sequences", "files", "one", "other")
    }
    for name in settings.HTSGETSITE_STORAGES:
        storage(name).check()
    return object_store


def test_all_storages_are_asked_at_once(several: ObjectStore, client: Client) -> None:
    several.gate.hold_until(4)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert len(response.json()["parts"]) == 7


def test_the_one_that_is_down_is_named(several: ObjectStore, client: Client, settings: Any) -> None:
    (bucket,) = {settings.HTSGETSITE_STORAGES["one"].removeprefix("s3://").split("/")[0]}
    for fault in (Fault.DENIED, Fault.ERROR, Fault.DELAY):
        several.gate.fail(fault, only=lambda seen: seen.bucket == bucket)
        response = client.get("/readyz")
        several.gate.heal()
        assert response.status_code == 503
        parts = response.json()["parts"]
        assert [name for name, state in parts.items() if state == "down"] == ["storage one"]
        assert bucket not in response.content.decode()


@pytest.mark.parametrize("part", ["home", "storage sequences", "storage files"])
def test_a_full_disk_is_told(
    client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    folders = {name: tmp_path / name for name in ("home", "storage sequences", "storage files")}
    for folder in folders.values():
        folder.mkdir()
    settings.HTSGETSITE_HOME = folders["home"]
    settings.HTSGETSITE_STORAGES = {
        name: folders[f"storage {name}"].as_uri() for name in ("sequences", "files")
    }

    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write(self, _: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        "htsgetsite.health.TemporaryFile",
        lambda dir: Full() if dir == folders[part] else TemporaryFile(dir=dir),  # noqa: SIM115
    )
    response = client.get("/readyz")
    assert response.status_code == 503
    assert [name for name, state in response.json()["parts"].items() if state == "down"] == [part]
    assert str(tmp_path) not in response.content.decode()
    monkeypatch.undo()
    assert client.get("/readyz").status_code == 200


def test_a_database_that_is_down_is_one_line_of_the_log(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Down:
        def cursor(self) -> None:
            raise OperationalError("connection failed: refused\n\tIs the server running there?\n")

        def close(self) -> None:
            pass

    monkeypatch.setattr("htsgetsite.health.connection", Down())
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["database"] == response.json()["parts"]["migrations"] == "down"
    assert "refused" not in response.content.decode()
    (line,) = (record for record in caplog.records if "database" in record.getMessage())
    assert "Service Unavailable" not in caplog.text
    assert line.exc_info is None
    assert (
        line.getMessage() == "The database is down: connection failed: refused Is the server running there?"
    )


def test_a_database_that_goes_away_while_it_is_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> list[str]:
        raise OperationalError("terminating connection due to administrator command")

    monkeypatch.setattr("htsgetsite.health.unapplied_migrations", gone)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["parts"]["migrations"]) == (503, "down")
    (line,) = (record for record in caplog.records if "database" in record.getMessage())
    assert line.exc_info is None
