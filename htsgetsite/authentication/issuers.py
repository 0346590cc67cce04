"""Parse the settings that list the OpenID Connect issuers that the site trusts.

Keys are fetched only from the addresses in these settings and in the issuers' discovery documents, never from an
address that a token names.
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from htsgetsite.environment import Unusable

#: Asymmetric signatures only: with HMAC, anyone who can check a token can also make one.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_DEFAULT_ALGORITHMS = ("RS256", "ES256")


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer of access tokens.

    `jwks_url` and `userinfo_url` come from the discovery document if they are None. If `userinfo` is true, the passport
    of a token that carries none is fetched from the userinfo endpoint.
    """

    url: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...] = _DEFAULT_ALGORITHMS
    jwks_url: str | None = None
    userinfo: bool = False
    userinfo_url: str | None = None


@dataclass(frozen=True, slots=True)
class VisaIssuer:
    """One issuer of visas. The `jku` of a visa must be one of `key_urls`; the first is used for visas without `jku`."""

    url: str
    key_urls: tuple[str, ...]
    algorithms: tuple[str, ...] = _DEFAULT_ALGORITHMS


@dataclass(frozen=True, slots=True)
class SignIn:
    """The issuer at which people sign in to the pages, and the site's credentials as its client."""

    issuer: str
    client_id: str
    client_secret: str
    algorithms: tuple[str, ...] = _DEFAULT_ALGORITHMS


def sign_in(text: str) -> SignIn:
    """Parse `{"issuer": …, "client_id": …, "client_secret": …, "algorithms": […]}`. Raises Unusable."""
    known = {"issuer", "client_id", "client_secret", "algorithms"}
    entry = _object(text)
    given = {name: entry.get(name) for name in ("client_id", "client_secret")}
    if entry.keys() - known or not all(isinstance(value, str) and value for value in given.values()):
        raise Unusable(f"expected {', '.join(sorted(known))}")
    return SignIn(
        issuer=_address(entry.get("issuer")),
        client_id=str(given["client_id"]),
        client_secret=str(given["client_secret"]),
        algorithms=_algorithms(entry, of="the issuer"),
    )


def access_token_issuers(text: str) -> dict[str, Issuer]:
    """Parse `{"https://issuer": {"audience": …, "algorithms": […], "jwks_url": …, "userinfo": true}}`.

    `audience` is a string or a list of strings; `userinfo` is true, false or an address. Raises Unusable.
    """
    issuers = {}
    for url, entry in _entries(text, {"audience", "algorithms", "jwks_url", "userinfo"}):
        userinfo = entry.get("userinfo", False)
        if not isinstance(userinfo, bool | str):
            raise Unusable(f"expected true, false or an address as userinfo of {url}")
        issuers[url] = Issuer(
            url=url,
            audiences=_texts(entry, "audience", of=url),
            algorithms=_algorithms(entry, of=url),
            jwks_url=_address(entry["jwks_url"]) if "jwks_url" in entry else None,
            userinfo=bool(userinfo),
            userinfo_url=_address(userinfo) if isinstance(userinfo, str) else None,
        )
    return issuers


def visa_issuers(text: str) -> dict[str, VisaIssuer]:
    """Parse `{"https://issuer": {"jku": ["https://issuer/jwks"], "algorithms": […]}}`. Raises Unusable."""
    return {
        url: VisaIssuer(
            url=url,
            key_urls=tuple(_address(each) for each in _texts(entry, "jku", of=url)),
            algorithms=_algorithms(entry, of=url),
        )
        for url, entry in _entries(text, {"jku", "algorithms"})
    }


def _entries(text: str, known: set[str]) -> list[tuple[str, Mapping[str, Any]]]:
    document = _object(text)
    for url, entry in document.items():
        _address(url)
        if not isinstance(entry, dict):
            raise Unusable(f"expected a JSON object under {url}")
        if unknown := sorted(entry.keys() - known):
            raise Unusable(f"expected {', '.join(sorted(known))} under {url}, not {', '.join(unknown)}")
    return list(document.items())


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Unusable(f"expected a JSON object, but it is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise Unusable("expected a JSON object")
    return document


def _address(value: Any) -> str:
    """Check an https address; http is accepted for this machine only, where nobody can read the traffic."""
    if not isinstance(value, str):
        raise Unusable("expected each address as a string")
    try:
        parts = urlsplit(value)
        local = parts.scheme == "http" and is_local(parts.hostname or "")
    except ValueError:
        raise Unusable(f"expected an address, not {value!r}") from None
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.fragment or parts.username:
        raise Unusable(f"expected an https address, not {value!r}")
    return value


def is_local(host: str) -> bool:
    """Return whether a host is the loopback interface of this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _texts(entry: Mapping[str, Any], name: str, *, of: str) -> tuple[str, ...]:
    given = entry.get(name)
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise Unusable(f"expected {name} of {of}: a string, or a list of strings")
    return tuple(texts)


def _algorithms(entry: Mapping[str, Any], *, of: str) -> tuple[str, ...]:
    if "algorithms" not in entry:
        return _DEFAULT_ALGORITHMS
    given = _texts(entry, "algorithms", of=of)
    if unknown := [each for each in given if each not in ALGORITHMS]:
        raise Unusable(f"expected algorithms of {of} among {', '.join(ALGORITHMS)}, not {', '.join(unknown)}")
    return given
