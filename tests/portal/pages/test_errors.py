"""The page of a site that fails: 503 and one line of the log where something does not answer, 500 for a bug."""

import logging
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.test import Client

from catalogue.errors import ObjectMissing, StorageUnavailable

pytestmark = pytest.mark.django_db

GONE = OperationalError("connection to /secret failed\n\tIs the server running there?")


@pytest.mark.parametrize(
    ("error", "status", "told", "traces"),
    [
        (GONE, 503, "Not available now", 0),
        (InterfaceError("the connection is closed"), 503, "Not available now", 0),
        (StorageUnavailable("/secret"), 503, "Not available now", 0),
        (ObjectMissing("/secret"), 500, "Something failed", 0),
        (ZeroDivisionError("/secret"), 500, "Something failed", 1),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else None,
)
def test_what_is_away_is_told_from_a_bug(
    caplog: pytest.LogCaptureFixture, error: Exception, status: int, told: str, traces: int
) -> None:
    client = Client(raise_request_exception=False)
    with patch("portal.pages.page.session_viewer", side_effect=error):
        answer = client.get("/datasets/")
    assert (answer.status_code, "secret" in answer.text) == (status, False)
    assert f"<h1>{told}</h1>" in answer.text and "Content-Security-Policy" in answer.headers
    assert answer.headers.get("Retry-After") == ("10" if status == 503 else None)
    assert answer.headers["X-Request-ID"] and answer.headers["Cache-Control"] == "no-store"
    [line] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert bool(line.exc_info) == bool(traces) and "\n" not in line.getMessage()


@pytest.mark.parametrize("path", ["/", "/account/", "/admin/"])
def test_a_session_that_cannot_be_loaded(caplog: pytest.LogCaptureFixture, path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("ada"))
    with patch("django.contrib.sessions.backends.db.SessionStore.load", side_effect=GONE):
        answer: Any = client.get(path)
    assert answer.status_code == 503 and "Retry-After" in answer.headers
    assert [record.exc_info for record in caplog.records if record.levelno >= logging.ERROR] == [None]
