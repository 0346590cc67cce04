"""Whom the site takes a bearer token for, as its tests ask it."""

import json

from catalogue.access import Viewer
from catalogue.models import AuditEvent
from htsgetsite.authentication.bearer import viewer_of


def viewer(token: str) -> Viewer:
    """Return whom a bearer token speaks for."""
    return viewer_of(f"Bearer {token}")


def refused(token: str) -> str:
    """Return what is said of credentials that must not be accepted; the audit has to show the attempt."""
    before = AuditEvent.objects.count()
    found = viewer(token)
    assert found.name is None and found.user is None and found.visas == () and not found.unverified
    assert found.fault
    event = AuditEvent.objects.order_by("-id")[0]
    assert AuditEvent.objects.count() == before + 1
    assert (event.kind, event.outcome, event.target) == ("authentication", "unauthenticated", found.fault)
    assert token not in json.dumps([event.target, event.credential, event.detail])
    return found.fault
