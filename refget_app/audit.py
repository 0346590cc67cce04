"""What the audit is told of private sequences: who was given one, and who was not.

Public sequences are reference data in everybody's hands, asked for thousands of times a second: not recorded.
"""

import logging
from http import HTTPStatus

from django.conf import settings
from django.db import DatabaseError

from catalogue import audit
from catalogue.access import AuthenticationRequired, CredentialsUnverified, Hidden, PermissionRefused
from catalogue.audit import Event, Kind
from catalogue.errors import NotFound
from catalogue.queries import StoredSequence
from refget_app.exchange import Request

logger = logging.getLogger(__name__)

_REFUSALS = (Hidden, AuthenticationRequired, CredentialsUnverified, PermissionRefused)


def private_sequence(request: Request, record: StoredSequence, *, what: str, status: HTTPStatus) -> None:
    """Something of a private sequence is about to leave."""
    detail = {
        "what": what,
        "md5": record.md5.hex(),
        "status": status.value,
        **({"part": request.query[:100]} if request.query else {}),
        **({"range": request.range[:100]} if request.range else {}),
    }
    audit.record(Event(Kind.SEQUENCE, target=request.identifier, detail=detail), viewer=request.viewer)


def refused(request: Request, error: Exception, *, status: HTTPStatus) -> None:
    """A sequence was not given. Where existence is hidden, unknown ones are recorded too: both take the same time."""
    if isinstance(error, _REFUSALS) or (settings.HIDE_CONTROLLED and isinstance(error, NotFound)):
        outcome = audit.outcome_of(error, status=status)
        try:
            audit.record(Event(Kind.SEQUENCE, outcome, target=request.identifier), viewer=request.viewer)
        except DatabaseError:
            logger.exception("a refusal could not be recorded")
