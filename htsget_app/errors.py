"""The errors of htsget (htsget 1.3, "Errors"); rows of all protocols are in `ga4gh.errors`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from catalogue.errors import AmbiguousReference, CatalogueError
from ga4gh.errors import RequestError, Row


class ConversionFailed(CatalogueError):
    """htslib could not convert the records; the message gives the reason, for the log."""


class TooManyConversions(CatalogueError):
    """As many conversions run in this process as `STREAM_LIMIT` allows."""

    def __init__(self) -> None:
        super().__init__("too many conversions are running; please try again soon")


class NoRoom(CatalogueError):
    """The disk of the home is full, where records are converted."""

    def __init__(self) -> None:
        super().__init__("the disk of the home is full: records cannot be converted")


class ReferenceMissing(CatalogueError):
    """Records cannot be decoded or encoded because reference sequences are missing."""


class InvalidInput(RequestError):
    """The parameters do not adhere to the specification."""


class InvalidRange(RequestError):
    """The range cannot be satisfied."""


class UnsupportedFormat(RequestError):
    """The file is not available in this format."""


class PayloadTooLarge(RequestError):
    """The body of a POST is over `HTSGET_MAX_POST_BYTES`, or it asks for too many regions."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class DataUrlRefused(RequestError):
    """A data URL that has expired, was given to somebody else, or is of a file that has since been registered anew."""

    status = HTTPStatus.FORBIDDEN


class DataUrlAltered(DataUrlRefused):
    """The text after /data/ is not a token that this site signed."""


#: Rows in addition to those of all protocols.
ROWS: Final = (
    Row(ReferenceMissing, HTTPStatus.BAD_REQUEST),
    Row(TooManyConversions, HTTPStatus.SERVICE_UNAVAILABLE),
    Row(
        NoRoom,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "records cannot be converted at the moment; please try again later",
    ),
    Row(ConversionFailed, HTTPStatus.INTERNAL_SERVER_ERROR, "the stored records could not be converted"),
    Row(AmbiguousReference, HTTPStatus.BAD_REQUEST),
)

#: The specification's error types, by exception, else by status.
_NAMES_OF_ERRORS: Final = {
    InvalidRange: "InvalidRange",
    UnsupportedFormat: "UnsupportedFormat",
    ReferenceMissing: "UnsupportedFormat",
}
_NAMES: Final = {
    HTTPStatus.BAD_REQUEST: "InvalidInput",
    HTTPStatus.UNAUTHORIZED: "InvalidAuthentication",
    HTTPStatus.FORBIDDEN: "PermissionDenied",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "PayloadTooLarge",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


def error_document(error: Exception, status: HTTPStatus, message: str) -> Mapping[str, object]:
    """Build `{"htsget": {"error", "message"}}`."""
    name = _NAMES_OF_ERRORS.get(type(error)) or _NAMES.get(status, "InternalError")
    return {"htsget": {"error": name, "message": message}}
