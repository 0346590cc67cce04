"""The WSGI application: refget's fast path for known sequences, and Django behind it."""

import os
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "htsgetsite.settings")

_django = get_wsgi_application()

# Settings have to be in place before other packages are imported.
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from htsgetsite.own_folders import make_own_folders  # noqa: E402
from refget_app.fast_path import RefgetFastPath  # noqa: E402


def _whole(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Read the request's body before Django runs, and hand a body that is in memory to the server in one piece.

    Django takes a connection to the database before it reads a body; a slow sender would keep it. And the server sends
    one piece with a length, and faster.
    """
    if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        # One byte more than anything accepts, so that whoever bounds a body of unknown length sees it.
        limit = max(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.HTSGET_MAX_POST_BYTES) + 1
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(limit))
    response = _django(environ, start_response)
    if response.streaming:
        _give_back_pooled_connections()
        return response
    body = b"".join(response)
    response.close()
    return [body]


def _give_back_pooled_connections() -> None:
    """Return connections to the pool: a body may take its client hours."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool"):
            connection.close()


make_own_folders()
application = RefgetFastPath(_whole)
