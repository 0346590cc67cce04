"""Check the site's own API tokens; return the viewer with the account that a token stands for."""

import hmac

from django.utils import timezone

from catalogue.access import Viewer
from catalogue.api_tokens import Parts, digest
from catalogue.queries.accounts import note_token_use, token_by_prefix
from htsgetsite.authentication.signatures import NotValid


def viewer_of(token: Parts) -> Viewer:
    """Return the viewer of a token, with one database query. Raises NotValid."""
    stored = token_by_prefix(token.prefix)
    # Always compare a digest, so that an unknown prefix takes as long as a wrong secret.
    right = hmac.compare_digest(digest(token.secret), stored.digest if stored else bytes(32))
    if stored is None or not right:
        raise NotValid("the token is not known here")
    if stored.revoked is not None:
        raise NotValid("the token was revoked")
    if stored.expires is not None and stored.expires <= timezone.now():
        raise NotValid("the token has expired")
    if not stored.account.is_active:
        raise NotValid("the account of the token is closed")
    note_token_use(stored)
    return Viewer(
        name=stored.account.name,
        user=stored.account.pk,
        token=stored.pk,
        credential=token.prefix,
        scopes=stored.scopes,
        expires=None if stored.expires is None else stored.expires.timestamp(),
    )
