"""Sign-in through an issuer: the steps of a browser, and every case that must not give a session."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalogue.models import AuditEvent, Identity
from htsgetsite.authentication import keys
from htsgetsite.authentication.issuers import SignIn
from tests.made_issuer import MadeIssuer, made_issuer, rsa_key, unsigned

pytestmark = pytest.mark.django_db

START, DONE = "/account/oidc/start", "/account/oidc/done"


@pytest.fixture
def issuer(settings: Any) -> Iterator[MadeIssuer]:
    keys.forget_keys()
    with made_issuer() as made:
        settings.SIGN_IN = SignIn(issuer=made.url, client_id="the-site", client_secret="s3cret")
        settings.AUTHENTICATION_BACKENDS = [
            "django.contrib.auth.backends.ModelBackend",
            "htsgetsite.authentication.sign_in.SignInBackend",
        ]
        yield made


@pytest.fixture
def ada(issuer: MadeIssuer) -> User:
    user = User.objects.create_user("ada", is_staff=True)
    Identity.objects.create(user=user, issuer=issuer.url, subject="u-1")
    return user


def set_out(client: Client, query: str = "") -> dict[str, str]:
    """What the site tells the issuer, by way of the browser."""
    response = client.get(f"{START}{query}")
    assert response.status_code == 302
    sent = urlsplit(response.headers["Location"])
    assert sent.path == "/authorize"
    return {name: value for name, (value,) in parse_qs(sent.query).items()}


def come_back(client: Client, asked: dict[str, str], **changes: str) -> Any:
    return client.get(DONE, {"code": "the-code", "state": asked["state"], **changes})


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_whole_walk(client: Client, issuer: MadeIssuer, ada: User) -> None:
    page = client.get("/account/sign-in?next=/admin/").content.decode()
    assert f'href="{START}?next=/admin/"' in page
    asked = set_out(client, "?next=/admin/")
    assert (
        asked["client_id"] == "the-site" and asked["scope"] == "openid" and asked["response_type"] == "code"
    )
    assert asked["redirect_uri"] == f"http://testserver{DONE}"
    issuer.tokens = {
        "access_token": "a",
        "id_token": issuer.token(sub="u-1", aud="the-site", nonce=asked["nonce"]),
    }

    response = come_back(client, asked)

    assert response.headers["Location"] == "/admin/" and client.session["_auth_user_id"] == str(ada.pk)
    (form,) = issuer.forms
    assert form["code"] == ["the-code"] and form["client_secret"] == ["s3cret"]
    challenge = urlsafe_b64encode(sha256(form["code_verifier"][0].encode()).digest()).rstrip(b"=").decode()
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (challenge, "S256")
    assert client.get("/admin/").status_code == 200
    assert AuditEvent.objects.filter(kind="authentication", outcome="done", actor="ada").exists()
    assert come_back(client, asked).status_code == 400, "a walk is walked once"


def test_id_tokens_that_open_no_session(client: Client, issuer: MadeIssuer, ada: User) -> None:
    now = int(time.time())

    def token(**claims: Any) -> str:
        made = {"sub": "u-1", "aud": "the-site", "nonce": asked["nonce"], **claims}
        return issuer.token(**made)

    with made_issuer() as stranger:
        for number in range(16):
            asked = set_out(client)
            bad: Any = [
                token(nonce="another"),
                token(nonce=None),
                token(aud="another-site"),
                token(aud=["the-site", "another-site"], azp="another-site"),
                token(iss="https://else.example.org"),
                token(sub="u-2"),
                token(sub=None),
                token(exp=now - 60, iat=now - 120),
                token(iat=now + 3600),
                token(key=rsa_key("evil")),
                token(key=rsa_key("evil"), header={"jku": stranger.jwks_url}),
                stranger.token(sub="u-1", aud="the-site", nonce=asked["nonce"]),
                unsigned(
                    {
                        "iss": issuer.url,
                        "sub": "u-1",
                        "aud": "the-site",
                        "nonce": asked["nonce"],
                        "exp": now + 60,
                    }
                ),
                "nonsense",
                None,
                7,
            ][number]
            issuer.tokens = {"access_token": "a", "id_token": bad}
            response = come_back(client, asked)
            assert response.headers["Location"] == "/account/sign-in?failed", number
            assert not signed_in(client)
        assert stranger.asked == {}
    assert not AuditEvent.objects.filter(kind="authentication", outcome="done").exists()
    assert b"account here" in client.get("/account/sign-in?failed").content


def test_no_account_is_made_and_none_is_guessed(client: Client, issuer: MadeIssuer) -> None:
    User.objects.create_user("u-9", email="u-9@example.org")
    asked = set_out(client)
    claims: dict[str, Any] = {"email": "u-9@example.org", "preferred_username": "u-9"}
    issuer.tokens = {"id_token": issuer.token(sub="u-9", aud="the-site", nonce=asked["nonce"], **claims)}
    come_back(client, asked)
    assert not signed_in(client) and User.objects.count() == 1


def test_a_closed_account_stays_closed(client: Client, issuer: MadeIssuer, ada: User) -> None:
    User.objects.update(is_active=False)
    asked = set_out(client)
    issuer.tokens = {"id_token": issuer.token(sub="u-1", aud="the-site", nonce=asked["nonce"])}
    come_back(client, asked)
    assert not signed_in(client)


def test_walks_of_others(client: Client, issuer: MadeIssuer, ada: User) -> None:
    """A state that this browser was not given, as when somebody is led to finish another's walk."""
    asked = set_out(Client())
    issuer.tokens = {"id_token": issuer.token(sub="u-1", aud="the-site", nonce=asked["nonce"])}
    assert come_back(client, asked).headers["Location"] == "/account/sign-in?failed"
    set_out(client)
    assert come_back(client, asked).status_code == 400
    assert not signed_in(client)
    assert set_out(client, "?next=https://evil.example.org/")["redirect_uri"].startswith("http://testserver/")
    assert client.session["oidc_login_next"] is None


@pytest.mark.parametrize("fault", ["error", "redirect"])
def test_an_issuer_that_does_not_answer(client: Client, issuer: MadeIssuer, ada: User, fault: str) -> None:
    asked = set_out(client)
    issuer.status, issuer.location = (500, None) if fault == "error" else (307, "http://127.0.0.1:9/")
    assert come_back(client, asked).headers["Location"] == "/account/sign-in?failed"
    keys.forget_keys()
    assert client.get(START).headers["Location"] == "/account/sign-in?failed"


def test_without_the_setting_there_is_nothing(client: Client, settings: Any) -> None:
    settings.SIGN_IN = None
    assert client.get(START).status_code == client.get(DONE).status_code == 404
    assert b"oidc" not in client.get("/account/sign-in").content
