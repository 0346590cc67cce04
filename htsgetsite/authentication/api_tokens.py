"""The site's own tokens: made here, shown once, and recognised.

A token is `hts_`, ten characters by which its row is found, `_`, and a secret of 256 random bits, of which the row has
the SHA-256 only.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from catalogue.access import Viewer
from catalogue.models import ApiToken
from htsgetsite.authentication.signatures import NotValid

_LETTERS: Final = string.ascii_letters + string.digits
_PREFIX: Final = 10
_FORM: Final = re.compile(r"hts_([A-Za-z0-9]{10})_([A-Za-z0-9_-]{43})")
#: The time of the last use is written at most so often.
_USED_EVERY: Final = timedelta(minutes=1)


def made(
    *, user: Any, name: str, scopes: Collection[str], expires: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token of an account, and its text, which nobody can tell again."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(_PREFIX))
    secret = secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user, name=name, prefix=prefix, digest=_digest(secret), scopes=sorted(scopes), expires=expires
    )
    return row, f"hts_{prefix}_{secret}"


def is_api_token(text: str) -> bool:
    """Whether a text has the form of a token of this site."""
    return _FORM.fullmatch(text) is not None


def prefix_of(text: str) -> str:
    """What may be shown of a token; empty for any other text."""
    form = _FORM.fullmatch(text)
    return form[1] if form else ""


def viewer_of(text: str) -> Viewer:
    """Who a token stands for. Asks the database once. Raises NotValid."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise NotValid("this is no token of this site")
    row = (
        ApiToken.objects.filter(prefix=form[1])
        .values_list(
            "pk",
            "digest",
            "scopes",
            "expires",
            "revoked",
            "last_used",
            "user_id",
            "user__username",
            "user__is_active",
        )
        .first()
    )
    # The digest is compared in either case, so that an unknown prefix takes as long as a wrong secret.
    right = hmac.compare_digest(_digest(form[2]), bytes(row[1]) if row else bytes(32))
    if row is None or not right:
        raise NotValid("the token is not known here")
    pk, _, scopes, expires, revoked, last_used, user, username, active = row
    now = timezone.now()
    if revoked is not None:
        raise NotValid("the token was revoked")
    if expires is not None and expires <= now:
        raise NotValid("the token has expired")
    if not active:
        raise NotValid("the account of the token is closed")
    if last_used is None or now - last_used > _USED_EVERY:
        ApiToken.objects.filter(pk=pk).update(last_used=now)
    return Viewer(
        name=username,
        user=user,
        token=pk,
        credential=form[1],
        scopes=frozenset(scopes),
        expires=None if expires is None else expires.timestamp(),
    )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
