"""Tokens that a page of the site obtains for the genome browser in it: for one file, one kind, and a few minutes.

They are signed and not stored: nothing is left to revoke, list or remove when they end. The account has to be active
whenever one is used, and what it opens is decided by the account's grants as for every other credential.
"""

import time
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import User
from django.core import signing

#: The beginning of every such token.
START: Final = "htp_"
#: Seconds for which a token is valid. The page obtains another before it ends.
SECONDS: Final = 300
_SALT: Final = "htsgetsite.page-token"


class PageToken(NamedTuple):
    """What a token says: the account, the file and its kind, and when it ends, in seconds since 1970."""

    user: int
    file: int
    kind: str
    expires: float


def issue(*, user: int, file: int, kind: str) -> tuple[str, float]:
    """Return the text of a new token, and when it ends in seconds since 1970."""
    token = PageToken(user, file, kind, float(int(time.time()) + SECONDS))
    return START + _signer().sign_object(list(token)), token.expires


def read(text: str) -> PageToken | None:
    """Return what a token says; None for text that this site did not sign, or that has ended."""
    try:
        content: Any = _signer().unsign_object(text.removeprefix(START), max_age=SECONDS)
        token = PageToken(*content)
    except (signing.BadSignature, TypeError, ValueError):
        return None
    return token if token.expires > time.time() else None


def _signer() -> signing.TimestampSigner:
    # A bearer token may have dots, and no colons, which are Django's default (RFC 6750, section 2.1).
    return signing.TimestampSigner(salt=_SALT, sep=".")


def active_account(token: PageToken) -> str | None:
    """Return the name of a token's account; None where it is closed or gone. Makes one database query."""
    name: str | None = (
        User.objects.filter(pk=token.user, is_active=True).values_list("username", flat=True).first()
    )
    return name
