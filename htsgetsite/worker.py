"""The module that each worker of `manage.py serve` loads: warms the process up and holds the WSGI application."""

import gc
from multiprocessing.util import Finalize
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.db import connections

from catalogue import audit
from htsget_app.warm_up import make_first_tickets
from htsgetsite.connection_guard import ConnectionGuard
from htsgetsite.database import share_connections
from htsgetsite.observability import requests
from htsgetsite.observability.traces import start_traces
from htsgetsite.wsgi import application

__all__ = ["application"]

#: Objects made between two searches for garbage, some fifty tickets: few of them are in cycles, and searches take long.
_MADE_BETWEEN_SEARCHES = 50_000


def _ask(path: str) -> None:
    """Send one request through all layers of the application."""
    environ: dict[str, Any] = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    b"".join(application(environ, lambda status, headers, error=None: print))


share_connections()
if settings.TRACES:
    start_traces()
# The first request imports every view.
_ask("/reads/service-info")
make_first_tickets()
# Other threads answer the requests, with connections of their own.
connections.close_all()
# A worker ends without the hooks of `atexit`.
for write_what_waits in (audit.write_in_batches(), requests.write_in_batches()):
    Finalize(None, write_what_waits, exitpriority=1)
# Behind a proxy every connection has the proxy's address, and the proxy limits the connections of each client.
ConnectionGuard(
    max_per_address=None if settings.TRUST_PROXY else settings.MAX_CONNECTIONS_PER_ADDRESS
).start()
# What is loaded by now lives to the end. To search it would write to memory that is shared with the server.
gc.freeze()
gc.set_threshold(_MADE_BETWEEN_SEARCHES)
