"""The audit: recorded events, single or in batches, protection against changes, and pruning."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from catalogue import audit, request_context
from catalogue.access import PermissionRefused, Viewer
from catalogue.audit import Event, Kind, Outcome
from catalogue.models import AuditEvent, Dataset
from tests.catalogue.made_access import make_user
from tests.catalogue.made_events import last_event, make_old_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def from_outside() -> Iterator[None]:
    """Whatever happens comes from a request."""
    request_context.begin(request_context.RequestContext(address="192.0.2.1", request_id="request-1"))
    yield
    request_context.end()


def test_who_where_what_and_how_it_ended(from_outside: None) -> None:
    viewer = Viewer(name="ada", user=7, credential="prefix")
    audit.record(
        Event(Kind.TICKET, Outcome.REFUSED, dataset="d", target="reads/x", detail={"a": 1}), viewer=viewer
    )
    event = last_event()
    assert (event.kind, event.outcome, event.dataset, event.target) == ("ticket", "refused", "d", "reads/x")
    assert (event.actor, event.account, event.credential) == ("ada", 7, "prefix")
    assert (event.address, event.request_id, event.detail) == ("192.0.2.1", "request-1", {"a": 1})
    assert abs(event.happened - timezone.now()) < timedelta(seconds=60)


def test_outside_of_requests_it_is_the_account_of_the_process() -> None:
    audit.record(Event(Kind.GRANT))
    assert last_event().actor.endswith("(command)") and last_event().address is None


@pytest.mark.parametrize("text", ["a" * 5000, "nul\0byte", "half \ud800 pair", "ünïcödé " * 200])
def test_what_clients_send_can_always_be_written(text: str) -> None:
    audit.record(Event(Kind.TICKET, dataset=text, target=text), viewer=Viewer(name=text, credential=text))
    event = last_event()
    assert event.target[:3] == text[:3] and len(event.target) <= 512 and len(event.actor) <= 255


def test_repeats_are_counted(from_outside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand equal events are ten rows; whatever else differs is another event, and so is the next hour."""
    now = 3600.0 * 500_000
    monkeypatch.setattr("catalogue.audit.time.time", lambda: now)
    ada, bob = Viewer(name="ada", user=7), Viewer(name="bob", user=8)
    event = Event(Kind.DELIVERY, dataset="d", target="reads/x", detail={"first": 1})
    for number in range(1000):
        request_context.current_context().request_id = f"request-{number}"
        audit.record(event, viewer=ada, repeats=True, public=bool(number % 2))
    rows = AuditEvent.objects.filter(actor="ada").order_by("id")
    assert [row.detail for row in rows] == [{"first": 1, "count": 2**power} for power in range(10)]
    assert rows[0].request_id == "request-0" and rows[9].request_id == "request-511"
    others = [
        (event, bob),
        (dataclasses.replace(event, detail={"first": 2}), ada),
        (dataclasses.replace(event, target="reads/y"), ada),
        (dataclasses.replace(event, outcome=Outcome.REFUSED), ada),
    ]
    for other, viewer in others:
        audit.record(other, viewer=viewer, repeats=True)
    request_context.current_context().address = "192.0.2.2"
    audit.record(event, viewer=ada, repeats=True)
    now += 3600
    audit.record(event, viewer=ada, repeats=True)
    new = AuditEvent.objects.filter(id__gt=rows[9].pk)
    assert [row.detail["count"] for row in new] == [1] * 6


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_not_written_does_not_count() -> None:
    event = Event(Kind.DELIVERY, target="reads/x")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        audit.record(event, repeats=True)
        raise ZeroDivisionError
    audit.record(event, repeats=True)
    assert last_event().detail == {"count": 1}


def test_outcomes_of_errors() -> None:
    assert audit.outcome_of(PermissionRefused("x"), status=403) is Outcome.REFUSED
    assert [audit.outcome_of(ValueError(), status=status) for status in (400, 401, 404, 405, 429, 500, 503)] == [
        Outcome.INVALID, Outcome.UNAUTHENTICATED, Outcome.NOT_FOUND, Outcome.INVALID, Outcome.THROTTLED, Outcome.FAILED,
        Outcome.FAILED,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        lambda event: AuditEvent.objects.update(outcome="done"),
        lambda event: AuditEvent.objects.filter(pk=event.pk).delete(),
        lambda event: event.delete(),
        lambda event: event.save(),
        lambda event: connection.cursor().execute("UPDATE catalogue_auditevent SET target = 'x'"),
        lambda event: connection.cursor().execute("DELETE FROM catalogue_auditevent"),
        lambda event: connection.cursor().execute("SET htsgetsite.audit_removal = 'x'; TRUNCATE catalogue_auditevent"),
    ],
)  # fmt: skip
def test_nothing_is_changed_or_removed(change: Callable[[AuditEvent], Any]) -> None:
    event = make_old_event(400)
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        change(event)
    assert AuditEvent.objects.get(pk=event.pk).target == "t"


def test_accounts_and_datasets_can_go_and_their_events_stay() -> None:
    user = make_user("ada")
    audit.record(Event(Kind.TICKET, dataset="d"), viewer=Viewer(name="ada", user=user.pk))
    dataset = Dataset.objects.create(slug="d")
    dataset.delete()
    pk = user.pk
    user.delete()
    assert AuditEvent.objects.filter(account=pk, dataset="d").exists()


def test_retention(capsys: pytest.CaptureFixture[str]) -> None:
    long_ago, recent = make_old_event(31), make_old_event(29)
    call_command("prune_audit", "--older-than", "30")
    assert not AuditEvent.objects.filter(pk=long_ago.pk).exists()
    assert AuditEvent.objects.filter(pk=recent.pk).exists()
    assert "Removed 1 events" in capsys.readouterr().out
    assert (last_event().kind, last_event().detail) == ("retention", {"removed": 1})
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.filter(pk=recent.pk).delete()


def test_retention_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BATCH", 2)
    for _ in range(5):
        make_old_event(40)
    kept = make_old_event(1)
    assert audit.prune(before=timezone.now() - timedelta(days=30)) == 5
    assert set(AuditEvent.objects.values_list("pk", flat=True)) == {kept.pk, last_event().pk}


@pytest.mark.parametrize("days", ["0", "-1", "x", None])
def test_retention_needs_a_number_of_days(days: str | None) -> None:
    with pytest.raises(CommandError):
        call_command("prune_audit", *(["--older-than", days] if days else []))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Public events are written in batches by this process; calling it writes the last ones."""
    monkeypatch.setattr(audit, "_batches", None)
    yield audit.write_in_batches()


@pytest.mark.django_db(transaction=True)
def test_public_events_are_written_in_batches_with_their_time(
    from_outside: None, batches: Callable[[], None]
) -> None:
    begun = timezone.now()
    for number in range(5):
        audit.record(
            Event(Kind.TICKET, dataset="batched", target=f"reads/{number}", detail={"n": number}), public=True
        )
    asked = timezone.now()
    batches()
    events = AuditEvent.objects.filter(dataset="batched").order_by("id")
    assert [(event.target, event.detail, event.request_id) for event in events] == [
        (f"reads/{number}", {"n": number}, "request-1") for number in range(5)
    ]
    assert all(begun - timedelta(seconds=1) < event.happened < asked for event in events)
    # Once it is closed, events are written at once.
    audit.record(Event(Kind.TICKET, target="late"), public=True)
    assert last_event().target == "late"


@pytest.mark.django_db(transaction=True)
def test_what_is_not_public_and_what_repeats_is_written_at_once(batches: Callable[[], None]) -> None:
    audit.record(Event(Kind.TICKET))
    before = last_event().pk
    for public, repeats in ((False, False), (False, True), (True, True)):
        audit.record(Event(Kind.DELIVERY, target=f"{public} {repeats}"), public=public, repeats=repeats)
        assert last_event().target == f"{public} {repeats}"
    with transaction.atomic():
        audit.record(Event(Kind.TICKET, target="in a transaction"), public=True)
        assert last_event().target == "in a transaction"
    batches()
    assert AuditEvent.objects.filter(id__gt=before).count() == 4


@pytest.mark.django_db(transaction=True)
def test_an_invalid_event_does_not_keep_others_from_being_written(
    batches: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    for detail in ({"a": 1}, {"a": "\0"}, {"a": 2}):
        audit.record(Event(Kind.TICKET, dataset="invalid", detail=detail), public=True)
    batches()
    assert [event.detail for event in AuditEvent.objects.filter(dataset="invalid").order_by("id")] == [
        {"a": 1},
        {"a": 2},
    ]
    assert "was not written" in caplog.text
