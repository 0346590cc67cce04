"""The site's own API tokens: their format, issue, listing and revocation.

A token consists of `hts_`, ten characters by which its row is found, `_`, and a secret of 256 random bits. The row
stores only the SHA-256 of the secret, so the text of a token cannot be recovered once it has been shown.
"""

import hashlib
import re
import secrets
import string
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from catalogue.models import ApiToken, Scope
from catalogue.models.access import reading_scopes

#: The beginning of every token of the site.
START: Final = "hts_"
#: The scopes of a token: value and label.
SCOPES: Final = Scope.choices
#: Those of a token unless somebody chooses: they only read.
USUAL_SCOPES: Final = tuple(reading_scopes())
_LETTERS: Final = string.ascii_letters + string.digits
_PREFIX: Final = 10
_FORM: Final = re.compile(r"hts_([A-Za-z0-9]{10})_([A-Za-z0-9_-]{43})")


class Parts(NamedTuple):
    """The parts of a token's text: `prefix` may be shown and logged, `secret` may not."""

    prefix: str
    secret: str


def issue(
    *, user: Any, name: str, scopes: Collection[str], expires: datetime | None = None
) -> tuple[ApiToken, str]:
    """Save a new token for an account; return the row and the token's text."""
    token = ApiToken(user=user, name=name, scopes=sorted(scopes), expires=expires)
    return token, save_new(token)


def save_new(token: ApiToken) -> str:
    """Generate the secret of a token that is otherwise complete, save it, and return its text."""
    prefix = "".join(secrets.choice(_LETTERS) for _ in range(_PREFIX))
    secret = secrets.token_urlsafe(32)
    token.prefix, token.digest = prefix, digest(secret)
    token.save(force_insert=True)
    return f"hts_{prefix}_{secret}"


def tokens_of(user: int | None) -> QuerySet[ApiToken]:
    """Return the tokens of an account."""
    return ApiToken.objects.filter(user=user)


def revoke(pk: int, *, user: int | None) -> bool:
    """Revoke a token of an account; return whether it has such a token that was not revoked."""
    token = tokens_of(user).filter(pk=pk, revoked=None).first()
    if token is None:
        return False
    token.revoked = timezone.now()
    token.save(update_fields=["revoked"])
    return True


def parts(text: str) -> Parts | None:
    """Return the parts of a text in the form of a token, None for any other text."""
    form = _FORM.fullmatch(text)
    return Parts(form[1], form[2]) if form else None


def digest(secret: str) -> bytes:
    """Return the SHA-256 of a secret, in 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


def checked_expiry(expires: datetime | None) -> datetime | None:
    """Return `expires` if a new token may end then.

    Raises ValidationError for a time in the past or beyond `API_TOKEN_MAX_DAYS`.
    """
    max_days = settings.API_TOKEN_MAX_DAYS
    if expires is not None and expires <= timezone.now():
        raise ValidationError("This date is in the past.")
    if max_days is not None and (
        expires is None or expires > timezone.now() + timedelta(days=max_days, hours=1)
    ):
        raise ValidationError(f"A token has to expire within {max_days} days.")
    return expires
