"""Public requests to the site, and their limits."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalogue.models import (
    Dataset,
)
from catalogue.rate_limits import Rate
from htsgetsite.authentication import jwt_tokens, keys
from tests.permissions.made_world import INSIDE, ROLES, SECRETS, World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/reads/service-info",
        "/variants/service-info",
        "/service-info",
        "/sequence/service-info",
        "/services",
        "/healthz",
        "/",
    ],
)
def test_what_tells_of_the_site_is_for_everybody(world: World, client: Client, path: str) -> None:
    for role in ROLES:
        response = client.get(path, headers=world.headers(role))
        assert response.status_code == 200
        for secret in SECRETS:
            assert secret not in response.content


def test_the_admin_is_for_staff(world: World, client: Client) -> None:
    for role in ROLES:
        response = client.get("/admin/catalogue/dataset/", headers=world.headers(role))
        assert response.status_code == 302 and "login" in response.headers["Location"], (
            "a bearer token is no session"
        )
    client.force_login(User.objects.get(username="granted"))
    assert client.get("/admin/catalogue/dataset/").status_code == 302


def test_an_issuer_that_is_away_is_not_the_viewers_fault(world: World, client: Client) -> None:
    world.issuer.status = 500
    keys.forget_keys()
    jwt_tokens.forget_tokens()
    response = client.get("/reads/x", headers=world.headers("visa holder"))
    assert response.status_code == 503 and "Retry-After" in response.headers
    Dataset.objects.update(visibility="public")
    assert client.get("/reads/x", headers=world.headers("visa holder")).status_code == 200


def test_throttles(world: World, client: Client, settings: Any) -> None:
    settings.THROTTLE_TICKETS_ADDRESS, settings.THROTTLE_TICKETS_USER = Rate(2, 3600), Rate(3, 3600)
    anonymous = [client.get("/reads/x").status_code for _ in range(4)]
    assert anonymous == [401, 401, 429, 429]
    headers = world.headers("granted user")
    assert [client.get("/reads/x", headers=headers).status_code for _ in range(5)] == [
        200,
        200,
        200,
        429,
        429,
    ]
    waiting = client.get("/reads/x", headers=headers)
    assert 0 < int(waiting.headers["Retry-After"]) <= 3600
    assert json.loads(waiting.content)["htsget"]["error"] == "TooManyRequests"
    # Others, and another address, are not kept waiting.
    assert client.get("/reads/x", headers=world.headers("owner")).status_code == 200
    assert client.get("/reads/x", REMOTE_ADDR="192.0.2.7").status_code == 401


def test_a_cap_on_regions_and_on_headers(world: World, client: Client, settings: Any) -> None:
    settings.HTSGET_MAX_REGIONS = 3
    for count, status in ((3, 200), (4, 413)):
        body = json.dumps({"regions": [INSIDE] * count})
        headers = world.headers("owner")
        assert (
            client.post("/reads/x", body, content_type="application/json", headers=headers).status_code
            == status
        )
    settings.MAX_HEADER_BYTES = 4096
    assert client.get("/reads/x", headers={"X-Long": "a" * 5000}).status_code == 431
