"""The public keys and discovery documents of trusted issuers: fetched when needed, cached, and refreshed.

One thread at a time fetches a document, and nobody waits for it who finds a usable one in the cache: that is refreshed
in the background. A key that is not in its set may be new, so the set is fetched once more, after `REFRESH_SECONDS` and
then after pauses that double with each key that was not there either. While an issuer cannot be reached, what was
fetched serves on for `STALE_SECONDS`.
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
#: Longest pause between two fetches for keys that are not in their set.
MAX_PAUSE_SECONDS = 960.0
#: Keys of one set beyond this many are not looked at.
_MAX_KEYS = 200

T = TypeVar("T")


class KeysUnavailable(Exception):
    """The keys of an issuer are not known and cannot be had at the moment."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One public key; `algorithm` is the only one that it may be used with, None where its publisher does not say."""

    public: Any
    algorithm: str | None


KeySet = dict[str | None, list[SigningKey]]


class _Cached(Generic[T]):
    """One document of an issuer, read into a value. Times are of the monotonic clock."""

    def __init__(self, url: str, read: Callable[[dict[str, Any]], T]) -> None:
        self._url = url
        self._read = read
        self._value: T | None = None
        self._fetched = 0.0
        self._tried: float | None = None
        self._lock = threading.Lock()
        self._misses = 0

    def get(self) -> T:
        """Return the value; fetch it only where there is none. Raises KeysUnavailable."""
        value = self._usable()
        if value is None:
            self._fetch(wait=True)
            value = self._usable()
        elif time.monotonic() - self._fetched > FRESH_SECONDS and not self._lock.locked():
            threading.Thread(target=self._fetch, daemon=True).start()
        if value is None:
            raise KeysUnavailable(f"there is nothing from {self._url}")
        return value

    def get_with(self, has: Callable[[T], bool]) -> T:
        """Return a value that has something, as far as fetching anew brings one. Raises KeysUnavailable."""
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
        """Fetch the document, unless that was tried a moment ago or another thread is at it; then say False."""
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
                log.warning("a document of an issuer: %s", error)
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
    """Return the keys of the set at `url` that a token with this `kid` may be signed with; all of them for None.

    Raises KeysUnavailable.
    """
    cached = _key_sets.setdefault(url, _Cached(url, _usable_keys))
    if kid is None:
        return [key for each in cached.get().values() for key in each]
    return cached.get_with(lambda keys: kid in keys).get(kid, [])


def discovered(issuer: str, name: str) -> str:
    """Return the address that an issuer's discovery document gives (OpenID Connect Discovery 1.0, section 4).

    Raises KeysUnavailable, also where the document is another issuer's or the address is not safe to ask.
    """

    def read(document: dict[str, Any]) -> dict[str, Any]:
        if document.get("issuer") != issuer:
            raise NotFetched(f"the discovery document of {issuer} is another issuer's")
        return document

    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    address = _discoveries.setdefault(issuer, _Cached(url, read)).get().get(name)
    if not isinstance(address, str) or not _askable(address, issuer):
        raise KeysUnavailable(f"{issuer} names no usable {name}")
    return address


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


def _usable_keys(document: dict[str, Any]) -> KeySet:
    """Return the public signature keys of a JWK set (RFC 7517) by their `kid`."""
    entries = document.get("keys")
    keys: KeySet = {}
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
