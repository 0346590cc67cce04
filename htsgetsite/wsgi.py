"""The WSGI application: refget's fast path for known sequences, Django behind it, and observed as a whole."""

import os
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "htsgetsite.settings")

_django = get_wsgi_application()

# Django has to be set up before these packages are imported.
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from ga4gh.protocol import protocol_at  # noqa: E402
from htsgetsite.observability.requests import ObservedApplication  # noqa: E402
from htsgetsite.observability.statements import observe_statements  # noqa: E402
from htsgetsite.own_folders import make_own_folders  # noqa: E402
from htsgetsite.request_middleware import UPLOADS  # noqa: E402
from refget_app.fast_path import RefgetFastPath  # noqa: E402


def _largest_body(path: str) -> int:
    protocol = protocol_at(path)
    of_protocol = 0 if protocol is None else protocol.max_body
    return max(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.HTSGET_MAX_POST_BYTES, of_protocol)


def _whole(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Read the request body before Django runs, and join a response body that is in memory.

    Django takes a database connection before it reads a body, so a slow client would hold one. The server sends a
    single chunk faster, and with a Content-Length.
    """
    if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        # One byte over the largest limit, so that a view can see that a body of unknown length is too long.
        limit = _largest_body(environ.get("PATH_INFO", "")) + 1
        # The parts of uploads are large: their view reads them, once it knows who sends them.
        if not environ.get("PATH_INFO", "").startswith(UPLOADS):
            environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(limit))
    response = _django(environ, start_response)
    if response.streaming:
        _give_back_pooled_connections()
        return response
    body = b"".join(response)
    response.close()
    return [body]


def _give_back_pooled_connections() -> None:
    """Return connections to the pool, because a client may take hours to receive a streamed body."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool"):
            connection.close()


make_own_folders()
observe_statements()
fast_path = RefgetFastPath(_whole)
application = ObservedApplication(fast_path)
