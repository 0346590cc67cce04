"""The first middleware: gives every request an id and a client address, and rejects what is too long to be read.

Pages also get a Content-Security-Policy.
"""

import ipaddress
import re
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from catalogue import request_context
from ga4gh.protocol import protocol_at
from htsgetsite.page_middleware import is_page

_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: Pages run no script and load nothing but the site's own.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


class RequestMiddleware:
    """Begin the request context, from which the audit takes id and address, and the log the id. Has to come first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        here = request_context.RequestContext(
            address=client_address(request.META), request_id=_request_id(request.META)
        )
        request_context.begin(here)
        if _header_bytes(request.META) > settings.MAX_HEADER_BYTES:
            return HttpResponse("The headers are too long.\n", status=431, content_type="text/plain")
        # Protocols bound their own bodies.
        page = is_page(request.path_info)
        if page and _body_bytes(request.META) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return HttpResponse("The body is too long.\n", status=413, content_type="text/plain")
        response = self._get_response(request)
        if page:
            response.headers.setdefault("Content-Security-Policy", _POLICY)
        if response.status_code >= 400 and not _has_fast_path(request.path_info):
            # For whoever reports it: the log and the audit have it too.
            response.headers["X-Request-ID"] = here.request_id
        return response


def _has_fast_path(path: str) -> bool:
    """Whether some answers to such paths leave in front of Django, without an id; then no answer has one."""
    protocol = protocol_at(path)
    return protocol is not None and protocol.has_fast_path


class ActorMiddleware:
    """Let the audit of pages ask whose session it is. Comes after AuthenticationMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_page(request.path_info):
            request_context.current_context().session = lambda: _actor(request)
        return self._get_response(request)


def _actor(request: HttpRequest) -> request_context.Actor:
    user = request.user
    return (
        request_context.Actor(user.get_username(), user.pk)
        if user.is_authenticated
        else request_context.NOBODY
    )


@receiver(request_finished)
def _finished(**_: Any) -> None:
    """End the request context when the last byte is sent."""
    request_context.end()


def client_address(environ: Mapping[str, Any]) -> str | None:
    """Return the address of the client, without a zone: the connection's peer, or what trusted proxies say.

    None where it is not an IP address.
    """
    given = environ.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY:
        # The client itself may have written what stands before the entries of the proxies.
        told = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-settings.PROXY_HOPS :]
        given = told[0].strip() or given
    try:
        return str(ipaddress.ip_address(given.partition("%")[0]))
    except ValueError:
        return None


def _request_id(environ: Mapping[str, Any]) -> str:
    given = environ.get("HTTP_X_REQUEST_ID", "")
    if settings.TRUST_PROXY and _ID.fullmatch(given):
        return str(given)
    return uuid.uuid4().hex


def _body_bytes(environ: Mapping[str, Any]) -> int:
    """Return the declared length. Without one there is no body: Django reads no further than it."""
    declared = environ.get("CONTENT_LENGTH") or "0"
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 19 else sys.maxsize


def _header_bytes(environ: Mapping[str, Any]) -> int:
    return sum(len(name) + len(value) for name, value in environ.items() if name.startswith("HTTP_"))
