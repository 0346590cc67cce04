"""What each process of `manage.py serve` runs: the WSGI application, once it is ready to answer as fast as ever."""

from typing import Any
from wsgiref.util import setup_testing_defaults

from django.db import connections

from htsget_app.warm_up import make_first_tickets
from htsgetsite.wsgi import application

__all__ = ["application"]


def _ask(path: str) -> None:
    """Sends one request through everything that requests go through."""
    environ: dict[str, Any] = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    b"".join(application(environ, lambda status, headers, error=None: print))


# The first of these imports every view.
_ask("/reads/service-info")
make_first_tickets()
# Requests are answered by other threads, which have connections of their own.
connections.close_all()
