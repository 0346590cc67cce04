"""Turn the bearer credentials of a request (RFC 6750 §2.1: only the Authorization header) into a viewer.

A request with invalid credentials continues as an anonymous one; what needs credentials then answers what was wrong
with them. Each failure goes into the audit, and an address with too many failures is told to wait.
"""

import logging
import re
from typing import Any, Final

from django.conf import settings
from rest_framework.authentication import BaseAuthentication

from catalogue import api_tokens, audit, page_tokens, rate_limits
from catalogue.access import ANONYMOUS, Viewer
from catalogue.audit import Event, Kind, Outcome
from catalogue.request_context import current_context
from htsgetsite.authentication import jwt_tokens, site_tokens
from htsgetsite.authentication import page_tokens as page_viewers
from htsgetsite.authentication.keys import KeysUnavailable
from htsgetsite.authentication.signatures import NotValid

log = logging.getLogger(__name__)

# The scheme is case-insensitive (RFC 9110 §11.1), the token is case-sensitive (RFC 6750 §2.1).
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class BearerAuthentication(BaseAuthentication):
    """Set `auth` of every request to a `Viewer`; `user` stays None, because sessions are not used here."""

    def authenticate(self, request: Any) -> tuple[None, Viewer]:
        """Return (None, viewer). Raises rate_limits.TooMany for an address with too many failures."""
        return None, viewer_of(request.META.get("HTTP_AUTHORIZATION"))

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"


def viewer_of(header: str | None) -> Viewer:
    """Return the viewer that the value of an Authorization header stands for. Raises rate_limits.TooMany."""
    if header is None or not header.strip():
        return ANONYMOUS
    form = _BEARER.fullmatch(header.strip())
    token = form[1] if form else ""
    try:
        if not form:
            raise NotValid("only bearer tokens are accepted here")
        if own := api_tokens.parts(token):
            return site_tokens.viewer_of(own)
        if token.startswith(api_tokens.START):
            raise NotValid("this is not a valid API token")
        if token.startswith(page_tokens.START):
            return page_viewers.viewer_of(token)
        return jwt_tokens.viewer_of(token)
    except NotValid as fault:
        refused = Viewer(credential=_credential(token), fault=str(fault))
        _failed(refused, Outcome.UNAUTHENTICATED)
        return refused
    except KeysUnavailable as fault:
        log.error("credentials cannot be checked: %s", fault)
        refused = Viewer(
            credential=_credential(token),
            fault="the credentials cannot be checked at the moment",
            unverified=True,
        )
        _failed(refused, Outcome.FAILED)
        return refused


def _credential(token: str) -> str:
    """Return the part of rejected credentials that the audit may store."""
    if own := api_tokens.parts(token):
        return own.prefix
    return jwt_tokens.issuer_of(token) or ""


def _failed(viewer: Viewer, outcome: Outcome) -> None:
    rate_limits.count_failure(current_context().address, settings.THROTTLE_FAILURES)
    audit.record(Event(Kind.AUTHENTICATION, outcome, target=viewer.fault), viewer=viewer)
