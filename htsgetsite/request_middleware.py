"""The first middleware: give every request an id and a client address, and reject headers and bodies over the limits.

It also adds a Content-Security-Policy to pages.
"""

import ipaddress
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from catalogue import request_context
from catalogue.storage import PART
from ga4gh.exchange import request_id
from htsgetsite.page_middleware import is_page

#: Where a request's context is kept in its WSGI environment.
CONTEXT: Final = "htsgetsite.context"
#: Pages run no scripts and load only files of the site.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
#: Where the desk takes the parts of uploads, whose bodies may be larger than those of other pages.
UPLOADS: Final = "/admin/uploads/"


class RequestMiddleware:
    """Begin the request context, which gives the audit the id and address, and the log the id. Must come first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        here = request_context.RequestContext(
            address=client_address(request.META), request_id=request_id(request.META)
        )
        request.META[CONTEXT] = here
        request_context.begin(here)
        if _header_bytes(request.META) > settings.MAX_HEADER_BYTES:
            return HttpResponse("The headers are too long.\n", status=431, content_type="text/plain")
        # Protocols limit their own bodies.
        page = is_page(request.path_info)
        largest = PART if request.path_info.startswith(UPLOADS) else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if page and _body_bytes(request.META) > largest:
            return HttpResponse("The body is too long.\n", status=413, content_type="text/plain")
        response = self._get_response(request)
        if page:
            response.headers.setdefault("Content-Security-Policy", _POLICY)
        if response.status_code >= 400:
            # People can quote the id when they report a problem; the log and the audit have it too.
            response.headers["X-Request-ID"] = here.request_id
        return response


class ActorMiddleware:
    """Give the audit of pages the account of the session. Must come after AuthenticationMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_page(request.path_info):
            here = request_context.current_context()
            here.session = lambda: _actor(request)
            if settings.SESSION_COOKIE_NAME in request.COOKIES:
                here.account = here.actor.name
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
    """Return the client's IP address without a zone: of the connection, or from X-Forwarded-For behind trusted proxies.

    None if it is not an IP address.
    """
    given = environ.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY:
        # Entries before those of the trusted proxies may come from the client itself.
        told = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-settings.PROXY_HOPS :]
        given = told[0].strip() or given
    try:
        return str(ipaddress.ip_address(given.partition("%")[0]))
    except ValueError:
        return None


def _body_bytes(environ: Mapping[str, Any]) -> int:
    """Return the Content-Length; without one there is no body, because Django reads no further than it."""
    declared = environ.get("CONTENT_LENGTH") or "0"
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 19 else sys.maxsize


def _header_bytes(environ: Mapping[str, Any]) -> int:
    return sum(len(name) + len(value) for name, value in environ.items() if name.startswith("HTTP_"))
