"""Leave for pages of every origin to use htsget (htsget 1.3, CORS): genome browsers run in somebody else's page.

django-cors-headers does it, under the `CORS_…` settings of this site: any origin is echoed and credentials are never
allowed, for no answer depends on a cookie. Refget says the same in its own answers, which also leave by a door in
front of Django.
"""

from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

_ASKED = "Access-Control-Request-Headers"
_ALLOWED = "Access-Control-Allow-Headers"


class CrossOriginMiddleware(CorsMiddleware):
    """Allows the very headers that a page asks to send, where django-cors-headers knows a fixed list only."""

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        super().add_response_headers(request, response)
        if _ALLOWED in response.headers:
            del response.headers[_ALLOWED]
            if asked := request.headers.get(_ASKED):
                response.headers[_ALLOWED] = asked
            patch_vary_headers(response, [_ASKED])
        return response
