"""Records in the audit that a request came to nothing."""

import logging

from django.db import DatabaseError, InterfaceError, OperationalError

from catalogue import audit
from catalogue.access import Viewer
from catalogue.audit import Event, Kind
from catalogue.rate_limits import TooMany
from catalogue.request_context import current_context

logger = logging.getLogger(__name__)


def record_refusal(kind: Kind, target: str, error: Exception, *, status: int, viewer: Viewer) -> None:
    """Record a refusal. An answer that gives nothing away is given even where it cannot be recorded."""
    if isinstance(error, OperationalError | InterfaceError):
        return  # The database that failed would have to record it.
    if isinstance(error, TooMany):
        # These come in floods, which are not to fill the audit.
        logger.warning("too many requests from %s", current_context().address)
        return
    try:
        event = Event(kind, audit.outcome_of(error, status=status), target=target)
        # Tickets have a rate limit; data URLs are fetched in pieces, and have none.
        audit.record(event, viewer=viewer, repeats=kind is Kind.DELIVERY)
    except DatabaseError as failure:
        logger.error("a refusal of %r could not be recorded: %s", target, failure)
