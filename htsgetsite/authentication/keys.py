"""Fetch the public keys and discovery documents of trusted issuers, cache them and refresh them.

One thread at a time fetches a document; the others use the cached one, which is refreshed in the background. A token
may be signed with a new key, so a key set without that key is fetched again: at the earliest `REFRESH_SECONDS` after
the last attempt, and the pause doubles each time that the key is still missing. While an issuer cannot be reached, the
cached document is used for up to `STALE_SECONDS`.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from htsgetsite.authentication.fetching import NotFetched, fetch_json
from htsgetsite.authentication.issuers import is_local

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0
REFRESH_SECONDS = 30.0
STALE_SECONDS = 24 * 3600.0
#: Longest pause between two fetches for keys that are missing in their set.
MAX_PAUSE_SECONDS = 960.0
#: Further keys of a set are ignored.
_MAX_KEYS = 200

T = TypeVar("T")


class KeysUnavailable(Exception):
    """The keys of an issuer are not cached and cannot be fetched at the moment."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One public key; it may be used with `algorithm` only, or with any if the key set names none (None)."""

    public: Any
    algorithm: str | None


KeySet = dict[str | None, list[SigningKey]]


class _Cached(Generic[T]):
    """The parsed value of one document of an issuer. Times are of the monotonic clock."""

    def __init__(self, url: str, read: Callable[[dict[str, Any]], T]) -> None:
        self._url = url
        self._read = read
        self._value: T | None = None
        self._fetched = 0.0
        self._tried: float | None = None
        self._lock = threading.Lock()
        self._misses = 0

    def get(self) -> T:
        """Return the cached value; fetch it if there is none. Raises KeysUnavailable."""
        value = self._usable()
        if value is None:
            self._fetch(wait=True)
            value = self._usable()
        elif time.monotonic() - self._fetched > FRESH_SECONDS and not self._lock.locked():
            threading.Thread(target=self._fetch, daemon=True).start()
        if value is None:
            raise KeysUnavailable(f"cannot fetch {self._url}")
        return value

    def get_with(self, has: Callable[[T], bool]) -> T:
        """Return the value; fetch it again first if `has` is false for the cached one. Raises KeysUnavailable."""
        value = self.get()
        if has(value):
            return value
        if self._fetch():
            value = self.get()
            self._misses = 0 if has(value) else self._misses + 1
        return value

    def _usable(self) -> T | None:
        return None if time.monotonic() - self._fetched > STALE_SECONDS else self._value

    def _fetch(self, *, wait: bool = False) -> bool:
        """Fetch the document; return False if that failed, was tried too recently, or another thread is doing it."""
        if not self._lock.acquire(blocking=wait):
            return False
        try:
            pause = min(REFRESH_SECONDS * 2**self._misses, MAX_PAUSE_SECONDS)
            if self._tried is not None and time.monotonic() - self._tried < pause:
                return False
            self._tried = time.monotonic()
            try:
                self._value = self._read(fetch_json(self._url))
            except NotFetched as error:
                log.warning("cannot fetch a document of an issuer: %s", error)
                return False
            self._fetched = time.monotonic()
            return True
        finally:
            self._lock.release()


_key_sets: dict[str, _Cached[KeySet]] = {}
_discoveries: dict[str, _Cached[dict[str, Any]]] = {}


def forget_keys() -> None:
    """Empty the caches of this process."""
    _key_sets.clear()
    _discoveries.clear()


def signing_keys(url: str, kid: str | None) -> list[SigningKey]:
    """Return the keys with this `kid` of the set at `url`, or all keys if `kid` is None.

    Raises KeysUnavailable.
    """
    cached = _key_sets.setdefault(url, _Cached(url, _usable_keys))
    if kid is None:
        return [key for each in cached.get().values() for key in each]
    return cached.get_with(lambda keys: kid in keys).get(kid, [])


def discovered(issuer: str, name: str) -> str:
    """Return the address `name` in an issuer's discovery document (OpenID Connect Discovery 1.0, section 4).

    Raises KeysUnavailable, also if the document is for another issuer or the address is not safe.
    """

    def read(document: dict[str, Any]) -> dict[str, Any]:
        if document.get("issuer") != issuer:
            raise NotFetched(f"the discovery document of {issuer} is for another issuer")
        return document

    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    address = _discoveries.setdefault(issuer, _Cached(url, read)).get().get(name)
    if not isinstance(address, str) or not _askable(address, issuer):
        raise KeysUnavailable(f"the discovery document of {issuer} has no usable {name}")
    return address


def _askable(address: str, issuer: str) -> bool:
    """Return whether an address of a discovery document is safe: https, or http if it and the issuer are local."""
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


def _usable_keys(document: dict[str, Any]) -> KeySet:
    """Return the public signature keys of a JWK set (RFC 7517) by their `kid`."""
    entries = document.get("keys")
    keys: KeySet = {}
    for entry in entries[:_MAX_KEYS] if isinstance(entries, list) else ():
        # A published symmetric key is not secret, and encryption keys do not sign.
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
