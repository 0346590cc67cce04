"""The server process: readiness, workers, static files, bodies that break, and its end."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.live import LiveSite, made_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    with made_site(tmp_path_factory.mktemp("home")) as site:
        site.start(workers=2)
        yield site


def test_health_and_readiness(site: LiveSite) -> None:
    alive = requests.get(f"{site.url}/healthz")
    assert (alive.status_code, alive.text) == (200, "alive\n")
    ready = requests.get(f"{site.url}/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "ready": True,
        "parts": {"database": "ok", "migrations": "ok", "storage sequences": "ok", "storage files": "ok"},
    }
    assert "no-store" in ready.headers["Cache-Control"]
    assert "Set-Cookie" not in ready.headers
