"""The HTTP methods of htsget in Django: each makes a request, asks `answers` or `data`, and sends what it is told."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from rest_framework.views import APIView

from catalogue.access import ANONYMOUS, Viewer
from catalogue.errors import NotFound
from catalogue.formats.intervals import ByteRange
from catalogue.queries import FileRecord
from htsget_app import answers, data, params
from htsget_app.blocks import Limits
from htsget_app.errors import RETRY_AFTER, MethodNotAllowed, PayloadTooLarge, error_body, row_of
from htsget_app.negotiation import ticket_type
from htsget_app.service_info import Service, registry_entries, service_info
from htsget_app.slices import FileSlice, digest_of_etag, seal

logger = logging.getLogger(__name__)

#: Of this service, not of the protocol.
VERSION = "0.1.0"

_FOR_A_WHILE = "public, max-age=300"


class HtsgetView(APIView):
    """A resource of the protocol: bearer tokens only, never a cookie; whatever goes wrong has an htsget error body."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing to do first: `htsget_app.negotiation` chooses the form, and `catalogue.access` what may be had."""

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> NoReturn:
        """405."""
        raise MethodNotAllowed(
            f"{request.method} is not possible here, only {', '.join(self.allowed_methods)}"
        )

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """What may be asked (RFC 9110 §9.3.7)."""
        response = HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})
        del response.headers["Content-Type"]
        return response

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """The answer that the table of errors has for what went wrong."""
        row = row_of(exc)
        if row.status >= 500:
            # Not the path: that of a data URL opens data.
            asked = self.kwargs.get("id", "a data URL")
            logger.error("%s for %s: %s", row.status.value, asked, exc, exc_info=exc)
        response = _json(error_body(row.name, row.told or str(exc)), status=row.status)
        if row.status == 401:
            response.headers["WWW-Authenticate"] = _challenge(self.request)
        elif row.status == 405:
            response.headers["Allow"] = ", ".join(self.allowed_methods)
        elif row.status == 503:
            response.headers["Retry-After"] = str(RETRY_AFTER)
        return response

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: an answer is complete as it is made."""
        return {}


class TicketView(HtsgetView):
    """`/reads/<id>` and `/variants/<id>`."""

    def get(self, request: Any, kind: str, id: str) -> HttpResponseBase:
        """A ticket for what the query asks; HEAD is the same without the body."""
        query = request.META.get("QUERY_STRING", "")
        return self._ticket(params.from_query(kind=kind, id=id, query=query))

    head = get

    def post(self, request: Any, kind: str, id: str) -> HttpResponseBase:
        """A ticket for what the body asks."""
        query = request.META.get("QUERY_STRING", "")
        return self._ticket(params.from_body(kind=kind, id=id, query=query, body=_body(request)))

    def _ticket(self, asked: params.TicketRequest) -> HttpResponse:
        limits = Limits(inline=settings.HTSGET_INLINE_BYTES, most_block=settings.HTSGET_MAX_BLOCK_BYTES)
        ticket = answers.ticket(asked, viewer=_viewer(self.request), limits=limits)
        response = _json(ticket.json(_url_of(self.request, ticket.file)))
        response.headers["Content-Type"] = ticket_type(self.request.META.get("HTTP_ACCEPT", ""))
        response.headers["Vary"] = "Accept"
        return response


class DataView(HtsgetView):
    """`/data/<token>`."""

    def get(self, request: Any, token: str) -> HttpResponseBase:
        """The bytes of a slice; HEAD is the same without the body."""
        return data.deliver(request._request, token, viewer=_viewer(request))

    head = get


class ServiceInfoView(HtsgetView):
    """`/reads/service-info` and `/variants/service-info`."""

    def get(self, request: Any, kind: str) -> HttpResponseBase:
        """The document, for reads or for variants."""
        return _json(json.dumps(service_info(_service(), kind)).encode("ascii"), cache=_FOR_A_WHILE)

    head = get


class ServicesView(HtsgetView):
    """`/services`: what is served here, as a GA4GH service registry lists it."""

    def get(self, request: Any) -> HttpResponseBase:
        """One entry each for reads and for variants."""
        entries = registry_entries(_service(), base_url=_absolute(request, ""))
        return _json(json.dumps(entries).encode("ascii"), cache=_FOR_A_WHILE)

    head = get


class NothingView(HtsgetView):
    """Paths below ours that name no id."""

    def get(self, request: Any) -> HttpResponseBase:
        """404."""
        raise NotFound("the path names no id")

    head = post = get


def _service() -> Service:
    return Service(
        id=settings.SERVICE_ID,
        name=settings.SERVICE_NAME,
        description=settings.SERVICE_DESCRIPTION,
        organization_name=settings.SERVICE_ORGANIZATION_NAME,
        organization_url=settings.SERVICE_ORGANIZATION_URL,
        contact_url=settings.SERVICE_CONTACT_URL,
        environment=settings.SERVICE_ENVIRONMENT,
        version=VERSION,
    )


def _viewer(request: Any) -> Viewer:
    """Who asks. No credentials can be valid yet, so those that are shown open no more than none."""
    return ANONYMOUS


def _challenge(request: Any) -> str:
    """What 401 says is needed (RFC 6750 §3)."""
    return 'Bearer error="invalid_token"' if "HTTP_AUTHORIZATION" in request.META else "Bearer"


def _body(request: Any) -> bytes:
    """The body of a POST. Raises PayloadTooLarge, before it is read where its length is told."""
    most = settings.HTSGET_MAX_POST_BYTES
    told = request.META.get("CONTENT_LENGTH", "")
    too_long = told.isascii() and told.isdigit() and int(told[:20]) > most
    # Django takes a body without a length for none; the server knows where one that comes in chunks ends.
    chunked = request.META.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    source = request.META["wsgi.input"] if chunked else request._request
    body = b"" if too_long else source.read(most + 1)
    if too_long or len(body) > most:
        raise PayloadTooLarge(f"the body is over {most} bytes")
    return bytes(body)


def _absolute(request: Any, path: str) -> str:
    """The URL of a path below the site, as clients reach it."""
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL}{path}"
    return f"{request.scheme}://{request.get_host()}{get_script_prefix().rstrip('/')}{path}"


def _url_of(request: Any, file: FileRecord) -> Callable[[ByteRange], str]:
    """Gives the URLs of slices of a file, all good until the same time."""
    base = _absolute(request, "/data/")
    expires = int(time.time()) + settings.TICKET_URL_TTL
    etag = digest_of_etag(file.etag)
    return lambda where: f"{base}{seal(FileSlice(file.pk, etag, where), expires=expires)}"


def _json(body: bytes, *, status: int = 200, cache: str = "no-store") -> HttpResponse:
    return HttpResponse(
        body,
        status=status,
        content_type="application/json",
        headers={"Content-Length": str(len(body)), "Cache-Control": cache},
    )
