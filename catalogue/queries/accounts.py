"""Looks up the account of a credential.

Uses SQL, because building these queries in Django takes longer than PostgreSQL needs to answer them.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection
from django.utils import timezone

from catalogue.models import ApiToken

#: Shortest interval between two updates of a token's last use.
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
    """An account of the site; an inactive one has no access."""

    pk: int
    name: str
    is_active: bool


class StoredToken(NamedTuple):
    """The row of an API token; `digest` is the SHA-256 of its secret."""

    pk: int
    digest: bytes
    scopes: frozenset[str]
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None
    account: Account


def token_by_prefix(prefix: str) -> StoredToken | None:
    """Return the API token with a prefix, valid or not; None if there is none. Makes one database query."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_PREFIX, (prefix,))
        row = cursor.fetchone()
    if row is None:
        return None
    pk, digest, scopes, expires, revoked, last_used, *account = row
    return StoredToken(pk, bytes(digest), frozenset(scopes), expires, revoked, last_used, Account(*account))


def note_token_use(token: StoredToken) -> None:
    """Update the time of a token's last use, at most once a minute."""
    now = timezone.now()
    if token.last_used is None or now - token.last_used > _USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)


def account_by_subject(*, issuer: str, subject: str) -> Account | None:
    """Return the account of an issuer's subject; None if there is none. Makes one database query."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_SUBJECT, (issuer, subject))
        row = cursor.fetchone()
    return None if row is None else Account(*row)
