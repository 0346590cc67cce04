"""Records refused requests in the audit."""

import logging

from django.db import DatabaseError, InterfaceError, OperationalError

from catalogue import audit
from catalogue.access import Viewer
from catalogue.audit import Event, Kind
from catalogue.rate_limits import TooMany
from catalogue.request_context import current_context

logger = logging.getLogger(__name__)


def record_refusal(kind: Kind, target: str, error: Exception, *, status: int, viewer: Viewer) -> None:
    """Record a refusal. A failure to record it is only logged, because the answer discloses nothing."""
    if isinstance(error, OperationalError | InterfaceError):
        return  # The database that failed cannot record it.
    if isinstance(error, TooMany):
        # Only logged, because floods of requests must not fill the audit.
        logger.warning("too many requests from %s", current_context().address)
        return
    try:
        event = Event(kind, audit.outcome_of(error, status=status), target=target)
        # Tickets have a rate limit; data URLs, which are fetched in pieces, do not.
        audit.record(event, viewer=viewer, repeats=kind is Kind.DELIVERY)
    except DatabaseError as failure:
        logger.error("a refusal of %r could not be recorded: %s", target, failure)
