"""The audit in the admin: searched, exported by those who may look, and written by what the admin does."""

import csv
import io
import json

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from catalogue import audit
from catalogue.audit import Event, Kind
from catalogue.models import AuditEvent
from tests.catalogue.made_access import make_user
from tests.catalogue.made_events import last_event

pytestmark = pytest.mark.django_db


def test_the_list_is_searched_and_filtered(admin_client: Client) -> None:
    audit.record(Event(Kind.TICKET, dataset="needle", target="reads/x"))
    audit.record(Event(Kind.DELIVERY, dataset="hay", target="reads/y"))
    listing = reverse("admin:catalogue_auditevent_changelist")
    assert b"needle" in admin_client.get(listing).content
    found = admin_client.get(listing, {"q": "needle"}).content
    assert b"needle" in found and b"reads/y" not in found
    found = admin_client.get(listing, {"kind__exact": "delivery"}).content
    assert b"reads/y" in found and b"reads/x" not in found
    page = admin_client.get(reverse("admin:catalogue_auditevent_change", args=[last_event().pk]))
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
