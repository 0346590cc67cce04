"""`/metrics`: what all processes of this server counted, in the format of Prometheus.

Served on the site behind a bearer token (`METRICS_TOKEN`), on an address of its own (`METRICS_LISTEN`), or not at all.
"""

import hmac
import os
import platform
import re
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app, multiprocess
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from catalogue.queries.job_counts import open_parts, run_counts
from htsgetsite import __version__
from htsgetsite.observability.process_files import VARIABLE

#: What is read at each request and not counted: name, type, meaning, labels.
OWN_METRICS: Final = (
    ("htsgetsite_build", "info", "Versions of the site and its parts.", ("version", "python", "django")),
    (
        "htsgetsite_runs",
        "gauge",
        "Runs of commands and background jobs of the whole site, by outcome; queued and running ones are among them.",
        ("command", "outcome"),
    ),
    ("htsgetsite_open_parts", "gauge", "Parts of background jobs that workers have not done.", ()),
)
_BUILD, _RUNS, _OPEN_PARTS = OWN_METRICS
_LIVE_GAUGE: Final = re.compile(r"gauge_live\w*_(\d+)\.db")


class BuildInfo(Collector):
    """The versions of what runs."""

    def collect(self) -> list[InfoMetricFamily]:
        """Return the one metric."""
        versions = {
            "version": __version__,
            "python": platform.python_version(),
            "django": django.get_version(),
        }
        name, _, meaning, _ = _BUILD
        return [InfoMetricFamily(name, meaning, value=versions)]


class Jobs(Collector):
    """Runs and jobs of the whole site, from the database; nothing while it does not answer."""

    def collect(self) -> list[GaugeMetricFamily]:
        """Return the two metrics."""
        try:
            counts, parts = run_counts(), open_parts()
        except DatabaseError:
            return []
        runs = GaugeMetricFamily(_RUNS[0], _RUNS[2], labels=_RUNS[3])
        for each in counts:
            runs.add_metric((each.command, each.outcome), each.runs)
        return [runs, GaugeMetricFamily(_OPEN_PARTS[0], _OPEN_PARTS[2], value=parts)]

    def describe(self) -> list[GaugeMetricFamily]:
        """Return no metrics, so that registering makes no query."""
        return []


def registry() -> CollectorRegistry:
    """Return a registry of what all processes of the server counted, or else of what this process counted."""
    found = CollectorRegistry()
    if folder := os.environ.get(VARIABLE):
        _forget_ended_processes(Path(folder))
        multiprocess.MultiProcessCollector(found, folder)  # type: ignore[no-untyped-call]
    else:
        found.register(REGISTRY)
    found.register(BuildInfo())
    found.register(Jobs())
    return found


def _forget_ended_processes(folder: Path) -> None:
    """Remove what ended processes had open; what they counted stays, so that no counter goes back."""
    for file in folder.glob("gauge_live*.db"):
        if (process := _LIVE_GAUGE.fullmatch(file.name)) and not Path("/proc", process[1]).exists():
            file.unlink(missing_ok=True)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the metrics to holders of the token; 404 where no token is set."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Not found\n", status=404, content_type="text/plain; charset=utf-8")
    given = request.META.get("HTTP_AUTHORIZATION", "").encode()
    if not hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode()):
        refused = HttpResponse("Not allowed\n", status=401, content_type="text/plain; charset=utf-8")
        refused["WWW-Authenticate"] = "Bearer"
        return refused
    return HttpResponse(generate_latest(registry()), content_type=CONTENT_TYPE_LATEST)


class _SilentHandler(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def serve_metrics(listen: tuple[str, int] | None) -> Callable[[], None]:
    """Serve the metrics at every path of a host and port, in a process of their own; return what ends it.

    Without an address nothing is served. Raises OSError if the address cannot be used.
    """
    if listen is None:
        return lambda: None

    def application(environ: Any, start_response: Any) -> Any:
        try:
            return make_wsgi_app(registry())(environ, start_response)
        finally:
            connections.close_all()

    server = make_server(*listen, application, handler_class=_SilentHandler)
    process = get_context("fork").Process(target=server.serve_forever, name="metrics", daemon=True)
    process.start()
    server.socket.close()
    return process.terminate
