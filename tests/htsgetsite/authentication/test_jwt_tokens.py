"""Access tokens of trusted issuers, and invalid tokens."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalogue.models import Identity
from htsgetsite.authentication import jwt_tokens
from htsgetsite.authentication.issuers import Issuer
from tests.catalogue.made_access import make_user
from tests.htsgetsite.authentication.viewers import refused, viewer
from tests.made_issuer import (
    AUDIENCE,
    MadeIssuer,
    claims_of,
    other_key,
    public_jwk,
    rsa_key,
    unsigned,
    with_claims,
)

pytestmark = pytest.mark.django_db


def test_a_token_of_a_trusted_issuer(issuer: MadeIssuer) -> None:
    token = issuer.token(sub="u-1")

    found = viewer(token)

    assert found.name == f"u-1 at {issuer.url}"
    assert (found.user, found.issuer, found.subject, found.scopes) == (None, issuer.url, "u-1", None)
    assert found.expires == claims_of(token)["exp"]
    assert issuer.asked == {"/.well-known/openid-configuration": 1, "/keys": 1}


def test_an_identity_gives_the_subject_its_account(issuer: MadeIssuer) -> None:
    user = make_user("ada")
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


@pytest.mark.parametrize("expires", [2**80, 2**62, -1, 0, True])
def test_a_time_that_is_none_is_refused(issuer: MadeIssuer, expires: Any) -> None:
    assert refused(issuer.token(exp=expires))


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\udfff tail"])
@pytest.mark.parametrize("claim", ["sub", "name", "nested"])
def test_text_that_the_database_cannot_hold_is_refused(issuer: MadeIssuer, claim: str, text: str) -> None:
    value: Any = {"deep": [text]} if claim == "nested" else text
    assert "NUL" in refused(issuer.token(**{claim: value}))
