"""From what went wrong to a status and words: one table (refget 2.0.0, "Errors").

Errors are JSON, for the protocol keeps `text/plain` for residues. Details of a fault of ours go to the log only.
"""

import logging
from http import HTTPStatus

from django.db import InterfaceError, OperationalError

from catalogue.access import AuthenticationRequired, CredentialsUnverified, PermissionRefused
from catalogue.errors import AmbiguousAlias, NotFound, StorageError, StorageMisconfigured, StorageUnavailable
from catalogue.rate_limits import TooMany
from refget_app import audit
from refget_app.exchange import METHODS, Answer, Request, document

logger = logging.getLogger(__name__)

#: Seconds after which a client may try again, when a store or the database does not answer.
RETRY_AFTER = 10

#: The first row whose class fits.
STATUS: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (AuthenticationRequired, HTTPStatus.UNAUTHORIZED),
    (PermissionRefused, HTTPStatus.FORBIDDEN),
    (CredentialsUnverified, HTTPStatus.SERVICE_UNAVAILABLE),
    (TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    (NotFound, HTTPStatus.NOT_FOUND),
    (AmbiguousAlias, HTTPStatus.MULTIPLE_CHOICES),
    (StorageUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (OperationalError, HTTPStatus.SERVICE_UNAVAILABLE),
    (InterfaceError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StorageError, HTTPStatus.INTERNAL_SERVER_ERROR),
    (StorageMisconfigured, HTTPStatus.INTERNAL_SERVER_ERROR),
)
EXPECTED = tuple(kind for kind, _ in STATUS)

_OUR_FAULT = {
    HTTPStatus.SERVICE_UNAVAILABLE: "the sequences cannot be read at the moment; please try again later",
    HTTPStatus.INTERNAL_SERVER_ERROR: "the stored sequence is damaged or out of reach; its keepers have been told",
}


def error_answer(request: Request, error: Exception) -> Answer:
    """The answer to one of `EXPECTED`."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    audit.refused(request, error, status=status)
    if isinstance(error, AuthenticationRequired):
        challenge = 'Bearer error="invalid_token"' if request.viewer.fault else "Bearer"
        return refusal(request, status=status, message=str(error), headers={"WWW-Authenticate": challenge})
    if isinstance(error, TooMany):
        return refusal(request, status=status, message=str(error), headers={"Retry-After": str(error.wait)})
    if status in _OUR_FAULT:
        logger.error("%s for %r: %s", status.value, request.identifier, error, exc_info=error)
        retry = {"Retry-After": str(RETRY_AFTER)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        return refusal(request, status=status, message=_OUR_FAULT[status], headers=retry)
    candidates = list(error.candidates) if isinstance(error, AmbiguousAlias) else None
    return refusal(request, status=status, message=str(error), candidates=candidates)


def refusal(
    request: Request,
    *,
    status: HTTPStatus,
    message: str,
    headers: dict[str, str] | None = None,
    candidates: list[str] | None = None,
) -> Answer:
    """An answer without what was asked for: `{"status", "error", "message"}`, and `candidates` of an ambiguous name."""
    content: dict[str, object] = {"status": status.value, "error": status.phrase, "message": message}
    if candidates is not None:
        content["candidates"] = candidates
    return document(
        request,
        status=status,
        content=content,
        headers=[*(headers or {}).items(), ("Cache-Control", "no-store")],
    )


def method_not_allowed(request: Request) -> Answer:
    """405, for whatever is not GET, HEAD or OPTIONS."""
    return refusal(
        request,
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        message=f"{request.method} is not possible here, only {METHODS}",
        headers={"Allow": METHODS},
    )
