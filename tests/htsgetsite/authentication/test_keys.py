"""Keys and discovery documents of issuers: when they are fetched, and what is done without them."""

import threading
from itertools import pairwise
from typing import Any

import pytest

from catalogue.models import AuditEvent
from htsgetsite.authentication import fetching, keys
from htsgetsite.authentication.issuers import Issuer
from tests.htsgetsite.authentication.viewers import refused, viewer
from tests.made_issuer import AUDIENCE, MadeIssuer, public_jwk, rsa_key

pytestmark = pytest.mark.django_db


def test_rotated_keys_are_fetched_once(issuer: MadeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert viewer(issuer.token()).name
    later = rsa_key("later")
    issuer.keys = [public_jwk(later, kid="second")]
    new = issuer.token(key=later, header={"kid": "second"})
    # A moment after the last fetch, an unknown key is not worth another.
    assert refused(new)
    assert issuer.asked["/keys"] == 1

    monkeypatch.setattr(keys, "REFRESH_SECONDS", 0)
    assert viewer(new).name
    assert issuer.asked["/keys"] == 2
    # The old key went with the set.
    assert refused(issuer.token(sub="else"))


def test_unknown_keys_do_not_make_the_site_ask_again_and_again(issuer: MadeIssuer) -> None:
    for number in range(20):
        refused(issuer.token(key=rsa_key("evil"), header={"kid": f"made-up-{number}"}))
    assert issuer.asked["/keys"] == 1


def test_keys_serve_on_while_the_issuer_is_away(issuer: MadeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert viewer(issuer.token()).name
    issuer.status = 503
    monkeypatch.setattr(keys, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(keys, "REFRESH_SECONDS", 0.0)
    assert viewer(issuer.token(sub="second")).name
    monkeypatch.setattr(keys, "STALE_SECONDS", 0.0)
    found = viewer(issuer.token(sub="third"))
    assert found.name is None and found.unverified


@pytest.mark.parametrize("fault", ["down", "error", "html", "list", "huge", "slow", "redirect"])
def test_an_issuer_that_cannot_be_asked(
    issuer: MadeIssuer, stranger: MadeIssuer, monkeypatch: pytest.MonkeyPatch, settings: Any, fault: str
) -> None:
    match fault:
        case "down":
            settings.OIDC_ISSUERS = {
                issuer.url: Issuer(url=issuer.url, audiences=(AUDIENCE,), jwks_url="http://127.0.0.1:9/keys")
            }
        case "error":
            issuer.status = 500
        case "html":
            issuer.raw = b"<html>"
        case "list":
            issuer.raw = b"[]"
        case "huge":
            monkeypatch.setattr(fetching, "MAX_BYTES", 10)
        case "slow":
            issuer.delay = 0.3
            monkeypatch.setattr(fetching, "_READ_TIMEOUT", 0.1)
        case "redirect":
            issuer.status, issuer.location = 302, f"{stranger.url}/keys"
    found = viewer(issuer.token())

    assert found.name is None and found.unverified and "at the moment" in found.fault
    assert AuditEvent.objects.get().outcome == "failed"
    assert stranger.asked == {}


def test_a_discovery_document_of_another_issuer_is_not_believed(
    issuer: MadeIssuer, stranger: MadeIssuer
) -> None:
    issuer.discovery = {**issuer.discovery, "issuer": stranger.url, "jwks_uri": stranger.jwks_url}
    assert viewer(issuer.token()).unverified
    assert stranger.asked == {}


@pytest.mark.parametrize(
    "address", [None, 1, "ftp://127.0.0.1/keys", "http://keys.example.org/keys", "file:///etc/passwd"]
)
def test_a_discovery_document_with_an_address_that_is_not_asked(issuer: MadeIssuer, address: Any) -> None:
    issuer.discovery["jwks_uri"] = address
    assert viewer(issuer.token()).unverified
    assert set(issuer.asked) == {"/.well-known/openid-configuration"}


def test_a_pinned_address_needs_no_discovery(issuer: MadeIssuer, settings: Any) -> None:
    settings.OIDC_ISSUERS = {
        issuer.url: Issuer(url=issuer.url, audiences=(AUDIENCE,), jwks_url=issuer.jwks_url)
    }
    assert viewer(issuer.token()).name
    assert issuer.asked == {"/keys": 1}


@pytest.mark.parametrize("part", ["headers", "body"])
def test_an_issuer_that_drips_holds_nobody_beyond_the_deadline(
    issuer: MadeIssuer, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Each read brings a byte in time; without a deadline for all of them the answer would be good in the end."""
    monkeypatch.setattr(fetching, "_DEADLINE", 0.2)
    issuer.drip = part
    assert viewer(issuer.token()).unverified
    assert issuer.dripped.wait(60), "the connection is closed, and its thread free"
    assert issuer.broken


def test_nobody_waits_for_a_refresh_who_has_a_key(
    issuer: MadeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert viewer(issuer.token()).name
    begun, go_on = threading.Event(), threading.Event()
    fetch = fetching.fetch_json

    def held(url: str) -> dict[str, Any]:
        begun.set()
        assert go_on.wait(60)
        return fetch(url)

    monkeypatch.setattr(keys, "fetch_json", held)
    monkeypatch.setattr(keys, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(keys, "REFRESH_SECONDS", 0.0)
    for number in range(10):
        # Would never return if it waited: only what comes after lets the refresh go on.
        assert viewer(issuer.token(sub=f"u-{number}")).name
    assert begun.wait(60)
    go_on.set()


def test_fetches_for_unknown_keys_become_rarer(issuer: MadeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("htsgetsite.authentication.keys.time.monotonic", lambda: now)
    assert viewer(issuer.token()).name
    fetched = []
    for second in range(3000):
        now = 1_000_000.0 + second
        before = issuer.asked["/keys"]
        keys.signing_keys(issuer.jwks_url, f"junk {second}")
        if issuer.asked["/keys"] > before:
            fetched.append(second)
    gaps = [later - earlier for earlier, later in pairwise(fetched)]
    assert gaps[:4] == [60, 120, 240, 480]
    assert max(gaps) <= keys.MAX_PAUSE_SECONDS
