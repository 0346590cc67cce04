"""The public keys of trusted issuers: fetched when needed, kept, and fetched anew when an issuer changes them.

A key that is not known may be new, so its set is fetched once more, but no set more often than every
`REFRESH_SECONDS`, whatever tokens say. While an issuer cannot be reached, keys that were fetched serve on for
`STALE_SECONDS`.
"""

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from htsgetsite.authentication.fetching import NotFetched, fetch_json
from htsgetsite.authentication.issuers import is_local

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0
REFRESH_SECONDS = 30.0
STALE_SECONDS = 24 * 3600.0
#: Keys of one set beyond this many are not looked at.
_MAX_KEYS = 200


class KeysUnavailable(Exception):
    """The keys of an issuer are not known and cannot be had at the moment."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One public key; `algorithm` is the only one that it may be used with, None where its publisher does not say."""

    public: Any
    algorithm: str | None


@dataclass(slots=True)
class _KeySet:
    keys: dict[str | None, list[SigningKey]] = field(default_factory=dict)
    fetched: float = -STALE_SECONDS
    tried: float = -STALE_SECONDS
    lock: threading.Lock = field(default_factory=threading.Lock)


_sets: dict[str, _KeySet] = {}
_documents: dict[str, tuple[dict[str, Any], float]] = {}
_lock = threading.Lock()


def forget_keys() -> None:
    """Empties the memory of this process."""
    with _lock:
        _sets.clear()
        _documents.clear()


def signing_keys(url: str, kid: str | None) -> list[SigningKey]:
    """The keys of the set at `url` that a token with this `kid` may be signed with; all of them for None.

    Raises KeysUnavailable.
    """
    with _lock:
        known = _sets.setdefault(url, _KeySet())
    now = time.monotonic()
    if now - known.fetched > FRESH_SECONDS or (kid is not None and kid not in known.keys):
        _refresh(url, known)
    if time.monotonic() - known.fetched > STALE_SECONDS:
        raise KeysUnavailable(f"there are no keys of {url}")
    keys = known.keys
    return [key for each in keys.values() for key in each] if kid is None else keys.get(kid, [])


def discovered(issuer: str, name: str) -> str:
    """The address that an issuer's discovery document gives under `name` (OpenID Connect Discovery 1.0 §4).

    Raises KeysUnavailable, also where the document is another issuer's or the address is not safe to ask.
    """
    known, until = _documents.get(issuer, ({}, 0.0))
    if time.monotonic() > until:
        known = _discover(issuer)
    address = known.get(name)
    if not isinstance(address, str) or not _askable(address, issuer):
        raise KeysUnavailable(f"{issuer} names no usable {name}")
    return address


def _discover(issuer: str) -> dict[str, Any]:
    now = time.monotonic()
    try:
        document = fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    except NotFetched as error:
        log.warning("the discovery document of an issuer: %s", error)
        known, until = _documents.get(issuer, ({}, 0.0))
        # For as long as keys serve on; the next try waits as theirs does.
        if not known or now > until + STALE_SECONDS:
            _documents[issuer] = ({}, now + REFRESH_SECONDS)
            raise KeysUnavailable(str(error)) from error
        return known
    if document.get("issuer") != issuer:
        log.error("the discovery document of %s is another issuer's", issuer)
        document = {}
    _documents[issuer] = (document, now + (FRESH_SECONDS if document else REFRESH_SECONDS))
    return document


def _askable(address: str, issuer: str) -> bool:
    """Whether to ask what a discovery document names: https, or this machine where the issuer is on it too."""
    try:
        parts, own = urlsplit(address), urlsplit(issuer)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return (
        parts.scheme == "http"
        and own.scheme == "http"
        and is_local(own.hostname or "")
        and is_local(parts.hostname or "")
    )


def _refresh(url: str, known: _KeySet) -> None:
    """Fetches a set, unless that was tried a moment ago or another thread is at it; then what is there has to do."""
    never = known.fetched <= -STALE_SECONDS
    if not known.lock.acquire(blocking=never):
        return
    try:
        if time.monotonic() - known.tried < REFRESH_SECONDS:
            return
        known.tried = time.monotonic()
        try:
            document = fetch_json(url)
        except NotFetched as error:
            log.warning("the keys of an issuer: %s", error)
            return
        known.keys = _usable(document)
        known.fetched = time.monotonic()
    finally:
        known.lock.release()


def _usable(document: dict[str, Any]) -> dict[str | None, list[SigningKey]]:
    """The public signature keys of a JWK set (RFC 7517), by their `kid`."""
    entries = document.get("keys")
    keys: dict[str | None, list[SigningKey]] = {}
    for entry in entries[:_MAX_KEYS] if isinstance(entries, list) else ():
        # A symmetric key in a published set is no secret, and a key for encryption signs nothing.
        if not isinstance(entry, dict) or entry.get("kty") == "oct" or entry.get("use", "sig") != "sig":
            continue
        algorithm = entry.get("alg")
        try:
            public = PyJWK(entry).key
        except (PyJWTError, ValueError, TypeError, KeyError):
            continue
        kid = entry.get("kid")
        key = SigningKey(public, algorithm if isinstance(algorithm, str) else None)
        keys.setdefault(kid if isinstance(kid, str) else None, []).append(key)
    return keys
