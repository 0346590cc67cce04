"""Observe each request around the whole WSGI application: count and time it, and write its line of the access log."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from prometheus_client import Counter, Histogram

from catalogue import metrics
from catalogue.event_queue import EventQueue
from ga4gh.exchange import request_id
from ga4gh.protocol import protocols
from htsgetsite.observability.traces import begin_request, end_request
from htsgetsite.request_middleware import CONTEXT, client_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

access_log = logging.getLogger("htsgetsite.access")

#: Kinds of pages and probes that are counted under their own name, by the first part of the path.
_PAGES: Final = frozenset(
    {"", "account", "admin", "api", "collections", "datasets", "files", "genes", "search", "sequences"}
)
_PROBES: Final = frozenset({"healthz", "readyz", "metrics"})
_LINE: Final = (
    "%(method)s %(protocol)s %(kind)s %(resource)s %(outcome)s %(bytes)d B %(milliseconds).1f ms "
    "%(account)s %(address)s"
)
#: Lines of the access log that may wait to be written, and seconds for which they do.
_MAX_WAITING: Final = 20_000
_PAUSE: Final = 0.2
#: The part of a path that follows these opens data.
_SECRET_KINDS: Final = frozenset({"data"})


def write_in_batches() -> Callable[[], None]:
    """Let a thread of this process write the access log; return what writes the last lines and ends it.

    Each write gives up the lock of the interpreter, for which the threads of a worker compete. A process that is killed
    loses the lines of the last moment.
    """
    (handler,) = access_log.handlers
    queue: EventQueue[logging.LogRecord] = EventQueue(
        partial(_write_lines, handler), what="access log", max_waiting=_MAX_WAITING, seconds=_PAUSE
    )
    queue.start()
    access_log.handlers = [_Batches(queue, handler)]
    return queue.close


class _Batches(logging.Handler):
    """Passes records to a queue, and to the handler that writes them where the queue takes no more."""

    def __init__(self, queue: EventQueue[logging.LogRecord], handler: logging.Handler) -> None:
        super().__init__()
        self._queue = queue
        self._handler = handler

    def handle(self, record: logging.LogRecord) -> bool:
        return self._queue.put(record) or bool(self._handler.handle(record))


def _write_lines(handler: Any, records: Sequence[logging.LogRecord]) -> None:
    """Write the lines of records to the stream of a handler, at once."""
    lines = "".join(f"{handler.format(record)}{handler.terminator}" for record in records)
    with handler.lock:
        handler.stream.write(lines)
        handler.stream.flush()


class Kind(NamedTuple):
    """What a request is counted as: a protocol (or `pages`, `probes`) and a kind of its resources."""

    protocol: str
    kind: str


@cache
def _kinds() -> dict[str, Kind]:
    """Return the kind by the first part of the path."""
    kinds = {name: Kind("pages", name or "home") for name in _PAGES}
    kinds |= {name: Kind("probes", name) for name in _PROBES}
    for protocol in protocols():
        names = {path.split("/")[1] for path in protocol.paths}
        kinds |= {name: Kind(protocol.name, name) for name in names}
    return kinds


def kind_of(path: str) -> Kind:
    """Return what a request for a path is counted as; unknown paths are all of one kind."""
    return _kinds().get(path.removeprefix("/").partition("/")[0], Kind("pages", "other"))


class ObservedApplication:
    """A WSGI application (PEP 3333) that passes every request on to another and observes it."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        seen = _Seen(environ)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            seen.outcome = status[:3]
            return start_response(status, headers, *error)

        try:
            body = self._application(environ, start)
        except BaseException:
            seen.end("broken")
            raise
        if isinstance(body, list):
            seen.size = sum(map(len, body))
            seen.end()
            return body
        return _ObservedBody(body, seen)


class _Seen:
    """What is known of one request so far."""

    __slots__ = ("begun", "environ", "kind", "outcome", "size", "span")

    def __init__(self, environ: dict[str, Any]) -> None:
        self.begun = time.perf_counter()
        self.environ = environ
        self.kind = kind_of(environ["PATH_INFO"])
        self.span = begin_request(environ, f"{self.kind.protocol} {self.kind.kind}")
        self.outcome = "broken"
        self.size = 0

    def end(self, outcome: str | None = None) -> None:
        """Count the request, and log it; `outcome` replaces the status."""
        seconds = time.perf_counter() - self.begun
        kind, outcome = self.kind, outcome or self.outcome
        counted = _counted(kind, outcome)
        counted.requests.inc()
        counted.seconds.observe(seconds)
        counted.bytes.observe(self.size)
        if settings.ACCESS_LOG and kind.protocol != "probes":
            _log(self.environ, kind, outcome, size=self.size, seconds=seconds)
        if self.span is not None:
            told: dict[str, str | int] = {
                "protocol": kind.protocol,
                "kind": kind.kind,
                "bytes": self.size,
                "outcome": outcome,
            }
            end_request(self.span, outcome, told | {"request_id": request_id(self.environ)})


class _Counted(NamedTuple):
    """The metrics of one kind and outcome."""

    requests: Counter
    seconds: Histogram
    bytes: Histogram


@cache
def _counted(kind: Kind, outcome: str) -> _Counted:
    """Return the metrics; the cache is bounded, because kinds and outcomes are few."""
    return _Counted(
        metrics.REQUESTS.labels(*kind, outcome),
        metrics.REQUEST_SECONDS.labels(*kind),
        metrics.RESPONSE_BYTES.labels(*kind),
    )


class _ObservedBody:
    """A streamed body. One that is closed before its end was given up by the client, or broke off."""

    def __init__(self, body: Iterable[bytes], seen: _Seen) -> None:
        self._body = body
        self._pieces: Iterator[bytes] = iter(body)
        self._seen: _Seen | None = seen
        metrics.STREAMS_OPEN.inc()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._end()
            raise
        except BaseException:
            self._end("broken")
            raise
        if self._seen is not None:
            self._seen.size += len(piece)
        return piece

    def close(self) -> None:
        """Close the body; called by the server, also when the client is gone."""
        try:
            if close := getattr(self._body, "close", None):
                close()
        finally:
            self._end("broken")

    def _end(self, outcome: str | None = None) -> None:
        if (seen := self._seen) is not None:
            self._seen = None
            metrics.STREAMS_OPEN.dec()
            seen.end(outcome)


def _log(environ: dict[str, Any], kind: Kind, outcome: str, *, size: int, seconds: float) -> None:
    """Write one line: method, protocol, kind, id or digest, outcome, bytes, milliseconds, account and address.

    Neither the query nor the token of a data URL is logged.
    """
    context = environ.get(CONTEXT)
    _, _, resource = environ["PATH_INFO"].removeprefix("/").partition("/")
    fields = {
        "method": environ["REQUEST_METHOD"],
        "protocol": kind.protocol,
        "kind": kind.kind,
        "resource": "…" if kind.kind in _SECRET_KINDS else resource or "-",
        "outcome": outcome,
        "bytes": size,
        "milliseconds": round(seconds * 1000, 1),
        "account": (context.account if context is not None else "") or "-",
        "address": (context.address if context is not None else client_address(environ)) or "-",
    }
    # Not `info`, which would look for the line of code that calls it.
    record = access_log.makeRecord(access_log.name, logging.INFO, "", 0, _LINE, (fields,), None)
    record.request_id = request_id(environ)
    record.fields = fields
    access_log.handle(record)
