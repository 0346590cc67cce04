"""The WSGI application: the short way for known sequences, and Django behind it."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "htsgetsite.settings")

_django = get_wsgi_application()

# Settings have to be in place before a room is imported.
from django.db import connections  # noqa: E402

from htsgetsite.own_folders import make_own_folders  # noqa: E402
from refget_app.fast_path import RefgetFastPath  # noqa: E402


def _whole(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Gives a body that is in memory anyway to the server in one piece: it sends that with a length, and faster."""
    response = _django(environ, start_response)
    if response.streaming:
        _give_back_pooled_connections()
        return response
    body = b"".join(response)
    response.close()
    return [body]


def _give_back_pooled_connections() -> None:
    """A body may take its client hours; a connection shared among threads is not to wait for that."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool"):
            connection.close()


make_own_folders()
application = RefgetFastPath(_whole)
