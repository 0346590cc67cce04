"""Delivers the bytes behind the data URLs of tickets (htsget 1.3, "HTTPS data block URLs").

The URL itself names a slice of one stored file, so a `Range` is relative to the slice and a client can resume in the
middle of it. A byte leaves only after the stored object was found to be the registered one; where that ends in the
middle of a body, the connection breaks, so that no client takes what it has for whole.
"""

import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from catalogue import queries
from catalogue.access import Viewer
from catalogue.errors import NotFound, StorageError
from catalogue.formats.intervals import ByteRange
from catalogue.queries import PIECE, StoredFile
from htsget_app import audit
from htsget_app.delivery.tokens import FileSlice, digest_of_etag, unseal
from htsget_app.errors import DataUrlRefused
from htsget_app.tickets import faults_noted

logger = logging.getLogger(__name__)

#: nginx fetches a slice as one piece of its slice module, whose size is fixed in its configuration: see docs/htsget.md.
MAX_ACCELERATED = 1 << 30

_ALWAYS = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    # The same bytes for as long as the URL works, but for nobody beside whom it was given to.
    "Cache-Control": "private, no-transform",
}
# int() refuses text of thousands of digits, and no file is as long as 19 of them.
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.IGNORECASE)


def deliver(request: HttpRequest, token: str, *, viewer: Viewer) -> HttpResponseBase:
    """The bytes of a slice, or those that `Range` asks of it.

    The URL opens what it names by itself, as clients send it without credentials; what it rests on must still stand.
    Whoever does show credentials has to be the one that it was given to. The delivery is recorded before it begins.

    Raises DataUrlAltered, DataUrlRefused, PermissionRefused and StorageError, all before the first byte.
    """
    piece = unseal(token)
    holder = piece.lease.holder
    if viewer.name is not None and holder not in {bytes(8), viewer.holder}:
        raise DataUrlRefused("this data URL was given to somebody else")
    try:
        file = queries.leased_file(pk=piece.file, lease=piece.lease)
    except NotFound as error:
        raise DataUrlRefused("the file is no longer served; ask for a new ticket") from error
    if digest_of_etag(file.etag) != piece.etag_digest or piece.where.end > file.size:
        raise DataUrlRefused("the file has been registered anew; ask for a new ticket")
    with faults_noted(file):
        queries.check_registered(file)
    response = _response(request, file, piece)
    audit.delivered(
        file, piece, range=request.META.get("HTTP_RANGE", ""), status=response.status_code, viewer=viewer
    )
    for name, value in _ALWAYS.items():
        response.headers[name] = value
    return response


def _response(request: HttpRequest, file: StoredFile, piece: FileSlice) -> HttpResponseBase:
    etag = f'"{piece.entity_tag}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None and _accelerated(request, file, piece.where):
        response = _handed_over(file, piece.where, entity_tag=piece.entity_tag)
    if response is None:
        response = _sent(request, file, piece.where, etag=etag)
    response.headers["ETag"] = etag
    return response


def _sent(request: HttpRequest, file: StoredFile, whole: ByteRange, *, etag: str) -> HttpResponseBase:
    asked = request.META.get("HTTP_RANGE")
    if_range = request.META.get("HTTP_IF_RANGE")
    part = None
    # Ranges are defined for GET alone, and a client whose part is of something else gets the whole (RFC 9110 §14.2).
    if request.method == "GET" and asked is not None and (if_range is None or if_range.strip() == etag):
        part = requested_part(asked, length=whole.length)
    if part is not None and part.begin >= part.end:
        return HttpResponse(
            status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            headers={"Content-Range": f"bytes */{whole.length}", "Content-Length": "0"},
        )
    wanted = part or ByteRange(0, whole.length)
    headers = {"Content-Length": str(wanted.length)}
    if part is not None:
        headers["Content-Range"] = f"bytes {part.begin}-{part.end - 1}/{whole.length}"
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    stored = ByteRange(whole.begin + wanted.begin, whole.begin + wanted.end)
    body = _begun(file, stored)
    if stored.length <= PIECE:
        return HttpResponse(b"".join(body), status=status, headers=headers)
    return StreamingHttpResponse(body, status=status, headers=headers)


def requested_part(header: str, *, length: int) -> ByteRange | None:
    """What a Range header asks of `length` bytes (RFC 9110 §14.1.2); empty where it cannot be satisfied.

    None for a header that is to be ignored: malformed, of another unit, or with several ranges.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return ByteRange(max(length - int(suffix), 0), length)
    begin, end = int(first), int(last) + 1 if last else length
    if last and end <= begin:
        return None
    return ByteRange(begin, min(end, length)) if begin < length else ByteRange(length, length)


def _begun(file: StoredFile, where: ByteRange) -> Iterator[bytes]:
    """The pieces of a body, the first of them read already: what is wrong shows before the answer has a status."""
    pieces = queries.stream_bytes(file, where)
    with faults_noted(file):
        first = next(pieces)
    return chain((first,), _watched(file, pieces))


def _watched(file: StoredFile, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        with faults_noted(file):
            yield from pieces
    except StorageError as error:
        logger.error("the delivery of data file %s broke off: %s", file.pk, error)
        raise


def _accelerated(request: HttpRequest, file: StoredFile, where: ByteRange) -> bool:
    return (
        settings.DATA_ACCEL_REDIRECT is not None
        and request.method == "GET"
        and where.length <= MAX_ACCELERATED
        and queries.is_local(file)
    )


def _handed_over(file: StoredFile, where: ByteRange, *, entity_tag: str) -> HttpResponse:
    """Tells nginx which bytes of which file are the whole of what was asked; parts of it are then its own work.

    `bytes` is what to ask of the file, `part` what to call it instead: docs/htsget.md has the configuration.
    """
    path = f"{settings.DATA_ACCEL_REDIRECT}/{quote(file.storage)}/{quote(file.key)}"
    asked = f"bytes={where.begin}-{where.end - 1}&part=0-{where.length - 1}/{where.length}&etag={entity_tag}"
    return HttpResponse(headers={"X-Accel-Redirect": f"{path}?{asked}"})
