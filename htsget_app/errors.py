"""From what went wrong to a status and an htsget error body: one table (htsget 1.3, "Errors").

A message says what the client did or may do; whatever is a fault of ours is told in the log only.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus

from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import UnreadablePostError

from catalogue.access import AuthenticationRequired, CredentialsUnverified, PermissionRefused
from catalogue.errors import (
    AmbiguousReference,
    FormatNotStored,
    NotFound,
    StorageError,
    StorageMisconfigured,
    StorageUnavailable,
)
from catalogue.rate_limits import TooMany

#: Seconds after which a client may try again, when a store or the database does not answer.
RETRY_AFTER = 10


class RequestError(Exception):
    """A request that cannot be answered as it stands; each kind has a row in `TABLE`."""


class InvalidInput(RequestError):
    """The parameters do not adhere to the specification."""


class InvalidRange(RequestError):
    """The range cannot be satisfied."""


class UnsupportedFormat(RequestError):
    """The format is not one that this can be had in."""


class PayloadTooLarge(RequestError):
    """The body of a POST is over `HTSGET_MAX_POST_BYTES`."""


class MethodNotAllowed(RequestError):
    """No such method here."""


class DataUrlRefused(RequestError):
    """A data URL that has expired, was given to somebody else, or is of a file that has since been registered anew."""


class DataUrlAltered(DataUrlRefused):
    """What should be a data URL is none that this site made."""


@dataclass(frozen=True, slots=True)
class Row:
    """How one kind of failure is answered; `told` replaces the words of an exception that are not for clients."""

    status: HTTPStatus
    name: str
    told: str | None = None


_UNREACHABLE = "the data cannot be read at the moment; please try again later"
_DAMAGED = "the stored file is not what was registered; its keepers have been told"

#: The first row whose class fits.
TABLE: tuple[tuple[type[Exception], Row], ...] = (
    (InvalidInput, Row(HTTPStatus.BAD_REQUEST, "InvalidInput")),
    (InvalidRange, Row(HTTPStatus.BAD_REQUEST, "InvalidRange")),
    (UnsupportedFormat, Row(HTTPStatus.BAD_REQUEST, "UnsupportedFormat")),
    (PayloadTooLarge, Row(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLarge")),
    (MethodNotAllowed, Row(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed")),
    (DataUrlRefused, Row(HTTPStatus.FORBIDDEN, "PermissionDenied")),
    (UnreadablePostError, Row(HTTPStatus.BAD_REQUEST, "InvalidInput", "the body breaks off")),
    (DisallowedHost, Row(HTTPStatus.BAD_REQUEST, "InvalidInput", "this site does not answer to that Host")),
    (AuthenticationRequired, Row(HTTPStatus.UNAUTHORIZED, "InvalidAuthentication")),
    (PermissionRefused, Row(HTTPStatus.FORBIDDEN, "PermissionDenied")),
    (CredentialsUnverified, Row(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")),
    (TooMany, Row(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests")),
    (NotFound, Row(HTTPStatus.NOT_FOUND, "NotFound")),
    (FormatNotStored, Row(HTTPStatus.BAD_REQUEST, "UnsupportedFormat")),
    (AmbiguousReference, Row(HTTPStatus.BAD_REQUEST, "InvalidInput")),
    (StorageUnavailable, Row(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", _UNREACHABLE)),
    (OperationalError, Row(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", _UNREACHABLE)),
    (InterfaceError, Row(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", _UNREACHABLE)),
    (StorageError, Row(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", _DAMAGED)),
    (StorageMisconfigured, Row(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", _DAMAGED)),
    (Exception, Row(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", "something went wrong here")),
)


def row_of(error: Exception) -> Row:
    """The row of an exception; there is one for each."""
    return next(row for kind, row in TABLE if isinstance(error, kind))


def error_body(name: str, message: str) -> bytes:
    """`{"htsget": {"error", "message"}}`, in ASCII."""
    return json.dumps({"htsget": {"error": name, "message": message}}).encode("ascii")
