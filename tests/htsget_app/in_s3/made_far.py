"""Requests for the reads `far`, which lie in an object store."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from catalogue import queries
from catalogue.models import DataFile
from catalogue.storage import FILES, storage
from tests.object_faults import Seen
from tests.object_store import ObjectStore

#: Simulated seconds that one call to the store may take.
DEADLINE = 10
NARROW: dict[str, str | int] = {"referenceName": "1", "start": 5_000_000, "end": 5_000_100}
#: Its begin and its end are further apart than is read in one go.
WIDE: dict[str, str | int] = {"referenceName": "1", "start": 500_000, "end": 9_500_000}


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


def counted(store: ObjectStore, act: Callable[[], object]) -> list[Seen]:
    with store.gate.counted() as seen:
        act()
    return seen


def is_read(seen: Seen) -> bool:
    return seen.reads_object and seen.signed == "header"
