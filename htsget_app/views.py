"""The HTTP methods of htsget in Django: each makes a request, asks `answers` or `data`, and sends what it is told."""

import json
import logging
from collections.abc import Sequence
from typing import Any, NoReturn

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from catalogue.access import ANONYMOUS
from catalogue.errors import NotFound
from catalogue.rate_limits import TooMany, count_failure
from catalogue.request_context import current_context
from htsget_app import audit, params, tickets
from htsget_app.delivery import stored
from htsget_app.delivery.urls import part_urls
from htsget_app.errors import (
    RETRY_AFTER,
    DataUrlAltered,
    MethodNotAllowed,
    PayloadTooLarge,
    error_body,
    row_of,
)
from htsget_app.media_types import ticket_type
from htsget_app.planning.parts import Limits
from htsget_app.service_info import Service, registry_entries, service_info

logger = logging.getLogger(__name__)

_FOR_A_WHILE = "public, max-age=300"


class HtsgetView(APIView):
    """A resource of the protocol: bearer tokens only, never a cookie; whatever goes wrong has an htsget error body."""

    authentication_classes: Sequence[Any] = ()
    permission_classes: Sequence[Any] = ()
    throttle_classes: Sequence[type[BaseThrottle]] = ()

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing to do first: `htsget_app.media_types` chooses the form, and `catalogue.access` what may be had."""

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
        elif isinstance(exc, TooMany):
            response.headers["Retry-After"] = str(exc.wait)
        return response

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: an answer is complete as it is made."""
        return {}


class _GuardedView(HtsgetView):
    """A resource that depends on who asks: that is found out first, and whatever comes of it goes into the audit."""

    authentication_classes = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    viewer = ANONYMOUS

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Finds out who asks, and whether they ask too often."""
        if request.method != "OPTIONS":
            self.viewer = request.auth or ANONYMOUS
            self.check_throttles(request)

    def throttled(self, request: Any, wait: float) -> NoReturn:
        """429."""
        raise TooMany(int(wait))

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """The same, recorded. An answer that gives nothing away is given even where it cannot be recorded."""
        response = super().handle_exception(exc)
        if isinstance(exc, TooMany):
            # These come in floods, which are not to fill the audit.
            logger.warning("too many requests from %s", current_context().address)
        else:
            try:
                self.record_failure(exc)
            except DatabaseError:
                logger.exception("a failure could not be recorded")
        return response

    def record_failure(self, error: Exception) -> None:
        """Tells the audit that the request came to nothing."""
        raise NotImplementedError


class TicketView(_GuardedView):
    """`/reads/<id>` and `/variants/<id>`."""

    throttle_classes: Sequence[Any] = api_settings.DEFAULT_THROTTLE_CLASSES

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
        if asked.regions is not None and len(asked.regions) > settings.HTSGET_MAX_REGIONS:
            raise PayloadTooLarge(f"more than {settings.HTSGET_MAX_REGIONS} regions are asked for at once")
        limits = Limits(inline=settings.HTSGET_INLINE_BYTES, max_part_bytes=settings.HTSGET_MAX_BLOCK_BYTES)
        ticket = tickets.ticket(asked, viewer=self.viewer, limits=limits)
        audit.ticket_given(ticket, asked, viewer=self.viewer)
        response = _json(ticket.json(part_urls(ticket.file, data_url=_absolute(self.request, "/data/"))))
        response.headers["Content-Type"] = ticket_type(self.request.META.get("HTTP_ACCEPT", ""))
        response.headers["Vary"] = "Accept, Authorization"
        return response

    def record_failure(self, error: Exception) -> None:
        target = f"{self.kwargs.get('kind')}/{self.kwargs.get('id')}"
        audit.ticket_refused(error, target=target, viewer=self.viewer)


class DataView(_GuardedView):
    """`/data/<token>`."""

    def get(self, request: Any, token: str) -> HttpResponseBase:
        """The bytes of a slice; HEAD is the same without the body."""
        try:
            return stored.deliver(request._request, token, viewer=self.viewer)
        except DataUrlAltered:
            count_failure(current_context().address, settings.THROTTLE_FAILURES)
            raise

    head = get

    def record_failure(self, error: Exception) -> None:
        audit.delivery_refused(error, viewer=self.viewer)


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
        version=settings.SERVICE_VERSION,
    )


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


def _json(body: bytes, *, status: int = 200, cache: str = "no-store") -> HttpResponse:
    return HttpResponse(
        body,
        status=status,
        content_type="application/json",
        headers={"Content-Length": str(len(body)), "Cache-Control": cache},
    )
