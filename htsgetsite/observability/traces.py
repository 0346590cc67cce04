"""OpenTelemetry traces: a span for each request, and one in it for each statement of the database.

Off unless `TRACES` is set, which needs requirements-traces.txt. Where the spans go is said by OpenTelemetry's own
variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, …). No span has a path, an id, a query, a token or a
parameter of a statement.
"""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_tracer: "Tracer | None" = None
_request: "ContextVar[Span | None]" = ContextVar("request_span", default=None)


class TracesUnavailable(Exception):
    """The packages of requirements-traces.txt are not installed."""


def start_traces() -> None:
    """Send spans from now on. Call it in each process after it was forked: a thread sends them.

    Raises TracesUnavailable.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracesUnavailable("TRACES needs: pip install -r requirements-traces.txt") from error
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use_tracer(provider.get_tracer("htsgetsite"))


def use_tracer(tracer: "Tracer | None") -> None:
    """Make spans with a tracer, or none."""
    global _tracer
    _tracer = tracer


def begin_request(environ: Mapping[str, Any], name: str) -> "Span | None":
    """Begin the span of a request, in the trace that a client or proxy began (W3C traceparent); None without traces."""
    if _tracer is None:
        return None
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    carrier = {
        name: environ[key]
        for name, key in (("traceparent", "HTTP_TRACEPARENT"), ("tracestate", "HTTP_TRACESTATE"))
        if key in environ
    }
    span = _tracer.start_span(name, context=extract(carrier), kind=SpanKind.SERVER)
    _request.set(span)
    return span


def end_request(span: "Span", outcome: str, attributes: Mapping[str, str | int]) -> None:
    """End the span of a request; a fault of the site (5xx) or a broken body is an error."""
    from opentelemetry.trace import StatusCode

    span.set_attributes({f"htsgetsite.{name}": value for name, value in attributes.items()})
    if outcome.isdigit():
        span.set_attribute("http.response.status_code", int(outcome))
    if not outcome.isdigit() or outcome >= "500":
        span.set_status(StatusCode.ERROR)
    span.end()
    _request.set(None)


def statement_done(operation: str, seconds: float, *, failed: bool) -> None:
    """Record a statement that took `seconds` and ended now, in the span of its request, if there is one."""
    parent = _request.get()
    if _tracer is None or parent is None:
        return
    from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

    end = time.time_ns()
    span = _tracer.start_span(
        f"postgresql {operation}",
        context=set_span_in_context(parent),
        kind=SpanKind.CLIENT,
        attributes={"db.system.name": "postgresql", "db.operation.name": operation},
        start_time=end - int(seconds * 1e9),
    )
    if failed:
        span.set_status(StatusCode.ERROR)
    span.end(end)
