"""The site's own tokens as credentials: from the text of one to the account that it stands for."""

import hmac
from datetime import timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from catalogue.access import Viewer
from catalogue.api_tokens import Parts, digest
from catalogue.models import ApiToken
from htsgetsite.authentication.signatures import NotValid

#: The time of the last use is written at most so often.
_USED_EVERY: Final = timedelta(minutes=1)
# In SQL, because Django takes longer to write this than PostgreSQL to answer it.
_SELECT: Final = """
SELECT t.id, t.digest, t.scopes, t.expires, t.revoked, t.last_used, u.id, u.username, u.is_active
  FROM catalogue_apitoken t JOIN auth_user u ON u.id = t.user_id WHERE t.prefix = %s
"""


def viewer_of(token: Parts) -> Viewer:
    """Who a token stands for. Asks the database once. Raises NotValid."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, (token.prefix,))
        row = cursor.fetchone()
    # The digest is compared in either case, so that an unknown prefix takes as long as a wrong secret.
    right = hmac.compare_digest(digest(token.secret), bytes(row[1]) if row else bytes(32))
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
        credential=token.prefix,
        scopes=frozenset(scopes),
        expires=None if expires is None else expires.timestamp(),
    )
