"""Leave for pages of every origin to use htsget (htsget 1.3, CORS): genome browsers run in somebody else's page.

The answer depends on no cookie, so an origin is simply echoed and credentials are never allowed. The headers that a
page asks for are echoed as well, which django-cors-headers does not do. Refget says the same in its own answers, which
also leave by a door in front of Django.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

PATHS = ("/reads/", "/variants/", "/data/", "/services")

_PREFLIGHT_SECONDS = str(30 * 24 * 3600)
_EXPOSED = "Accept-Ranges, Content-Length, Content-Range, ETag, Retry-After, WWW-Authenticate"


class CrossOriginMiddleware:
    """Answers preflight requests to `PATHS`, and adds the consent to their responses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PATHS):
            return self._get_response(request)
        origin = request.META.get("HTTP_ORIGIN")
        if origin and request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META:
            response: HttpResponseBase = HttpResponse(status=204)
            response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, OPTIONS"
            response.headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
            asked = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
            if asked:
                response.headers["Access-Control-Allow-Headers"] = asked
            patch_vary_headers(response, ["Access-Control-Request-Method", "Access-Control-Request-Headers"])
        else:
            response = self._get_response(request)
            if origin:
                response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if origin:
            response.headers["Access-Control-Allow-Origin"] = origin
        # Also without an origin: a cache must not give this answer to a page of another one.
        patch_vary_headers(response, ["Origin"])
        return response
