"""CORS: pages of every origin may use the protocols (htsget 1.3, "CORS"); genome browsers run in pages of other sites.

Uses django-cors-headers with the `CORS_…` settings: every origin is echoed, and credentials are never allowed, because
no answer depends on a cookie. The fast path, which bypasses Django, adds the same headers with `response_headers`.
"""

import re
from functools import lru_cache

from corsheaders import middleware
from corsheaders.conf import conf
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from ga4gh.exchange import Header
from ga4gh.protocol import is_protocol_path, protocol_at

_REQUESTED = "Access-Control-Request-Headers"
_ORDINARY_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|null")


class CrossOriginMiddleware(middleware.CorsMiddleware):
    """Allows the headers that a page requests, and the methods of the protocol.

    django-cors-headers supports only one fixed list of each.
    """

    def is_enabled(self, request: HttpRequest) -> bool:
        """Return whether the path is one of a protocol."""
        return is_protocol_path(request.path_info)

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        super().add_response_headers(request, response)
        if middleware.ACCESS_CONTROL_ALLOW_HEADERS in response.headers:
            protocol = protocol_at(request.path_info)
            assert protocol is not None
            response.headers[middleware.ACCESS_CONTROL_ALLOW_METHODS] = protocol.methods
            del response.headers[middleware.ACCESS_CONTROL_ALLOW_HEADERS]
            if requested := request.headers.get(_REQUESTED):
                response.headers[middleware.ACCESS_CONTROL_ALLOW_HEADERS] = requested
            patch_vary_headers(response, [_REQUESTED])
        return response


@lru_cache(maxsize=64)
def response_headers(origin: str) -> tuple[Header, ...] | None:
    """Return the headers that the middleware adds, except to a preflight; None for an unusual origin."""
    if _ORDINARY_ORIGIN.fullmatch(origin) is None:
        return None
    return (
        (middleware.ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (middleware.ACCESS_CONTROL_EXPOSE_HEADERS, ", ".join(conf.CORS_EXPOSE_HEADERS)),
    )
