"""Refusals in the audit: what is recorded, and what must not stop an answer."""

import logging

import pytest
from django.db import DatabaseError, OperationalError

from catalogue.access import AuthenticationRequired, Viewer
from catalogue.audit import Kind
from catalogue.errors import CatalogueError, NotFound
from catalogue.models import AuditEvent
from catalogue.rate_limits import TooMany
from ga4gh.audit import record_refusal

VIEWER = Viewer(name="anna", credential="hts_abc")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (AuthenticationRequired("sign in"), 401, "unauthenticated"),
        (NotFound("no such id"), 404, "not found"),
        (CatalogueError("odd"), 400, "invalid"),
        (ZeroDivisionError("a bug"), 500, "failed"),
    ],
)
def test_who_was_refused_what(error: Exception, status: int, outcome: str) -> None:
    record_refusal(Kind.REQUEST, "reads/x\n", error, status=status, viewer=VIEWER)
    event = AuditEvent.objects.get()
    assert (event.actor, event.credential, event.target) == ("anna", "hts_abc", "reads/x\n")
    assert (event.kind, event.outcome) == ("request", outcome)


@pytest.mark.django_db
def test_floods_are_not_recorded() -> None:
    record_refusal(Kind.REQUEST, "reads/x", TooMany(3), status=429, viewer=VIEWER)
    assert not AuditEvent.objects.exists()


def test_a_database_that_failed_is_not_asked_again() -> None:
    """Without access to the database, this test would fail at a query."""
    record_refusal(Kind.REQUEST, "reads/x", OperationalError("gone"), status=503, viewer=VIEWER)


def test_a_refusal_that_cannot_be_recorded_is_logged_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("no room")

    monkeypatch.setattr("catalogue.audit.record", fail)
    with caplog.at_level(logging.ERROR):
        record_refusal(Kind.REQUEST, "a\nb", NotFound("no such id"), status=404, viewer=VIEWER)
    (line,) = caplog.records
    assert line.getMessage() == "a refusal of 'a\\nb' could not be recorded: no room" and not line.exc_info
