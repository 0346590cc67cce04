"""The catalogue API: every list × every role. What a role may not know of is as if it were absent."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client

from catalogue import api_tokens, jobs
from catalogue.models import AuditEvent, DataFile, Dataset, Grant, IngestRun
from tests.permissions.made_world import FULL, NOBODY, ROLES, World

pytestmark = pytest.mark.django_db

#: The formats of the files that a role may know of; nothing for all others.
KNOWN = {role: {"BAM", "CRAM", "VCF"} for role in (*FULL, "headers only", "region-limited")}
KNOWN["variants only"] = {"VCF"}
LISTS = ("datasets", "files", "samples", "sequences", "aliases", "authorities", "collections", "genomes")
FOR_ACCOUNTS = ("runs", "inputs?run=1", "grants")


def answered(client: Client, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    response = client.get(path, headers=headers)
    return response.status_code, json.loads(response.content)


@pytest.mark.parametrize("hidden", [False, True])
def test_every_role(world: World, client: Client, settings: Any, hidden: bool) -> None:
    settings.HIDE_CONTROLLED = hidden
    for role in ROLES:
        headers = world.headers(role)
        if role in NOBODY and role != "anonymous":
            for name in (*LISTS, *FOR_ACCOUNTS):
                assert answered(client, f"/api/{name}", headers)[0] == 401, (name, role)
            continue
        known = KNOWN.get(role, set())
        files = answered(client, "/api/files/", headers)[1]["results"]
        assert {row["format"] for row in files} == known, role
        slugs = {row["slug"] for row in answered(client, "/api/datasets/", headers)[1]["results"]}
        assert ("secretdataset" in slugs) is bool(known), role
        samples = answered(client, "/api/samples/", headers)[1]["results"]
        assert {row["name"] for row in samples} == {name for row in files for name in row["samples"]}, role
        assert answered(client, "/api/datasets/secretdataset", headers)[0] == (200 if known else 404), role
        for file in DataFile.objects.all():
            status = 200 if file.format in known else 404
            for path in (f"/api/files/{file.pk}", f"/api/contigs/?file={file.pk}"):
                assert answered(client, path, headers)[0] == status, (path, role)
        for name in ("datasets", "files", "samples"):
            text = json.dumps(answered(client, f"/api/{name}/", headers)[1])
            assert known or "ecret" not in text, (name, role)
    assert answered(client, "/api/samples/", world.headers("owner"))[1]["results"]


def test_what_is_absent_is_told_alike(world: World, client: Client) -> None:
    for role in ("anonymous", "other user", "administrator"):
        headers = world.headers(role)
        seen = answered(client, "/api/datasets/secretdataset", headers)
        absent = answered(client, "/api/datasets/absent", headers)
        assert json.dumps(seen).replace("secretdataset", "absent") == json.dumps(absent)


def writes(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """Every write of the API, of things of the controlled dataset, with a body that is good."""
    file = DataFile.objects.filter(dataset=world.dataset).order_by("pk")[0]
    grant = Grant.objects.filter(dataset=world.dataset, role="reader").order_by("pk")[0]
    run = jobs.start("verify_files", {"files": [file.pk]}, account=User.objects.get(username="owner").pk)
    manifest = {"manifest": "path,id\nfiles:a.bam,a\n", "dataset": "secretdataset"}
    return [
        ("patch", "/api/datasets/secretdataset", {"title": "ours"}),
        ("patch", "/api/datasets/secretdataset", {"visibility": "public"}),
        ("patch", f"/api/files/{file.pk}", {"id": "ours"}),
        ("post", "/api/runs/", manifest),
        *(("post", f"/api/runs/{run.pk}/{action}", {}) for action in ("cancel", "retry", "start")),
        ("post", "/api/grants/", {"dataset": "secretdataset", "user": "other"}),
        ("delete", f"/api/grants/{grant.pk}", {}),
    ]


def state(world: World) -> list[Any]:
    return [
        list(Dataset.objects.order_by("pk").values()),
        list(DataFile.objects.order_by("pk").values("htsget_id", "dataset")),
        list(Grant.objects.order_by("pk").values()),
        list(IngestRun.objects.order_by("pk").values("command", "outcome", "cancel_requested")),
    ]


@pytest.mark.parametrize("hidden", [False, True])
def test_no_role_writes_without_the_scope(world: World, client: Client, settings: Any, hidden: bool) -> None:
    settings.HIDE_CONTROLLED = hidden
    asked = writes(world)
    before = state(world)
    for role in ROLES:
        sessions: Any = Client()
        if (user := User.objects.filter(username=role.removesuffix(" user")).first()) is not None:
            sessions.force_login(user)
        for method, path, body in asked:
            headers = {**world.headers(role), "If-Match": "*"}
            response = getattr(sessions, method)(
                path, data=json.dumps(body), content_type="application/json", headers=headers
            )
            assert response.status_code == (401 if role in NOBODY else 403), (role, method, path)
            assert b"ecret" not in response.content.replace(b"secretdataset", b"")
        for name in FOR_ACCOUNTS[-1:]:
            assert answered(client, f"/api/{name}", world.headers(role))[0] == (
                401 if role in NOBODY else 403
            )
    assert state(world) == before
    # A session alone opens nothing, whoever is signed in.
    for name in ("owner", "root"):
        signed_in: Any = Client()
        signed_in.force_login(User.objects.get(username=name))
        for method, path, body in asked:
            sent = getattr(signed_in, method)(path, data=json.dumps(body), content_type="application/json")
            assert sent.status_code == 401
    assert state(world) == before


#: Which writes (by their places in `writes`) a token to manage of an account may do.
MANAGING = {
    "other": set(), "granted": set(), "regions": set(), "steward": {0, 2, 7, 8}, "owner": {0, 1, 2, 4, 7, 8},
    "not of the desk": set(),
}  # fmt: skip


@pytest.mark.parametrize("name", MANAGING)
def test_a_token_to_manage_does_what_the_desk_would(world: World, name: str) -> None:
    user = User.objects.get(username="owner" if name == "not of the desk" else name)
    if name != "not of the desk":
        user.groups.add(Group.objects.get(name="steward"))
    token = api_tokens.issue(user=user, name="n", scopes=["reads", "variants", "sequences", "manage"])[1]
    for number, (method, path, body) in enumerate(writes(world)):
        client: Any = Client()
        with transaction.atomic():
            response = getattr(client, method)(
                path, data=json.dumps(body), content_type="application/json",
                headers={"Authorization": f"Bearer {token}", "If-Match": "*"},
            )  # fmt: skip
            transaction.set_rollback(True)
        if number in MANAGING[name]:
            assert response.status_code < 300, (path, response.content)
        else:
            assert response.status_code in {403, 404, 409}, (path, response.content)
    grant = json.dumps({"dataset": "otherdataset", "user": "other"})
    headers = {"Authorization": f"Bearer {token}"}
    refused: Any = Client().post("/api/grants", data=grant, content_type="application/json", headers=headers)
    assert refused.status_code == 403
    event = AuditEvent.objects.filter(outcome="refused").last()
    assert event is not None and event.actor == user.username
