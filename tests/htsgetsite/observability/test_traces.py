"""Spans of requests and statements: what they name, what they leave out, and that there are none unless wanted."""

import sys
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from htsgetsite.observability import statements, traces
from htsgetsite.observability.requests import ObservedApplication
from tests.refget_app.made_sequences import ask

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces.use_tracer(provider.get_tracer("test"))
    with connection.execute_wrapper(statements._timed):
        yield exporter
    traces.use_tracer(None)


def of_request(spans: InMemorySpanExporter) -> ReadableSpan:
    [found] = [span for span in spans.get_finished_spans() if span.name.startswith("htsget ")]
    return found


@pytest.mark.django_db
def test_a_request_and_its_statements_are_of_the_trace_of_the_client(spans: InMemorySpanExporter) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    reply = ask(ObservedApplication(WSGIHandler()), "/reads/absent?referenceName=chr7", headers=headers)
    request = of_request(spans)
    assert request.name == "htsget reads"
    assert request.context is not None and f"{request.context.trace_id:032x}" == TRACE
    assert request.parent is not None and f"{request.parent.span_id:016x}" == PARENT
    assert request.attributes == {
        "htsgetsite.protocol": "htsget",
        "htsgetsite.kind": "reads",
        "htsgetsite.bytes": len(reply.body),
        "htsgetsite.outcome": "404",
        "htsgetsite.request_id": reply.header("X-Request-ID"),
        "http.response.status_code": 404,
    }
    inner = [span for span in spans.get_finished_spans() if span is not request]
    assert {span.name for span in inner} >= {"postgresql SELECT"}
    assert all(span.parent and span.parent.span_id == request.context.span_id for span in inner)
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "chr7" not in told and "absent" not in told


@pytest.mark.django_db
def test_a_fault_of_the_site_is_an_error(spans: InMemorySpanExporter) -> None:
    with patch("htsget_app.tickets.queries.find_file", side_effect=RuntimeError("no")):
        ask(ObservedApplication(WSGIHandler()), "/reads/a")
    assert of_request(spans).status.status_code is StatusCode.ERROR


@pytest.mark.django_db
def test_statements_outside_of_requests_have_no_span(spans: InMemorySpanExporter) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert spans.get_finished_spans() == ()


def test_without_the_packages_it_says_what_to_install() -> None:
    with (
        patch.dict(sys.modules, {"opentelemetry.sdk.trace": None}),
        pytest.raises(traces.TracesUnavailable, match=r"requirements-traces\.txt"),
    ):
        traces.start_traces()
