"""Other WSGI applications, to compare with refget's fast path, on the same server as `manage.py serve`.

`python -m bench.refget_apps APP PORT WORKERS`, where APP is one of three.

`django`: the site without the fast path, so the DRF view. `bare`: a Django function view that returns 1,000 bytes,
behind the same middleware. `callable`: a WSGI function that returns 1,000 bytes, the upper bound for the server.
"""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest, HttpResponse
from django.urls import re_path

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

BODY = b"A" * 1000


def view(request: HttpRequest) -> HttpResponse:
    """Return 1,000 bytes from a minimal view."""
    return HttpResponse(BODY, content_type="text/plain")


urlpatterns = [re_path("", view)]


def callable_(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Return 1,000 bytes from a minimal application."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
    return [BODY]


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Call the application that BENCH_APP names."""
    return cast("Iterable[bytes]", _application(environ, start_response))


def _chosen(name: str) -> Any:
    if name == "callable":
        return callable_
    from htsgetsite import wsgi

    if name == "bare":
        from django.conf import settings

        settings.ROOT_URLCONF = "bench.refget_apps"
    return wsgi.fast_path.site


if __name__ == "__main__":
    import django
    from granian.constants import HTTPModes, Interfaces
    from granian.server import Server

    os.environ["BENCH_APP"] = sys.argv[1]
    # The numbers are in a module that needs the applications; workers are as bare as they were.
    django.setup()
    from htsgetsite.server import CONNECTIONS, THREADS

    Server(
        "bench.refget_apps:application",
        address="127.0.0.1",
        port=int(sys.argv[2]),
        interface=Interfaces.WSGI,
        workers=int(sys.argv[3]),
        blocking_threads=THREADS,
        backpressure=CONNECTIONS,
        http=HTTPModes.http1,
        websockets=False,
    ).serve()
elif "BENCH_APP" in os.environ:
    _application = _chosen(os.environ["BENCH_APP"])
