"""The audit: recorded events, protection against changes, export and pruning."""

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalogue import api_tokens, audit, rate_limits, request_context
from catalogue.access import PermissionRefused, Viewer
from catalogue.audit import Event, Kind, Outcome
from catalogue.models import ApiToken, AuditEvent, Dataset, Grant, GrantRegion, SequenceCollection, Usage
from catalogue.rate_limits import Rate
from tests.catalogue.made_access import make_grant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def from_outside() -> Iterator[None]:
    """Whatever happens comes from a request."""
    request_context.begin(request_context.RequestContext(address="192.0.2.1", request_id="request-1"))
    yield
    request_context.end()


def last() -> AuditEvent:
    return AuditEvent.objects.order_by("-id")[0]


def old(days: int) -> AuditEvent:
    """An event of so many days ago: nothing in the project can make one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalogue_auditevent (happened, kind, outcome, actor, credential, request_id, dataset, target,"
            " detail) VALUES (now() - make_interval(days => %s), 'ticket', 'done', '', '', '', '', 't', '{}')"
            " RETURNING id",
            [days],
        )
        (pk,) = cursor.fetchone()
    return AuditEvent.objects.get(pk=pk)


def test_who_where_what_and_how_it_ended(from_outside: None) -> None:
    viewer = Viewer(name="ada", user=7, credential="prefix")
    audit.record(
        Event(Kind.TICKET, Outcome.REFUSED, dataset="d", target="reads/x", detail={"a": 1}), viewer=viewer
    )
    event = last()
    assert (event.kind, event.outcome, event.dataset, event.target) == ("ticket", "refused", "d", "reads/x")
    assert (event.actor, event.account, event.credential) == ("ada", 7, "prefix")
    assert (event.address, event.request_id, event.detail) == ("192.0.2.1", "request-1", {"a": 1})
    assert abs(event.happened - timezone.now()) < timedelta(seconds=60)


def test_outside_of_requests_it_is_the_account_of_the_process() -> None:
    audit.record(Event(Kind.GRANT))
    assert last().actor.endswith("(command)") and last().address is None


@pytest.mark.parametrize("text", ["a" * 5000, "nul\0byte", "half \ud800 pair", "ünïcödé " * 200])
def test_what_clients_send_can_always_be_written(text: str) -> None:
    audit.record(Event(Kind.TICKET, dataset=text, target=text), viewer=Viewer(name=text, credential=text))
    event = last()
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
    assert last().detail == {"count": 1}


def test_outcomes_of_errors() -> None:
    assert audit.outcome_of(PermissionRefused("x"), status=403) is Outcome.REFUSED
    assert [audit.outcome_of(ValueError(), status=status) for status in (400, 401, 404, 405, 429, 500, 503)] == [
        Outcome.INVALID, Outcome.UNAUTHENTICATED, Outcome.NOT_FOUND, Outcome.INVALID, Outcome.THROTTLED, Outcome.FAILED,
        Outcome.FAILED,
    ]  # fmt: skip


# --- It only grows ------------------------------------------------------------------------------------------------


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
    event = old(400)
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
    long_ago, recent = old(31), old(29)
    call_command("prune_audit", "--older-than", "30")
    assert not AuditEvent.objects.filter(pk=long_ago.pk).exists()
    assert AuditEvent.objects.filter(pk=recent.pk).exists()
    assert "Removed 1 events" in capsys.readouterr().out
    assert (last().kind, last().detail) == ("retention", {"removed": 1})
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.filter(pk=recent.pk).delete()


def test_retention_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BATCH", 2)
    for _ in range(5):
        old(40)
    kept = old(1)
    assert audit.prune(before=timezone.now() - timedelta(days=30)) == 5
    assert set(AuditEvent.objects.values_list("pk", flat=True)) == {kept.pk, last().pk}


@pytest.mark.parametrize("days", ["0", "-1", "x", None])
def test_retention_needs_a_number_of_days(days: str | None) -> None:
    with pytest.raises(CommandError):
        call_command("prune_audit", *(["--older-than", days] if days else []))


# --- Changes of access ----------------------------------------------------------------------------------------------


def test_every_change_of_access_is_written() -> None:
    dataset, user, group = Dataset.objects.create(slug="d"), make_user("ada"), Group.objects.create(name="g")
    collection = SequenceCollection.objects.create(name="c")
    grant = make_grant(dataset, user)
    token, text = api_tokens.issue(user=user, name="n", scopes=["reads"])

    def region() -> None:
        GrantRegion.objects.create(grant=grant, contig="1", start=0, end=5)

    def saved(row: Any, **fields: Any) -> Callable[[], None]:
        def change() -> None:
            for name, value in fields.items():
                setattr(row, name, value)
            row.save()

        return change

    changes: list[tuple[Callable[[], Any], str, str, str]] = [
        (region, "grant", "added", "1:0-5"),
        (lambda: grant.regions.get().delete(), "grant", "removed", "1:0-5"),
        (lambda: Grant.objects.get().save(), "grant", "changed", "reader of d: ada"),
        (lambda: Grant.objects.all().delete(), "grant", "removed", "reader of d: ada"),
        (saved(token, revoked=timezone.now()), "token", "changed", token.prefix),
        (saved(dataset, visibility="public"), "admin", "changed", "d"),
        (saved(collection, visibility="private"), "admin", "changed", "c"),
        (saved(user, is_superuser=True), "admin", "changed", "ada"),
        (lambda: user.groups.add(group), "admin", "add", "ada"),
        (lambda: user.groups.clear(), "admin", "clear", "ada"),
        (lambda: group.permissions.add(Permission.objects.all()[0]), "admin", "add", "g"),
        (lambda: group.delete(), "admin", "removed", "g"),
    ]
    for change, kind, what, target in changes:
        before = AuditEvent.objects.count()
        change()
        assert AuditEvent.objects.count() == before + 1, target
        assert (last().kind, last().detail["change"]) == (kind, what)
        assert target in last().target
    assert AuditEvent.objects.filter(kind="admin", detail__visibility="public", dataset="d").exists()
    assert AuditEvent.objects.filter(kind="admin", detail__is_superuser=True).exists()
    assert all(text not in json.dumps(event.detail) for event in AuditEvent.objects.all())


@pytest.mark.parametrize("through_admin", [False, True])
@pytest.mark.parametrize("what", ["user", "group", "dataset", "collection"])
def test_what_holds_a_grant_can_be_deleted(admin_client: Client, what: str, through_admin: bool) -> None:
    dataset, collection = Dataset.objects.create(slug="d"), SequenceCollection.objects.create(name="c")
    user, group = make_user("ada"), Group.objects.create(name="g")
    user.groups.add(group)
    api_tokens.issue(user=user, name="n", scopes=["reads"])
    make_grant(dataset, user, regions=[("1", 0, 5)])
    for of, to in ((dataset, group), (collection, user), (collection, group)):
        make_grant(of, to)
    row: Any = {"user": user, "group": group, "dataset": dataset, "collection": collection}[what]
    grants = {str(grant) for grant in row.grants.all()}
    assert len(grants) == 2
    if through_admin:
        page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])
        assert admin_client.post(page, {"post": "yes"}).status_code == 302
    else:
        row.delete()
    removed = AuditEvent.objects.filter(kind="grant", detail__change="removed", target__startswith="grant ")
    assert {event.target.partition(": ")[2] for event in removed} == grants
    assert not type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_changes_that_bypass_the_models_are_written_too() -> None:
    dataset, user = Dataset.objects.create(slug="d"), make_user("ada")
    grant = make_grant(dataset, user)
    token, _ = api_tokens.issue(user=user, name="n", scopes=["reads"])
    changes: list[tuple[Callable[[], Any], str, str]] = [
        (lambda: Grant.objects.update(role="owner"), f"grant {grant.pk}:", "changed"),
        (lambda: Dataset.objects.update(visibility="public"), f"dataset {dataset.pk}:", "changed"),
        (lambda: ApiToken.objects.update(revoked=timezone.now()), f"apitoken {token.pk}:", "changed"),
        (lambda: Grant.objects.bulk_create([Grant(dataset=dataset, user=user)]), "grant ", "added"),
        (lambda: connection.cursor().execute("DELETE FROM catalogue_grant"), "grant ", "removed"),
    ]
    for change, target, what in changes:
        before = AuditEvent.objects.count()
        change()
        assert AuditEvent.objects.count() > before, what
        event = last()
        assert event.target.startswith(target) and event.detail["change"] == what
        assert event.actor.endswith("(database)") and "digest" not in event.detail
    assert AuditEvent.objects.filter(dataset="d", kind="grant", actor__endswith="(database)").count() == 4
    before = AuditEvent.objects.count()
    ApiToken.objects.update(last_used=timezone.now())
    assert AuditEvent.objects.count() == before
    grant = make_grant(dataset, user)
    GrantRegion.objects.create(grant=grant, contig="1", start=0, end=5)
    user.delete()
    assert not AuditEvent.objects.filter(pk__gt=last().pk - 5, actor__endswith="(database)").exists(), (
        "once is enough"
    )


def test_a_change_that_is_undone_is_not_written() -> None:
    with pytest.raises(ValueError, match="undone"), transaction.atomic():
        make_grant(Dataset.objects.create(slug="d"), make_user("ada"))
        raise ValueError("undone")
    assert not AuditEvent.objects.exists()


def test_signing_in_and_out(client: Client) -> None:
    make_user("ada", password="correct horse")
    page = reverse("sign-in")
    client.post(page, {"username": "ada", "password": "wrong secret"})
    assert (last().kind, last().outcome, last().actor) == ("authentication", "unauthenticated", "")
    client.post(page, {"username": "ada", "password": "correct horse"})
    assert (last().kind, last().outcome, last().actor, last().address) == (
        "authentication",
        "done",
        "ada",
        "127.0.0.1",
    )
    client.post(reverse("sign-out"))
    assert (last().target, last().actor) == ("session closed", "ada")
    assert "secret" not in json.dumps(list(AuditEvent.objects.values_list("target", "detail", "actor")))


# --- In the admin -----------------------------------------------------------------------------------------------------


def test_the_list_is_searched_and_filtered(admin_client: Client) -> None:
    audit.record(Event(Kind.TICKET, dataset="needle", target="reads/x"))
    audit.record(Event(Kind.DELIVERY, dataset="hay", target="reads/y"))
    listing = reverse("admin:catalogue_auditevent_changelist")
    assert b"needle" in admin_client.get(listing).content
    found = admin_client.get(listing, {"q": "needle"}).content
    assert b"needle" in found and b"reads/y" not in found
    found = admin_client.get(listing, {"kind__exact": "delivery"}).content
    assert b"reads/y" in found and b"reads/x" not in found
    page = admin_client.get(reverse("admin:catalogue_auditevent_change", args=[last().pk]))
    assert page.status_code == 200 and b'name="_save"' not in page.content


def test_exports(admin_client: Client) -> None:
    audit.record(Event(Kind.TICKET, dataset="d", target='=HYPERLINK("evil")', detail={"a": [1]}))
    audit.record(Event(Kind.DELIVERY, dataset="else", target="reads/y"))
    name = "admin:catalogue_auditevent"

    rows = list(
        csv.DictReader(
            io.StringIO(
                admin_client.get(reverse(f"{name}_csv"), {"kind__exact": "ticket"}).getvalue().decode()
            )
        )
    )
    assert [row["target"] for row in rows] == ['\'=HYPERLINK("evil")']
    assert json.loads(rows[0]["detail"]) == {"a": [1]}

    lines = admin_client.get(reverse(f"{name}_jsonl"), {"dataset": "d"}).getvalue().decode().splitlines()
    assert [json.loads(line)["target"] for line in lines] == ['=HYPERLINK("evil")']
    assert (
        AuditEvent.objects.filter(
            kind="admin", target__startswith="audit.", detail__change="exported"
        ).count()
        == 2
    )


def test_exports_are_for_those_who_may_look(client: Client) -> None:
    staff = make_user("staff", is_staff=True)
    client.force_login(staff)
    for what in ("csv", "jsonl"):
        assert client.get(reverse(f"admin:catalogue_auditevent_{what}")).status_code == 403
    staff.user_permissions.add(Permission.objects.get(codename="view_auditevent"))
    assert client.get(reverse("admin:catalogue_auditevent_csv")).status_code == 200


def test_what_the_admin_does_is_written(admin_client: Client, admin_user: User) -> None:
    password = {"password1": "correct horse battery", "password2": "correct horse battery"}
    inlines = {"identities-TOTAL_FORMS": 0, "identities-INITIAL_FORMS": 0}
    data = {"username": "new", "usable_password": "true", **password, **inlines}
    admin_client.post(reverse("admin:auth_user_add"), data)
    user = User.objects.get(username="new")
    event = AuditEvent.objects.filter(kind="admin", detail__through="admin", detail__change="added").get()
    assert (event.actor, event.account, event.address) == (admin_user.username, admin_user.pk, "127.0.0.1")
    assert f"user {user.pk}: new" == event.target

    admin_client.post(reverse("admin:catalogue_namingauthority_add"), {"name": "house", "description": ""})
    assert AuditEvent.objects.filter(kind="admin", detail__change="added", target__contains="house").exists()
    chosen = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
    admin_client.post(reverse("admin:auth_user_changelist"), chosen)
    assert AuditEvent.objects.filter(kind="admin", detail__change="removed", target__contains="new").exists()


# --- Counting -----------------------------------------------------------------------------------------------------


def test_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("catalogue.rate_limits.time.time", lambda: now)
    rate = Rate(3, 60)
    assert [rate_limits.count("a", rate) for _ in range(5)] == [None, None, None, 20, 20]
    assert rate_limits.count("b", rate) is None
    assert rate_limits.count("a", Rate(3, 3600)) is None, "spans of another length are counted apart"
    now += 20
    assert rate_limits.count("a", rate) is None
    now += 86400
    rate_limits.forget_past()
    assert not Usage.objects.exists()


def test_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is heavier than the rate is let through once, and then nothing until the next span."""
    now = 1_000_000.0
    monkeypatch.setattr("catalogue.rate_limits.time.time", lambda: now)
    rate = Rate(10, 60)
    assert [rate_limits.count("a", rate, weight=4) for _ in range(4)] == [None, None, None, 20]
    assert rate_limits.count("b", rate, weight=1000) is None
    assert rate_limits.count("b", rate) == 20
    now += 20
    assert rate_limits.count("b", rate) is None


def test_counts_are_kept_out_of_the_write_ahead_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'catalogue_usage'")
        assert cursor.fetchone() == ("u",)


def test_tokens_are_not_told_from_the_table() -> None:
    api_tokens.issue(user=make_user("ada"), name="n", scopes=["reads"])
    assert len(bytes(ApiToken.objects.get().digest)) == 32


# ---- events in batches


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
    assert last().target == "late"


@pytest.mark.django_db(transaction=True)
def test_what_is_not_public_and_what_repeats_is_written_at_once(batches: Callable[[], None]) -> None:
    audit.record(Event(Kind.TICKET))
    before = last().pk
    for public, repeats in ((False, False), (False, True), (True, True)):
        audit.record(Event(Kind.DELIVERY, target=f"{public} {repeats}"), public=public, repeats=repeats)
        assert last().target == f"{public} {repeats}"
    with transaction.atomic():
        audit.record(Event(Kind.TICKET, target="in a transaction"), public=True)
        assert last().target == "in a transaction"
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
