"""Delivers the bytes behind the data URLs of tickets, stored or derived (htsget 1.3, "HTTPS data block URLs").

The URL itself means a byte range of one stored file, so `Range` is relative to that range and a client can resume
inside it. Bytes are sent only after checking that the stored object is the registered one; if it is replaced during a
body, the connection breaks, so that the client notices the truncation.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import chain
from urllib.parse import quote

from django.conf import settings

from catalogue import queries
from catalogue.access import NO_LEASE
from catalogue.errors import NotFound
from catalogue.formats.intervals import ByteRange
from catalogue.queries import PIECE, StoredFile
from ga4gh.errors import log_broken_body
from ga4gh.etags import precondition, requested_range
from ga4gh.exchange import Answer, Header, Request, answer
from ga4gh.ranges import content_range, unsatisfied_range
from htsget_app import audit
from htsget_app.conversion import records
from htsget_app.delivery.tokens import SignedPart, digest_of_etag, verify
from htsget_app.errors import DataUrlRefused
from htsget_app.planning.recipes import Derived
from htsget_app.tickets import faults_noted

#: Bytes that nginx can send: one piece of its slice module, whose size is fixed in its configuration (docs/htsget.md).
MAX_ACCELERATED = 1 << 30

#: The sources of bytes that are made, by the first byte of a recipe: what marks their version, and who makes a body.
_SOURCES = {Derived.SOURCE: (records.WRITTEN_BY, records.make_body)}

_HEADERS = (
    ("Content-Type", "application/octet-stream"),
    ("Accept-Ranges", "bytes"),
    # The bytes do not change while the URL works, but only the viewer it was given to may have them.
    ("Cache-Control", "private, no-transform"),
)


def deliver(request: Request, token: str) -> Answer:
    """Answer with the bytes of a part, or the `Range` of them.

    The URL needs no credentials, because clients send none; its lease must still be valid. If credentials are sent,
    they must be of the viewer that the URL was given to. The delivery is recorded before it begins.

    Raises DataUrlAltered, DataUrlRefused, PermissionRefused and StorageError, all before the first byte.
    """
    part = verify(token)
    viewer, holder = request.viewer, part.lease.holder
    if viewer.name is not None and holder not in {bytes(8), viewer.holder}:
        raise DataUrlRefused("this data URL was given to somebody else")
    try:
        file = queries.leased_file(pk=part.file, lease=part.lease)
    except NotFound as error:
        raise DataUrlRefused("the file is no longer served; ask for a new ticket") from error
    if digest_of_etag(file.etag) != part.etag_digest or (not part.recipe and part.byte_range.end > file.size):
        raise DataUrlRefused("the file has been registered anew; ask for a new ticket")
    with faults_noted(file):
        queries.check_registered(file)
    given = _made(request, file, part) if part.recipe else _answer(request, file, part)
    audit.delivered(file, part, status=given.status, viewer=viewer)
    return given


def _answer(request: Request, file: StoredFile, part: SignedPart) -> Answer:
    etag = f'"{part.entity_tag}"'
    headers = (*_HEADERS, ("ETag", etag))
    if status := precondition(request.environ, etag):
        return answer(status, headers)
    if _accelerated(request, file, part.byte_range):
        return answer(
            HTTPStatus.OK, (*headers, _handed_over(file, part.byte_range, entity_tag=part.entity_tag))
        )
    begin = part.byte_range.begin

    def read(wanted: ByteRange) -> Iterator[bytes]:
        return _begun(file, ByteRange(begin + wanted.begin, begin + wanted.end))

    return _sent(request, part.byte_range.length, read, etag=etag, headers=headers)


def _made(request: Request, file: StoredFile, part: SignedPart) -> Answer:
    """Answer with bytes that a source makes, all of them before the first is sent."""
    version, make = _SOURCES[part.recipe[:1]]
    etag = f'"{part.entity_tag}-{version}"'
    *common, caching = _HEADERS
    if part.lease == NO_LEASE:
        caching = ("Cache-Control", f"public, max-age={settings.TICKET_URL_TTL}, no-transform")
    headers = (*common, caching, ("ETag", etag))
    if status := precondition(request.environ, etag):
        return answer(status, headers)
    with faults_noted(file):
        body = make(file, part.byte_range, part.recipe)
    return _sent(request, body.length, body.read, etag=etag, headers=headers)


def _sent(
    request: Request,
    length: int,
    read: Callable[[ByteRange], Iterator[bytes]],
    *,
    etag: str,
    headers: tuple[Header, ...],
) -> Answer:
    """Answer with `length` bytes, or the `Range` of them; `read` yields any range."""
    status, wanted = HTTPStatus.OK, ByteRange(0, length)
    if (asked := requested_range(request.environ, etag, method=request.method)) is not None:
        part = asked.within(length)
        if part is None:
            unsatisfied = (*headers, unsatisfied_range(length), ("Content-Length", "0"))
            return answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, unsatisfied)
        status, wanted = HTTPStatus.PARTIAL_CONTENT, ByteRange(*part)
        headers = (*headers, content_range(*part, length))
    headers = (*headers, ("Content-Length", str(wanted.length)))
    if request.method == "HEAD":
        return answer(status, headers)
    body = read(wanted)
    return answer(status, headers, b"".join(body) if wanted.length <= PIECE else body)


def _begun(file: StoredFile, where: ByteRange) -> Iterator[bytes]:
    """Read the first piece of a body, so that errors occur before the status is sent."""
    pieces = queries.stream_bytes(file, where)
    with faults_noted(file):
        first = next(pieces)
    return log_broken_body(chain((first,), _noted(file, pieces)), f"the delivery of data file {file.pk}")


def _noted(file: StoredFile, pieces: Iterator[bytes]) -> Iterator[bytes]:
    with faults_noted(file):
        yield from pieces


def _accelerated(request: Request, file: StoredFile, where: ByteRange) -> bool:
    return (
        settings.DATA_ACCEL_REDIRECT is not None
        and request.method == "GET"
        and where.length <= MAX_ACCELERATED
        and queries.is_local(file)
    )


def _handed_over(file: StoredFile, where: ByteRange, *, entity_tag: str) -> Header:
    """Return the header that tells nginx which bytes of which file to send; nginx then handles `Range` itself.

    `bytes` is what to ask of the file, `part` what to call it instead: docs/htsget.md has the configuration.
    """
    path = f"{settings.DATA_ACCEL_REDIRECT}/{quote(file.storage)}/{quote(file.key)}"
    asked = f"bytes={where.begin}-{where.end - 1}&part=0-{where.length - 1}/{where.length}&etag={entity_tag}"
    return "X-Accel-Redirect", f"{path}?{asked}"
