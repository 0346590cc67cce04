"""Access to data URLs, and when it ends."""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from catalogue.models import (
    AuditEvent,
    DataFile,
    Dataset,
)
from catalogue.rate_limits import Rate
from tests.permissions.made_world import NOBODY, ROLES, VISA_VALUE, World, assert_silent, last_event, urls_of

pytestmark = pytest.mark.django_db


def test_a_data_url_opens_by_itself_and_for_nobody_else(world: World, client: Client) -> None:
    path = urlsplit(urls_of(client, "/reads/x", world.headers("granted user"))[-1]).path
    content = client.get(path).getvalue()
    assert len(content) > 1000
    event = last_event()
    assert (event.kind, event.outcome, event.dataset, event.target) == (
        "delivery",
        "done",
        "secretdataset",
        "reads/x",
    )
    assert event.account == User.objects.get(username="granted").pk
    for role in ROLES:
        response = client.get(path, headers=world.headers(role))
        # Bad credentials are no credentials, which is how data URLs are asked for.
        allowed = role in {*NOBODY, "granted user"}
        assert response.status_code == (200 if allowed else 403), role
        # Further deliveries to the same holder are counted, see catalogue.audit.
        assert role in NOBODY or last_event().outcome == ("done" if allowed else "refused"), role
        if not allowed:
            assert_silent(response)
        head = client.head(path, headers=world.headers(role))
        assert head.status_code == (200 if allowed else 403)
        part = client.get(path, headers={**world.headers(role), "Range": "bytes=10-19"})
        assert part.status_code == (206 if allowed else 403)
        assert (part.getvalue() == content[10:20]) is allowed
    assert client.post(path).status_code == 405
    assert client.options(path).status_code == 204


def revocations(world: World) -> dict[str, Callable[[], Any]]:
    """Ways in which what the granted user was given comes to an end."""
    user = User.objects.get(username="granted")
    return {
        "grant removed": lambda: user.grants.all().delete(),
        "grant expired": lambda: user.grants.update(expires=timezone.now() - timedelta(seconds=1)),
        "grant narrowed": lambda: user.grants.update(header_only=True),
        "token revoked": lambda: user.api_tokens.update(revoked=timezone.now()),
        "token narrowed": lambda: user.api_tokens.update(scopes=["variants", "sequences"]),
        "account closed": lambda: User.objects.filter(pk=user.pk).update(is_active=False),
        "account removed": lambda: user.delete(),
        "file moved": lambda: DataFile.objects.update(dataset=Dataset.objects.get(slug="otherdataset")),
        "file removed": lambda: DataFile.objects.all().delete(),
    }


@pytest.mark.parametrize(
    "name",
    [
        "grant removed",
        "grant expired",
        "grant narrowed",
        "token revoked",
        "token narrowed",
        "account closed",
        "account removed",
        "file moved",
        "file removed",
    ],
)
def test_what_is_revoked_stops_tickets_and_data_at_once(world: World, client: Client, name: str) -> None:
    headers = world.headers("granted user")
    paths = [urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url]
    assert all(client.get(path).status_code == 200 for path in paths)

    revocations(world)[name]()

    assert client.get("/reads/x", headers=headers).status_code in {401, 403, 404}
    for path in paths:
        refused = client.get(path)
        assert refused.status_code == 403
        assert_silent(refused)
        assert (last_event().kind, last_event().outcome) == ("delivery", "refused")


def test_how_long_data_urls_may_go_on_is_a_setting(
    world: World, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_RECHECK_SECONDS = 60
    now = time.monotonic()
    monkeypatch.setattr("catalogue.access.leases.time.monotonic", lambda: now)
    headers = world.headers("granted user")
    path = next(urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url)
    assert client.get(path).status_code == 200
    User.objects.get(username="granted").grants.all().delete()
    assert client.get("/reads/x", headers=headers).status_code == 403
    now += 59
    assert client.get(path).status_code == 200
    now += 2
    assert client.get(path).status_code == 403


def test_a_data_url_lasts_no_longer_than_what_it_rests_on(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor than the credentials that were shown for it: a passport's visas end with the passport."""
    user = User.objects.get(username="granted")
    user.grants.update(expires=timezone.now() + timedelta(seconds=100))
    visa = world.issuer.visa(VISA_VALUE)
    token = world.issuer.token(sub="v", exp=int(time.time()) + 100, ga4gh_passport_v1=[visa])
    soon = {"Authorization": f"Bearer {token}"}
    for headers in (world.headers("granted user"), soon):
        path = next(urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url)
        assert client.get(path).status_code == 200
        later = time.time() + 101
        with monkeypatch.context() as patched:
            patched.setattr("htsget_app.delivery.tokens.time.time", lambda later=later: later)
            assert client.get(path).status_code == 403


def test_tokens_of_one_kind_are_not_of_another(world: World, client: Client) -> None:
    """A data token is no bearer token, and a bearer token no data URL."""
    headers = world.headers("granted user")
    path = next(urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url)
    token = path.removeprefix("/data/")
    assert client.get("/reads/x", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    bearer = headers["Authorization"].removeprefix("Bearer ")
    assert client.get(f"/data/{bearer}").status_code == 403


def test_altered_data_urls_are_refused_and_counted(world: World, client: Client, settings: Any) -> None:
    path = next(
        urlsplit(url).path
        for url in urls_of(client, "/reads/x", world.headers("granted user"))
        if "/data/" in url
    )
    token = path.removeprefix("/data/")
    rng = random.Random(4)
    for _ in range(200):
        at = rng.randrange(len(token))
        other = rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
        altered = token[:at] + other + token[at + 1 :]
        if altered != token:
            refused = client.get(f"/data/{altered}")
            assert refused.status_code == 403
            assert_silent(refused)
            assert altered not in repr(AuditEvent.objects.order_by("-id").values()[0])
    for shorter in (token[:76], token[:-16], token[:-4], token + token, ""):
        assert client.get(f"/data/{shorter}").status_code in {403, 404}
    settings.THROTTLE_FAILURES = Rate(2, 3600)
    assert [client.get("/data/x").status_code for _ in range(4)] == [403, 403, 429, 429]
    waiting = client.get("/data/x")
    assert 0 < int(waiting.headers["Retry-After"]) <= 3600
    assert client.get(path).status_code == 200


def test_cookies_open_nothing(world: World, client: Client) -> None:
    """A session is for pages: with one that may everything, the protocols see nobody."""
    client.force_login(User.objects.get(username="granted"))
    assert client.get("/reads/x").status_code == 401


def test_tokens_in_queries_open_nothing(world: World, client: Client) -> None:
    token = world.headers("granted user")["Authorization"].removeprefix("Bearer ")
    for name in ("access_token", "token", "authorization", "bearer"):
        assert client.get(f"/reads/x?{name}={token}").status_code == 401
