"""Maps exceptions to statuses and error documents: the rows that all protocols share, and the answer to an error.

A message says what the client did wrong or can do. Details of server failures are only logged: one line for an expected
failure, a traceback for a bug.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import UnreadablePostError
from django.http.response import HttpResponseBase

from catalogue.access import AuthenticationRequired, CredentialsUnverified, PermissionRefused, Viewer
from catalogue.errors import (
    CatalogueError,
    NotFound,
    StorageError,
    StorageMisconfigured,
    StorageUnavailable,
    one_line,
)
from catalogue.rate_limits import TooMany
from ga4gh.exchange import CACHE_NEVER, Answer, Header, Request, json_answer, request_id

logger = logging.getLogger(__name__)

#: Seconds after which a client may retry when a storage or the database does not answer.
RETRY_AFTER: Final = 10

_UNREACHABLE: Final = "the data cannot be read at the moment; please try again later"
_DAMAGED: Final = "the stored data are missing or damaged; the operator finds the details in the log"


class RequestError(Exception):
    """An invalid request, answered with 400 unless another status is given.

    `headers` are added to the answer.
    """

    status = HTTPStatus.BAD_REQUEST

    def __init__(
        self, message: str, *, status: HTTPStatus | None = None, headers: Iterable[Header] = ()
    ) -> None:
        super().__init__(message)
        self.status = status or self.status
        self.headers = tuple(headers)


@dataclass(frozen=True, slots=True)
class Row:
    """The answer to one class of exceptions.

    `told` replaces a message that clients must not see. With `is_logged`, the exception was already logged where it was
    raised.
    """

    error: type[Exception]
    status: HTTPStatus
    told: str | None = None
    is_logged: bool = False


#: Rows of all protocols; the first with a matching class applies, and a protocol's own rows come first.
COMMON: Final = (
    Row(DisallowedHost, HTTPStatus.BAD_REQUEST, "this site does not answer to that Host"),
    Row(UnreadablePostError, HTTPStatus.BAD_REQUEST, "the body breaks off"),
    Row(AuthenticationRequired, HTTPStatus.UNAUTHORIZED),
    Row(PermissionRefused, HTTPStatus.FORBIDDEN),
    Row(CredentialsUnverified, HTTPStatus.SERVICE_UNAVAILABLE, is_logged=True),
    Row(TooMany, HTTPStatus.TOO_MANY_REQUESTS),
    Row(NotFound, HTTPStatus.NOT_FOUND),
    Row(StorageUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, _UNREACHABLE),
    Row(OperationalError, HTTPStatus.SERVICE_UNAVAILABLE, _UNREACHABLE),
    Row(InterfaceError, HTTPStatus.SERVICE_UNAVAILABLE, _UNREACHABLE),
    Row(StorageError, HTTPStatus.INTERNAL_SERVER_ERROR, _DAMAGED),
    Row(StorageMisconfigured, HTTPStatus.INTERNAL_SERVER_ERROR, _DAMAGED),
)
_BUG: Final = Row(Exception, HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here")


def row_of(error: Exception, rows: Iterable[Row]) -> Row:
    """Return the row of an exception; every exception has one."""
    if isinstance(error, RequestError):
        return Row(type(error), error.status)
    return next((row for row in rows if isinstance(error, row.error)), _BUG)


def plain_error(error: Exception, status: HTTPStatus, message: str) -> Mapping[str, object]:
    """Build the error document of protocols that do not define another: `{"status", "error", "message"}`."""
    return {"status": status.value, "error": status.phrase, "message": message}


def error_headers(error: Exception, status: HTTPStatus, viewer: Viewer) -> list[Header]:
    """Return the headers of an error status: a bearer challenge (RFC 6750, section 3), or Retry-After."""
    headers = [*error.headers] if isinstance(error, RequestError) else []
    if status is HTTPStatus.UNAUTHORIZED:
        headers.append(("WWW-Authenticate", 'Bearer error="invalid_token"' if viewer.fault else "Bearer"))
    elif isinstance(error, TooMany):
        headers.append(("Retry-After", str(error.wait)))
    elif status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", str(RETRY_AFTER)))
    return headers


def log_failure(error: Exception, row: Row, request: Request) -> None:
    """Log a server failure once: an expected one in one line, unless already logged; a bug with its traceback."""
    is_logged = row.is_logged or (isinstance(error, CatalogueError) and error.is_logged)
    if row.status >= 500 and not is_logged:
        trace = error if row is _BUG else None
        logger.error(
            "%s for %r: %s",
            *(row.status.value, request.target, one_line(error)),
            exc_info=trace,
            extra={"request_id": request_id(request.environ)},
        )


def expected_failure(error: BaseException | None) -> HTTPStatus | None:
    """Return the status of an exception that every protocol maps to 500 or above; None for any other."""
    row = next((row for row in COMMON if isinstance(error, row.error)), None)
    return row.status if row is not None and row.status >= 500 else None


def already_logged(response: HttpResponseBase) -> None:
    """Keep Django from logging an answer 5xx once more, and as a bug: it was logged in one line."""
    response._has_been_logged = True  # type: ignore[attr-defined]


def log_broken_body(body: Iterator[bytes], what: str) -> Iterator[bytes]:
    """Yield a body, and log an error in it; the server then breaks the connection, so that clients notice."""
    try:
        yield from body
    except StorageError as error:
        logger.error("%s broke off: %s", what, error)
        raise


def error_answer(
    request: Request,
    error: Exception,
    row: Row,
    content: Mapping[str, object],
    *,
    content_type: str = "application/json",
) -> Answer:
    """Build the answer to a request that failed, with `content` as its document."""
    told = ("X-Request-ID", request_id(request.environ))
    headers = [*error_headers(error, row.status, request.viewer), CACHE_NEVER, told]
    return json_answer(request, content, status=row.status, content_type=content_type, headers=headers)
