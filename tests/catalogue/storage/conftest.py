"""A storage in an object store that fails as told, in simulated time."""

import random

import pytest
from pytest_django import Settings

from catalogue.storage import PIECE, storage
from catalogue.storage.s3 import S3Storage
from tests.object_store import ObjectStore
from tests.simulated_time import SimulatedTime

CONTENT = random.Random(3).randbytes(2 * PIECE + 4321)
#: Simulated seconds that a call may take, and that the store may be silent meanwhile.
DEADLINE, SILENCE = 10.0, 3.0


@pytest.fixture
def place(object_store: ObjectStore, simulated_time: SimulatedTime, settings: Settings) -> S3Storage:
    """A storage with one object, in simulated time, where many attempts fit into the deadline."""
    settings.STORAGE_CONNECT_TIMEOUT = 1
    settings.STORAGE_READ_TIMEOUT = SILENCE
    settings.STORAGE_DEADLINE = 60
    bucket = object_store.make_bucket()
    settings.HTSGETSITE_STORAGES = {
        "far": object_store.url(bucket, "p"),
        "near": object_store.url(bucket, "q"),
    }
    object_store.put(bucket, "p/object", CONTENT)
    return far()


def far() -> S3Storage:
    """The storage as the settings are now."""
    place = storage("far")
    assert isinstance(place, S3Storage)
    return place
