"""`/readyz` where storages are slow or down."""

from typing import Any

import pytest
from django.test import Client

from catalogue.storage import storage
from tests.object_gate import Fault
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
    assert len(response.json()["parts"]) == 6


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
