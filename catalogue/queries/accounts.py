"""Looks up the account that a credential stands for.

In SQL, because Django takes longer to write these queries than PostgreSQL to answer them.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection
from django.utils import timezone

from catalogue.models import ApiToken

#: The time of a token's last use is written at most so often.
_USED_EVERY: Final = timedelta(minutes=1)
_BY_PREFIX: Final = """
SELECT t.id, t.digest, t.scopes, t.expires, t.revoked, t.last_used, u.id, u.username, u.is_active
  FROM catalogue_apitoken t JOIN auth_user u ON u.id = t.user_id WHERE t.prefix = %s
"""
_BY_SUBJECT: Final = """
SELECT u.id, u.username, u.is_active FROM catalogue_identity i JOIN auth_user u ON u.id = i.user_id
 WHERE i.issuer = %s AND i.subject = %s
"""


class Account(NamedTuple):
    """An account of the site; one that is not active opens nothing."""

    pk: int
    name: str
    is_active: bool


class StoredToken(NamedTuple):
    """An API token as the database has it; `digest` is the SHA-256 of its secret."""

    pk: int
    digest: bytes
    scopes: frozenset[str]
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None
    account: Account


def token_by_prefix(prefix: str) -> StoredToken | None:
    """Return the API token that has a prefix, valid or not. Asks the database once."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_PREFIX, (prefix,))
        row = cursor.fetchone()
    if row is None:
        return None
    pk, digest, scopes, expires, revoked, last_used, *account = row
    return StoredToken(pk, bytes(digest), frozenset(scopes), expires, revoked, last_used, Account(*account))


def note_token_use(token: StoredToken) -> None:
    """Write down that a token was used now, unless that was done within the last minute."""
    now = timezone.now()
    if token.last_used is None or now - token.last_used > _USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)


def account_by_subject(*, issuer: str, subject: str) -> Account | None:
    """Return the account that an issuer knows as a subject. Asks the database once."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_SUBJECT, (issuer, subject))
        row = cursor.fetchone()
    return None if row is None else Account(*row)
