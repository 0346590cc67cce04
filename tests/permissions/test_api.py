"""The catalogue API: every list × every role. What a role may not know of is as if it were absent."""

import json
from typing import Any

import pytest
from django.test import Client

from catalogue.models import DataFile
from tests.permissions.made_world import FULL, NOBODY, ROLES, World

pytestmark = pytest.mark.django_db

#: The formats of the files that a role may know of; nothing for all others.
KNOWN = {role: {"BAM", "CRAM", "VCF"} for role in (*FULL, "headers only", "region-limited")}
KNOWN["variants only"] = {"VCF"}
LISTS = ("datasets", "files", "samples", "sequences", "aliases", "authorities")


def answered(client: Client, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    response = client.get(path, headers=headers)
    return response.status_code, json.loads(response.content)


@pytest.mark.parametrize("hidden", [False, True])
def test_every_role(world: World, client: Client, settings: Any, hidden: bool) -> None:
    settings.HIDE_CONTROLLED = hidden
    for role in ROLES:
        headers = world.headers(role)
        if role in NOBODY and role != "anonymous":
            for name in (*LISTS, "runs"):
                assert answered(client, f"/api/{name}/", headers)[0] == 401, (name, role)
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
