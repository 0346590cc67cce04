"""Every change of access is an event, whether made by the admin, a command, a query or SQL."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalogue import api_tokens
from catalogue.models import ApiToken, AuditEvent, Dataset, Grant, GrantRegion, SequenceCollection
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_events import last_event

pytestmark = pytest.mark.django_db


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
        assert (last_event().kind, last_event().detail["change"]) == (kind, what)
        assert target in last_event().target
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
        event = last_event()
        assert event.target.startswith(target) and event.detail["change"] == what
        assert event.actor.endswith("(database)") and "digest" not in event.detail
    assert AuditEvent.objects.filter(dataset="d", kind="grant", actor__endswith="(database)").count() == 4
    before = AuditEvent.objects.count()
    ApiToken.objects.update(last_used=timezone.now())
    assert AuditEvent.objects.count() == before
    grant = make_grant(dataset, user)
    GrantRegion.objects.create(grant=grant, contig="1", start=0, end=5)
    user.delete()
    assert not AuditEvent.objects.filter(pk__gt=last_event().pk - 5, actor__endswith="(database)").exists(), (
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
    assert (last_event().kind, last_event().outcome, last_event().actor) == (
        "authentication",
        "unauthenticated",
        "",
    )
    client.post(page, {"username": "ada", "password": "correct horse"})
    assert (last_event().kind, last_event().outcome, last_event().actor, last_event().address) == (
        "authentication",
        "done",
        "ada",
        "127.0.0.1",
    )
    client.post(reverse("sign-out"))
    assert (last_event().target, last_event().actor) == ("session closed", "ada")
    assert "secret" not in json.dumps(list(AuditEvent.objects.values_list("target", "detail", "actor")))
