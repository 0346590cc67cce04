"""Check access tokens of OpenID Connect issuers; return the viewer with the subject, account and visas.

What a token proves is cached by its digest for `REMEMBERED_SECONDS`, at most until it expires, so that its signature is
checked and user information fetched once in that time. The account of the subject is looked up every time.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from catalogue.access import Viewer, Visa
from catalogue.queries.accounts import account_by_subject
from htsgetsite.authentication import passports
from htsgetsite.authentication.fetching import NotFetched, fetch_json
from htsgetsite.authentication.issuers import Issuer
from htsgetsite.authentication.keys import KeysUnavailable, discovered
from htsgetsite.authentication.signatures import LEEWAY, NotValid, unverified, verified

log = logging.getLogger(__name__)

REMEMBERED: Final = 10_000
REMEMBERED_SECONDS: Final = 60.0
_MAX_SUBJECT: Final = 255


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a token proved. `asked` is the monotonic time of the check, `expires` in seconds since 1970."""

    issuer: str
    subject: str
    expires: float
    visas: tuple[Visa, ...]
    asked: float


_proofs: OrderedDict[bytes, _Proof] = OrderedDict()
_lock = threading.Lock()


def forget_tokens() -> None:
    """Empty the cache of this process."""
    with _lock:
        _proofs.clear()


def issuer_of(token: str) -> str | None:
    """Return the issuer that a token claims, without a check of its signature; None if it is not a trusted one."""
    try:
        _, claimed = unverified(token)
    except NotValid:
        return None
    issuer = claimed.get("iss")
    return issuer if isinstance(issuer, str) and issuer in settings.OIDC_ISSUERS else None


def viewer_of(token: str) -> Viewer:
    """Return the viewer of a token. Raises NotValid, and KeysUnavailable if the issuer cannot be reached."""
    digest = hashlib.sha256(token.encode()).digest()
    with _lock:
        proof = _proofs.get(digest)
    now = time.monotonic()
    if proof is None or now - proof.asked > REMEMBERED_SECONDS:
        proof = _proved(token)
        with _lock:
            _proofs[digest] = proof
            while len(_proofs) > REMEMBERED:
                _proofs.popitem(last=False)
    if proof.expires + LEEWAY < time.time():
        raise NotValid("the token has expired")
    return _viewer(proof)


def _proved(token: str) -> _Proof:
    unverified(token)
    issuer: Issuer | None = settings.OIDC_ISSUERS.get(issuer_of(token) or "")
    if issuer is None:
        raise NotValid("the issuer of the token is not trusted here")
    claims = verified(
        token,
        keys_url=issuer.jwks_url or discovered(issuer.url, "jwks_uri"),
        issuer=issuer.url,
        audiences=issuer.audiences,
        algorithms=issuer.algorithms,
        required=("sub", "aud"),
    )
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or "\0" in subject:
        raise NotValid("the token has no usable subject")
    if "ga4gh_visa_v1" in claims:
        raise NotValid("this is a visa, not an access token")
    passport = claims.get(passports.CLAIM)
    if passport is None and issuer.userinfo:
        passport = _user_information(issuer, token, subject).get(passports.CLAIM)
    held, faults = passports.visas(passport, issuers=settings.VISA_ISSUERS) if passport else ((), [])
    for fault in faults:
        log.info("passport of a subject of %s: %s", issuer.url, fault)
    return _Proof(issuer.url, subject, float(claims["exp"]), held, time.monotonic())


def _user_information(issuer: Issuer, token: str, subject: str) -> dict[str, Any]:
    """Fetch what the issuer says of the subject (OpenID Connect Core 1.0 §5.3). Raises NotValid, KeysUnavailable."""
    try:
        address = issuer.userinfo_url or discovered(issuer.url, "userinfo_endpoint")
        said = fetch_json(address, bearer=token)
    except NotFetched as error:
        log.warning("user information: %s", error)
        raise KeysUnavailable("cannot fetch the passport from the issuer of the token") from error
    if said.get("sub") != subject:
        raise NotValid("the user information of the issuer is for another subject")
    return said


def _viewer(proof: _Proof) -> Viewer:
    account = account_by_subject(issuer=proof.issuer, subject=proof.subject)
    if account is not None and not account.is_active:
        raise NotValid("the account of the token is closed")
    return Viewer(
        name=account.name if account else f"{proof.subject} at {proof.issuer}",
        user=account.pk if account else None,
        issuer=proof.issuer,
        subject=proof.subject,
        credential=proof.issuer,
        visas=proof.visas,
        expires=proof.expires,
    )
