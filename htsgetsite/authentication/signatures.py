"""Checks one signed JSON Web Token (RFC 7519, RFC 8725) of an issuer that the site trusts.

The claims are believed only after the signature was checked with a key of that issuer's own set, by an algorithm that
the site's settings allow. What the header says of keys (`jku`, `jwk`, `x5u`, `x5c`) is never followed.
"""

import base64
import binascii
import json
from collections.abc import Collection
from typing import Any, Final

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from htsgetsite.authentication.keys import signing_keys

#: Clocks may differ by so many seconds.
LEEWAY: Final = 30
#: Latest time that is taken for one, in seconds since 1970: the end of the year 9999.
_MAX_TIME: Final = 253_402_300_800
#: Longer tokens are not looked at, in characters.
MAX_LENGTH: Final = 256 * 1024
#: Keys tried for a token that does not say which is meant.
_MAX_TRIED: Final = 10

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (ExpiredSignatureError, "the token has expired"),
    (ImmatureSignatureError, "the token is not valid yet"),
    (InvalidAudienceError, "the token is for somebody else"),
    (MissingRequiredClaimError, "the token lacks a claim that it needs"),
    (InvalidSignatureError, "the signature of the token is wrong"),
)


class NotValid(Exception):
    """The token is not to be believed; the text says why and may be shown to whoever sent it."""


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, to see whose token it claims to be. Nothing of it is true yet. Raises NotValid."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_LENGTH:
        raise NotValid("this is no signed JSON Web Token")
    return _part(parts[0]), _part(parts[1])


def verified(
    token: str,
    *,
    keys_url: str,
    issuer: str,
    audiences: Collection[str] | None,
    algorithms: Collection[str],
    required: Collection[str],
) -> dict[str, Any]:
    """The claims of a token that `issuer` signed with a key of the set at `keys_url`, for one of `audiences`.

    `audiences` of None passes tokens for nobody in particular, and only those. `required` claims have to be there;
    `exp` always is required. Raises NotValid and KeysUnavailable.
    """
    header, _ = unverified(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise NotValid("the token is signed in a way that is not accepted")
    if "crit" in header or "b64" in header:
        raise NotValid("the token demands extensions that are not known here")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise NotValid("the token names its key in a way that is not known here")
    keys = [key for key in signing_keys(keys_url, kid) if key.algorithm in {None, algorithm}][:_MAX_TRIED]
    fault: Exception | None = None
    for key in keys:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key=key.public,
                algorithms=[algorithm],
                issuer=issuer,
                audience=None if audiences is None else list(audiences),
                leeway=LEEWAY,
                options={"require": ["exp", "iss", *required], "enforce_minimum_key_length": True},
            )
        except (PyJWTError, ValueError, TypeError, OverflowError) as error:
            # A key of another kind than the algorithm's, or not the one that signed: the next may be.
            if fault is None or isinstance(fault, InvalidSignatureError):
                fault = error
        else:
            if not 0 < claims["exp"] < _MAX_TIME:
                raise NotValid("the token expires at a time that is none")
            return claims
    if fault is None:
        raise NotValid("the token is signed with a key that its issuer does not have")
    raise NotValid(_words(fault)) from fault


def _words(error: Exception) -> str:
    return next((words for kind, words in _WORDS if isinstance(error, kind)), "the token is not valid")


def _part(text: str) -> dict[str, Any]:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        document = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise NotValid("this is no JSON Web Token") from None
    if not isinstance(document, dict):
        raise NotValid("this is no JSON Web Token")
    if not _is_storable(document):
        raise NotValid("the token holds text with a NUL or half of a surrogate pair")
    return document


def _is_storable(document: dict[str, Any]) -> bool:
    """Whether PostgreSQL can store every text in it."""
    written = json.dumps(document, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in written
