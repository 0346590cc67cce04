"""Check a signed JSON Web Token (RFC 7519, RFC 8725) of an issuer that the site trusts.

Its claims are used only after the signature was verified with a key of the issuer's key set, by an algorithm that the
settings allow. Keys in the header (`jku`, `jwk`, `x5u`, `x5c`) are never used.
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

#: Seconds by which clocks may differ.
LEEWAY: Final = 30
#: Latest valid time, in seconds since 1970: the end of the year 9999.
_MAX_TIME: Final = 253_402_300_800
#: Longer tokens are rejected unread, in characters.
MAX_LENGTH: Final = 256 * 1024
#: Keys tried for a token without `kid`.
_MAX_TRIED: Final = 10

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (ExpiredSignatureError, "the token has expired"),
    (ImmatureSignatureError, "the token is not valid yet"),
    (InvalidAudienceError, "the token is for another audience"),
    (MissingRequiredClaimError, "the token lacks a required claim"),
    (InvalidSignatureError, "the signature of the token is wrong"),
)


class NotValid(Exception):
    """The token is not valid; the message says why and may be shown to the client."""


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims without a check of the signature: not to be trusted. Raises NotValid."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_LENGTH:
        raise NotValid("this is not a signed JSON Web Token")
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
    """Return the claims of a token that `issuer` signed with a key of the set at `keys_url` for one of `audiences`.

    If `audiences` is None, the token must have no audience. The claims `required`, `exp` and `iss` must be present.
    Raises NotValid and KeysUnavailable.
    """
    header, _ = unverified(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise NotValid("the signature algorithm of the token is not accepted here")
    if "crit" in header or "b64" in header:
        raise NotValid("the token requires extensions (crit or b64) that are not supported here")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise NotValid("the kid of the token is not a string")
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
            # The key does not fit the algorithm or did not sign; the next one may.
            if fault is None or isinstance(fault, InvalidSignatureError):
                fault = error
        else:
            if not 0 < claims["exp"] < _MAX_TIME:
                raise NotValid("the expiry of the token is not a valid time")
            return claims
    if fault is None:
        raise NotValid("the token is signed with a key that is not in the key set of its issuer")
    raise NotValid(_words(fault)) from fault


def _words(error: Exception) -> str:
    return next((words for kind, words in _WORDS if isinstance(error, kind)), "the token is not valid")


def _part(text: str) -> dict[str, Any]:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        document = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise NotValid("this is not a JSON Web Token") from None
    if not isinstance(document, dict):
        raise NotValid("this is not a JSON Web Token")
    if not _is_storable(document):
        raise NotValid("the token has text with a NUL character or an unpaired surrogate")
    return document


def _is_storable(document: dict[str, Any]) -> bool:
    """Return whether PostgreSQL can store every text in the document."""
    written = json.dumps(document, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in written
