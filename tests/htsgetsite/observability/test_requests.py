"""Each request is counted and logged once, with its outcome, bytes and account, whatever becomes of its body."""

import io
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from prometheus_client import REGISTRY

from catalogue import api_tokens
from htsgetsite.logs import AccessFormatter, JsonFormatter
from htsgetsite.observability import requests
from htsgetsite.observability.requests import Kind, ObservedApplication, access_log, kind_of
from tests.live import PATIENCE
from tests.refget_app import made_sequences


def counted(protocol: str, kind: str, outcome: str) -> float:
    labels = {"protocol": protocol, "kind": kind, "outcome": outcome}
    return REGISTRY.get_sample_value("htsgetsite_requests_total", labels) or 0.0


def bytes_of(protocol: str, kind: str) -> float:
    return (
        REGISTRY.get_sample_value("htsgetsite_response_bytes_sum", {"protocol": protocol, "kind": kind})
        or 0.0
    )


def environ_of(path: str, **more: str) -> dict[str, Any]:
    environ: dict[str, Any] = {"PATH_INFO": path, "REMOTE_ADDR": "192.0.2.7", **more}
    setup_testing_defaults(environ)
    return environ


class Body:
    """A streamed body that may fail, and that knows whether it was closed."""

    def __init__(self, pieces: Iterable[bytes | Exception]) -> None:
        self._pieces = iter(pieces)
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed = True


def observed(body: Any, status: str = "200 OK") -> ObservedApplication:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, [])
        return body

    return ObservedApplication(application)


def ask(application: Any, path: str, **more: str) -> Any:
    return application(environ_of(path, **more), lambda status, headers, *error: lambda data: None)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the access log writes, as text."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(AccessFormatter("[%(request_id)s] %(message)s"))
    access_log.addHandler(handler)
    yield written
    access_log.removeHandler(handler)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", Kind("pages", "home")),
        ("/admin/catalogue/datafile/", Kind("pages", "admin")),
        ("/healthz", Kind("probes", "healthz")),
        ("/sequence/abc", Kind("refget", "sequence")),
        ("/reads/a/b", Kind("htsget", "reads")),
        ("/data/secret", Kind("htsget", "data")),
        ("/no-such-thing", Kind("pages", "other")),
        ("*", Kind("pages", "other")),
    ],
)
def test_paths_are_of_few_kinds(path: str, kind: Kind) -> None:
    assert kind_of(path) == kind


def test_a_body_in_memory_is_counted_at_once() -> None:
    before, size = counted("refget", "sequence", "206"), bytes_of("refget", "sequence")
    body = [b"AC", b"GT"]
    assert ask(observed(body, "206 Partial Content"), "/sequence/x") is body
    assert counted("refget", "sequence", "206") == before + 1
    assert bytes_of("refget", "sequence") == size + 4


def test_a_streamed_body_is_counted_at_its_end_and_closed() -> None:
    before, size = counted("htsget", "data", "200"), bytes_of("htsget", "data")
    body = Body([b"abc", b"de"])
    answer = ask(observed(body), "/data/token")
    assert REGISTRY.get_sample_value("htsgetsite_streams_open") == 1
    assert counted("htsget", "data", "200") == before
    assert b"".join(answer) == b"abcde"
    answer.close()
    assert body.closed
    assert counted("htsget", "data", "200") == before + 1
    assert bytes_of("htsget", "data") == size + 5
    assert REGISTRY.get_sample_value("htsgetsite_streams_open") == 0


def test_a_body_that_fails_or_is_left_is_broken() -> None:
    before = counted("htsget", "data", "broken")
    answer = ask(observed(Body([b"abc", OSError("the disk is gone")])), "/data/token")
    with pytest.raises(OSError, match="the disk is gone"):
        b"".join(answer)
    answer.close()
    left = ask(observed(Body([b"abc", b"de"])), "/data/token")
    next(left)
    left.close()
    ask(observed(Body([])), "/data/token").close()
    assert counted("htsget", "data", "broken") == before + 3
    assert REGISTRY.get_sample_value("htsgetsite_streams_open") == 0


def test_an_application_that_fails_is_counted() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        raise RuntimeError("no answer")

    before = counted("pages", "home", "broken")
    with pytest.raises(RuntimeError):
        ask(ObservedApplication(application), "/")
    assert counted("pages", "home", "broken") == before + 1


def test_a_line_has_neither_the_query_nor_a_token(lines: io.StringIO) -> None:
    application = observed([b"x" * 12], "404 Not Found")
    ask(application, "/reads/a\nb", QUERY_STRING="referenceName=chr1")
    ask(application, "/data/eyJmIjox")
    ask(application, "/healthz")
    first, second = lines.getvalue().splitlines()
    assert first.partition("] ")[2].startswith(r"GET htsget reads a\nb 404 12 B ")
    assert first.endswith(" ms - 192.0.2.7")
    assert "GET htsget data … 404" in second
    assert "chr1" not in first and "eyJ" not in second


def test_lines_can_be_switched_off(lines: io.StringIO, settings: Any) -> None:
    settings.ACCESS_LOG = False
    ask(observed([b""]), "/reads/a")
    assert lines.getvalue() == ""


@pytest.mark.django_db
def test_a_line_names_the_account_and_the_request(lines: io.StringIO, django_user_model: Any) -> None:
    _, token = api_tokens.issue(user=django_user_model.objects.create_user("ada"), name="n", scopes=["reads"])
    reply = made_sequences.ask(
        ObservedApplication(WSGIHandler()), "/reads/absent", headers={"Authorization": f"Bearer {token}"}
    )
    [line] = lines.getvalue().splitlines()
    assert line.startswith(f"[{reply.header('X-Request-ID')}] GET htsget reads absent 404 ")
    assert line.endswith(" ms ada -")


def test_lines_in_batches_are_the_same_in_the_same_order(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that find no place in the queue are written at once."""
    [handler] = [each for each in access_log.handlers if getattr(each, "stream", None) is lines]
    monkeypatch.setattr(access_log, "handlers", [handler])
    monkeypatch.setattr(requests, "_PAUSE", PATIENCE)
    monkeypatch.setattr(requests, "_MAX_WAITING", 3)
    end = requests.write_in_batches()
    for number in range(4):
        ask(observed([b"abc"]), f"/reads/{number}")
    assert [line.split()[4] for line in lines.getvalue().splitlines()] == ["3"]
    end()
    ask(observed([b"abc"]), "/reads/late")
    assert [line.split()[4] for line in lines.getvalue().splitlines()] == ["3", "0", "1", "2", "late"]


def test_a_line_of_json_has_the_same_fields(lines: io.StringIO) -> None:
    [handler] = [each for each in access_log.handlers if getattr(each, "stream", None) is lines]
    handler.setFormatter(JsonFormatter("%(message)s"))
    ask(observed([b"abc"]), "/reads/a")
    told = json.loads(lines.getvalue())
    assert {**told, "time": "", "request_id": "", "milliseconds": 0} == {
        "time": "",
        "level": "INFO",
        "request_id": "",
        "logger": "htsgetsite.access",
        "method": "GET",
        "protocol": "htsget",
        "kind": "reads",
        "resource": "a",
        "outcome": "200",
        "bytes": 3,
        "milliseconds": 0,
        "account": "-",
        "address": "192.0.2.7",
    }
