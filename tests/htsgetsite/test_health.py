"""`/readyz` where storages are slow or down."""

import time
from typing import Any

import pytest
from django.test import Client

from catalogue.storage import s3, storage
from tests.object_gate import Fault
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db


@pytest.fixture
def several(object_store: ObjectStore, settings: Any) -> ObjectStore:
    """A site of four storages in buckets, whose clients are ready."""
    settings.HTSGETSITE_STORAGES = {
        name: object_store.url(object_store.make_bucket()) for name in ("sequences", "files", "one", "other")
    }
    for name in settings.HTSGETSITE_STORAGES:
        storage(name).check()
    return object_store


def test_all_storages_are_asked_at_once(several: ObjectStore, client: Client) -> None:
    several.gate.latency = 0.5
    began = time.monotonic()
    response = client.get("/readyz")
    assert time.monotonic() - began < 1.9, "one after the other takes two seconds"
    assert response.status_code == 200
    assert len(response.json()["parts"]) == 6


def test_the_one_that_is_down_is_named(
    several: ObjectStore, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "CHECK_DEADLINE", 1.0)
    (bucket,) = {settings.HTSGETSITE_STORAGES["one"].removeprefix("s3://").split("/")[0]}
    for fault in (Fault.DENIED, Fault.ERROR, Fault.DELAY):
        several.gate.fail(fault, only=lambda seen: seen.bucket == bucket)
        response = client.get("/readyz")
        several.gate.heal()
        assert response.status_code == 503
        parts = response.json()["parts"]
        assert [name for name, state in parts.items() if state == "down"] == ["storage one"]
        assert bucket not in response.content.decode()
