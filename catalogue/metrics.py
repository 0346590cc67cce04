"""The measurements of the site, as Prometheus reads them at `/metrics`: every metric is declared here.

docs/operations.md and deploy/grafana.json name the same metrics; a test compares them. Label values come from small
fixed sets: never an id, a path or anything else that a client chooses. Seconds are of wall time, sizes are in bytes.

Several processes count into files of one folder when `PROMETHEUS_MULTIPROC_DIR` is set before this module is imported;
`manage.py serve` sets it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BYTES: Final = tuple(float(1 << bits) for bits in range(8, 36, 4))

REQUESTS: Final = Counter(
    "htsgetsite_requests",
    "Requests by protocol, kind of resource and outcome (the status, or broken for a body that was cut off).",
    ("protocol", "kind", "outcome"),
)
REQUEST_SECONDS: Final = Histogram(
    "htsgetsite_request_seconds",
    "Seconds from the start of a request to the end of its body.",
    ("protocol", "kind"),
    buckets=_SECONDS,
)
RESPONSE_BYTES: Final = Histogram(
    "htsgetsite_response_bytes", "Bytes of response bodies.", ("protocol", "kind"), buckets=_BYTES
)
STREAMS_OPEN: Final = Gauge(
    "htsgetsite_streams_open", "Bodies that are being streamed now.", multiprocess_mode="livesum"
)
TICKET_PARTS: Final = Counter(
    "htsgetsite_ticket_parts", "Parts of htsget tickets: inline, stored or derived.", ("part",)
)
CONVERSIONS: Final = Counter(
    "htsgetsite_conversions",
    "Conversions of records by outcome: done, failed, refused (STREAM_LIMIT).",
    ("outcome",),
)
CACHE_LOOKUPS: Final = Counter(
    "htsgetsite_cache_lookups", "Look-ups in the caches of the processes: hit or miss.", ("cache", "result")
)
DATABASE_SECONDS: Final = Histogram(
    "htsgetsite_database_seconds", "Seconds of database statements of requests and jobs.", buckets=_SECONDS
)
DATABASE_ERRORS: Final = Counter(
    "htsgetsite_database_errors", "Database statements that failed, by the class of the error.", ("error",)
)
STORAGE_SECONDS: Final = Histogram(
    "htsgetsite_storage_seconds",
    "Seconds of calls to storages, retries included.",
    ("storage", "operation"),
    buckets=_SECONDS,
)
STORAGE_ERRORS: Final = Counter(
    "htsgetsite_storage_errors",
    "Calls to storages that failed, by the class of the error.",
    ("storage", "operation", "error"),
)


def declared() -> list[MetricWrapperBase]:
    """Return every metric that this module declares, in order."""
    return [value for value in globals().values() if isinstance(value, MetricWrapperBase)]


@contextmanager
def storage_call(storage: str, operation: str) -> Iterator[None]:
    """Measure the block as one call to a storage."""
    begun = time.perf_counter()
    try:
        yield
    except Exception as error:
        STORAGE_ERRORS.labels(storage, operation, type(error).__name__).inc()
        raise
    finally:
        STORAGE_SECONDS.labels(storage, operation).observe(time.perf_counter() - begun)
