"""Who asks: the site's own tokens, those of issuers, and everything that only looks like one."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue import api_tokens
from catalogue.access import ANONYMOUS, Viewer
from catalogue.models import ApiToken, AuditEvent, Identity
from catalogue.rate_limits import Rate, TooMany
from htsgetsite.authentication import jwt_tokens, keys
from htsgetsite.authentication.bearer import viewer_of
from htsgetsite.authentication.issuers import Issuer
from tests.made_issuer import (
    AUDIENCE,
    MadeIssuer,
    claims_of,
    made_issuer,
    other_key,
    public_jwk,
    rsa_key,
    unsigned,
    with_claims,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgetful() -> None:
    keys.forget_keys()
    jwt_tokens.forget_tokens()


@pytest.fixture
def issuer(settings: Any) -> Iterator[MadeIssuer]:
    """An issuer that the site trusts."""
    with made_issuer() as made:
        settings.OIDC_ISSUERS = {made.url: Issuer(url=made.url, audiences=(AUDIENCE,))}
        yield made


@pytest.fixture
def stranger() -> Iterator[MadeIssuer]:
    """An issuer that the site does not trust."""
    with made_issuer() as made:
        yield made


def make_user(name: str = "ada", **fields: Any) -> User:
    return User.objects.create_user(name, **fields)


def viewer(token: str) -> Viewer:
    return viewer_of(f"Bearer {token}")


def refused(token: str) -> str:
    """What is said of credentials that must not be accepted; the audit has to show the attempt."""
    before = AuditEvent.objects.count()
    found = viewer(token)
    assert found.name is None and found.user is None and found.visas == () and not found.unverified
    assert found.fault
    event = AuditEvent.objects.order_by("-id")[0]
    assert AuditEvent.objects.count() == before + 1
    assert (event.kind, event.outcome, event.target) == ("authentication", "unauthenticated", found.fault)
    assert token not in json.dumps([event.target, event.credential, event.detail])
    return found.fault


# --- The header -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "", "  "])
def test_no_credentials_are_nobody(header: str | None) -> None:
    assert viewer_of(header) is ANONYMOUS
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer a b",
        "bearer\ta",
        "Token abc",
        "Bearer é",
        "Bearer a,b",
        "abc",
    ],
)
def test_what_is_no_bearer_token(header: str) -> None:
    found = viewer_of(header)
    assert found.name is None and found.fault


def test_the_scheme_is_without_case() -> None:
    _, text = api_tokens.made(user=make_user(), name="work", scopes=["reads"])
    for scheme in ("Bearer", "bearer", "BEARER", "Bearer  "):
        assert viewer_of(f"{scheme} {text}").name == "ada"


# --- API tokens -------------------------------------------------------------------------------------------------


def test_an_api_token_stands_for_its_account() -> None:
    user = make_user()
    ends = timezone.now() + timedelta(days=1)
    row, text = api_tokens.made(user=user, name="work", scopes=["variants", "reads"], expires=ends)

    found = viewer(text)

    assert (found.name, found.user, found.token) == ("ada", user.pk, row.pk)
    assert found.scopes == frozenset({"reads", "variants"})
    assert found.expires == pytest.approx(ends.timestamp())
    assert found.credential == row.prefix


def test_only_a_digest_of_a_token_is_kept() -> None:
    row, text = api_tokens.made(user=make_user(), name="work", scopes=["reads"])
    secret = text.split("_", 2)[2]
    assert len(secret) == 43
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM catalogue_apitoken t")
        (stored,) = cursor.fetchone()
    assert secret not in stored and text not in stored
    assert bytes(ApiToken.objects.get().digest) == hashlib.sha256(secret.encode()).digest()
    assert all(secret not in json.dumps(event.detail) + event.target for event in AuditEvent.objects.all())
    assert row.prefix in AuditEvent.objects.get(kind="token").detail["prefix"]


def test_no_two_tokens_are_alike() -> None:
    user = make_user()
    texts = {api_tokens.made(user=user, name="work", scopes=["reads"])[1] for _ in range(20)}
    assert len(texts) == 20


def test_wrong_secrets_and_unknown_prefixes_are_told_alike() -> None:
    _, text = api_tokens.made(user=make_user(), name="work", scopes=["reads"])
    start, prefix, secret = text.split("_", 2)
    other = "A" if secret[0] != "A" else "B"
    told = {
        refused(f"{start}_{prefix}_{other}{secret[1:]}"),
        refused(f"{start}_{prefix}_{secret.swapcase()}"),
        refused(f"{start}_{prefix[::-1]}_{secret}"),
        refused(f"{start}_{prefix}_{'A' * 43}"),
    }
    assert told == {"the token is not known here"}
    for altered in (text[:-1], f"{text}A", text.upper(), text.replace("hts_", "htt_")):
        refused(altered)


def test_a_revoked_token_is_refused_at_once() -> None:
    row, text = api_tokens.made(user=make_user(), name="work", scopes=["reads"])
    assert viewer(text).name == "ada"
    row.revoked = timezone.now()
    row.save()
    assert "revoked" in refused(text)


def test_an_expired_token_is_refused() -> None:
    _, text = api_tokens.made(user=make_user(), name="work", scopes=["reads"])
    ApiToken.objects.update(
        created=timezone.now() - timedelta(days=2), expires=timezone.now() - timedelta(seconds=1)
    )
    assert "expired" in refused(text)


def test_the_token_of_a_closed_account_is_refused() -> None:
    user = make_user()
    _, text = api_tokens.made(user=user, name="work", scopes=["reads"])
    user.is_active = False
    user.save()
    assert "closed" in refused(text)


def test_the_last_use_is_written_once_a_minute() -> None:
    _, text = api_tokens.made(user=make_user(), name="work", scopes=["reads"])
    viewer(text)
    first = ApiToken.objects.get().last_used
    assert first is not None
    with CaptureQueriesContext(connection) as captured:
        viewer(text)
    assert len(captured) == 1
    assert ApiToken.objects.get().last_used == first
    ApiToken.objects.update(last_used=first - timedelta(seconds=61))
    viewer(text)
    assert (ApiToken.objects.get().last_used or first) >= first - timedelta(seconds=1)


# --- Tokens of issuers ------------------------------------------------------------------------------------------


def test_a_token_of_a_trusted_issuer(issuer: MadeIssuer) -> None:
    token = issuer.token(sub="u-1")

    found = viewer(token)

    assert found.name == f"u-1 at {issuer.url}"
    assert (found.user, found.issuer, found.subject, found.scopes) == (None, issuer.url, "u-1", None)
    assert found.expires == claims_of(token)["exp"]
    assert issuer.asked == {"/.well-known/openid-configuration": 1, "/keys": 1}


def test_an_identity_gives_the_subject_its_account(issuer: MadeIssuer) -> None:
    user = make_user()
    Identity.objects.create(user=user, issuer=issuer.url, subject="u-1")

    assert (viewer(issuer.token(sub="u-1")).name, viewer(issuer.token(sub="u-1")).user) == ("ada", user.pk)
    assert viewer(issuer.token(sub="U-1")).user is None
    user.is_active = False
    user.save()
    assert "closed" in refused(issuer.token(sub="u-1"))


def test_one_audience_among_several_is_enough(issuer: MadeIssuer) -> None:
    assert viewer(issuer.token(aud=["https://else.example.org", AUDIENCE])).name


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("P-256", "ES256"), ("P-384", "ES384"), ("Ed25519", "EdDSA"), ("RSA", "PS256")]
)
def test_other_kinds_of_keys(issuer: MadeIssuer, settings: Any, kind: str, algorithm: str) -> None:
    key = rsa_key("ps") if kind == "RSA" else other_key(kind, "other")
    issuer.keys.append(public_jwk(key, kid="other"))
    token = issuer.token(key=key, algorithm=algorithm, header={"kid": "other"})
    settings.OIDC_ISSUERS = {
        issuer.url: Issuer(url=issuer.url, audiences=(AUDIENCE,), algorithms=("RS256", algorithm))
    }
    assert viewer(token).name

    jwt_tokens.forget_tokens()
    settings.OIDC_ISSUERS = {issuer.url: Issuer(url=issuer.url, audiences=(AUDIENCE,), algorithms=("RS256",))}
    assert "not accepted" in refused(token)


def test_a_token_without_kid_is_tried_with_every_key(issuer: MadeIssuer) -> None:
    issuer.keys.insert(0, public_jwk(rsa_key("unrelated"), kid="zero"))
    token = issuer.token(header={"kid": None})
    assert viewer(token).name


def forged(issuer: MadeIssuer, stranger: MadeIssuer) -> dict[str, str]:
    """Tokens that must not be believed, by what is wrong with them."""
    good = issuer.token()
    claims = claims_of(good)
    now = int(time.time())
    # What "key confusion" signs with: the issuer's public key, as the secret of an HMAC.
    public = rsa_key(issuer.name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    evil = rsa_key("evil")
    return {
        "alg none": unsigned(claims),
        "alg None": unsigned(claims, algorithm="None"),
        "alg NONE with kid": unsigned(claims, algorithm="NONE", header={"kid": "first"}),
        "alg empty": unsigned(claims, algorithm=""),
        "signature cut off": good.rsplit(".", 1)[0] + ".",
        "signature altered": good[:-6] + ("AAAAAA" if not good.endswith("AAAAAA") else "BBBBBB"),
        "claims altered": with_claims(good, sub="admin"),
        "expiry altered": with_claims(good, exp=now + 10**6),
        "audience altered": with_claims(issuer.token(aud="other"), aud=AUDIENCE),
        "wrong key": issuer.token(key=evil),
        "wrong key, unknown kid": issuer.token(key=evil, header={"kid": "evil"}),
        "wrong key, no kid": issuer.token(key=evil, header={"kid": None}),
        "key confusion, PEM": hmac_token(claims, public),
        "key confusion, JWK": hmac_token(claims, json.dumps(issuer.keys[0]).encode()),
        "key confusion, empty": hmac_token(claims, b""),
        "expired": issuer.token(iat=now - 600, exp=now - 31),
        "issued in the future": issuer.token(iat=now + 3600, exp=now + 7200),
        "not valid yet": issuer.token(nbf=now + 3600),
        "no expiry": issuer.token(exp=None),
        "expiry not a number": issuer.token(exp="tomorrow"),
        "no audience": issuer.token(aud=None),
        "wrong audience": issuer.token(aud="https://else.example.org"),
        "audience as a prefix": issuer.token(aud=f"{AUDIENCE}.evil.example"),
        "no subject": issuer.token(sub=None),
        "empty subject": issuer.token(sub=""),
        "no issuer": issuer.token(iss=None),
        "issuer with a slash": issuer.token(iss=f"{issuer.url}/"),
        "untrusted issuer": stranger.token(),
        "untrusted issuer, trusted name": stranger.token(iss=issuer.url),
        "jku of a stranger": issuer.token(key=evil, header={"jku": stranger.jwks_url}),
        "jku of a stranger, unknown kid": issuer.token(
            key=evil, header={"jku": stranger.jwks_url, "kid": "evil"}
        ),
        "x5u of a stranger": issuer.token(key=evil, header={"x5u": f"{stranger.url}/certificate"}),
        "jwk in the header": issuer.token(key=evil, header={"jwk": public_jwk(evil), "kid": None}),
        "x5c in the header": issuer.token(key=evil, header={"x5c": ["MIIB"]}),
        "critical extension": issuer.token(header={"crit": ["b64"], "b64": True}),
        "unknown critical extension": issuer.token(header={"crit": ["x"], "x": 1}),
        "encrypted form": ".".join(["eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ", "a", "b", "c", "d"]),
        "a visa": issuer.visa("https://dataset.example.org/1"),
        "a visa with audience": issuer.token(ga4gh_visa_v1={"type": "ControlledAccessGrants"}),
        "not JSON": "abc.def.ghi",
        "not a token": "abc",
        "two dots": "..",
    }


def hmac_token(claims: dict[str, Any], secret: bytes) -> str:
    """Signed with HS256 by hand: libraries refuse to use such keys."""

    def encoded(data: bytes) -> str:
        return urlsafe_b64encode(data).rstrip(b"=").decode()

    header = encoded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "first"}).encode())
    signed = f"{header}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"


def test_forged_tokens_are_refused_and_fetch_nothing(issuer: MadeIssuer, stranger: MadeIssuer) -> None:
    stranger.keys = [public_jwk(rsa_key("evil"), kid=kid) for kid in ("first", "evil")]
    for what, token in forged(issuer, stranger).items():
        assert refused(token), what
    assert stranger.asked == {}
    assert set(issuer.asked) <= {"/.well-known/openid-configuration", "/keys"}
    # Whatever was tried, the next good token is good.
    assert viewer(issuer.token()).name


def test_forged_tokens_do_not_pass_on_the_strength_of_a_good_one(
    issuer: MadeIssuer, stranger: MadeIssuer
) -> None:
    """The memory of checked tokens is by the whole token."""
    assert viewer(issuer.token()).name
    for what, token in forged(issuer, stranger).items():
        assert refused(token), what


def test_a_short_key_is_none(issuer: MadeIssuer) -> None:
    weak = rsa_key("weak", 1024)
    issuer.keys.append(public_jwk(weak, kid="weak"))
    with pytest.warns(UserWarning, match="key"):
        token = issuer.token(key=weak, header={"kid": "weak"})
    assert refused(token)


def test_a_key_is_used_only_as_it_is_published(issuer: MadeIssuer) -> None:
    key = rsa_key("purpose")
    for kid, purpose in (("enc", {"use": "enc"}), ("alg", {"alg": "RS512"})):
        issuer.keys.append(public_jwk(key, kid=kid, **purpose))
        assert refused(issuer.token(key=key, header={"kid": kid}))
    secret = urlsafe_b64encode(b"s" * 32).decode()
    issuer.keys.append({"kty": "oct", "k": secret, "kid": "oct"})
    assert refused(hmac_token({**claims_of(issuer.token())}, b"s" * 32))


def test_a_remembered_token_ends_on_time(issuer: MadeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issuer.token()
    assert viewer(token).name
    asked = issuer.asked.total()
    assert viewer(token).name and issuer.asked.total() == asked
    monkeypatch.setattr(
        "htsgetsite.authentication.jwt_tokens.time.time", lambda: claims_of(token)["exp"] + 31
    )
    assert "expired" in refused(token)


# --- Keys -------------------------------------------------------------------------------------------------------


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
            monkeypatch.setattr("htsgetsite.authentication.fetching.MOST", 10)
        case "slow":
            issuer.delay = 0.3
            monkeypatch.setattr("htsgetsite.authentication.fetching._READ", 0.1)
        case "redirect":
            issuer.status, issuer.location = 302, f"{stranger.url}/keys"
    if fault == "slow":
        import urllib3

        monkeypatch.setattr(
            "htsgetsite.authentication.fetching._pool",
            urllib3.PoolManager(timeout=urllib3.Timeout(connect=0.1, read=0.1), retries=False),
        )

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


# --- Too many failures ------------------------------------------------------------------------------------------


def test_an_address_with_too_many_failures_is_told_to_wait(settings: Any) -> None:
    settings.THROTTLE_FAILURES = Rate(3, 3600)
    _, good = api_tokens.made(user=make_user(), name="work", scopes=["reads"])
    for _ in range(3):
        assert viewer("abc").fault
    with pytest.raises(TooMany) as raised:
        viewer("abc")
    assert 0 < raised.value.wait <= 3600
    # Whoever has good credentials is not kept out by others at the same address.
    assert viewer(good).name == "ada"
    assert AuditEvent.objects.filter(kind="authentication").count() == 3
