"""The fast path gives the same bytes as the view: status line, headers in their order, and body."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any
from unittest.mock import patch
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from django.core.handlers.wsgi import WSGIHandler

from catalogue import queries
from catalogue.errors import ObjectMissing, ShortRead, StorageUnavailable
from catalogue.formats.digests import sequence_digests
from refget_app.fast_path import RefgetFastPath
from tests.refget_app.made_sequences import Reply, ask, make_sequence

pytestmark = pytest.mark.django_db

LINEAR = bytes(65 + (5 * i + i // 13) % 26 for i in range(700))
CIRCLE = bytes(65 + (3 * i + i // 7) % 26 for i in range(500))
LONG = bytes(65 + i % 21 for i in range(600_000))
QUERIES = [
    "", "start=0", "end=0", "end=5", "start=10&end=20", "start=0&end=0", "start=499", "start=10&end=10",
    "start=20&end=10", "start=490&end=5", "start=499&end=0", "start=500", "start=500&end=500", "start=501",
    "start=700&end=5", "start=701", "end=501", "end=701", "start=0&end=4294967296", "start=abc", "start=", "start",
    "start=-1&end=5", "start=1_0", "start=%2B5", "start=%D9%A3", "start=1&start=2", "accept=text/plain",
    "accept=text/x-fasta&start=3&end=90", "accept=application/json&end=70", "accept=image/png", "other=1",
]  # fmt: skip
RANGES = [
    None, "bytes=0-0", "bytes=10-19", "bytes=490-", "bytes=-10", "bytes=0-9999", "bytes=-9999", "bytes=0-499",
    "bytes=500-500", "bytes=700-", "bytes=5-4", "bytes=-0", "bytes=ab-19", "units=0-5", "bytes=0-1,4-5", "",
]  # fmt: skip
ACCEPTS = [
    None, "*/*", "text/plain", "text/vnd.ga4gh.refget.v1.0.0+plain", "text/vnd.ga4gh.refget.v1.0.1+plain",
    "text/x-fasta", "application/json", "text/html, image/gif, */*;q=0.2", "embl/some_json",
]  # fmt: skip


class Closed(Exception):
    """The fast path let a request through that it should have answered."""


def closed(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    raise Closed(environ["PATH_INFO"])


def both(target: str, method: str = "GET", headers: dict[str, str] | None = None) -> Reply:
    """The reply of the view and of the fast path to a digest that is known; they must not differ."""
    by_view = ask(WSGIHandler(), target, method, headers)
    by_fast_path = ask(RefgetFastPath(closed), target, method, headers)
    assert by_fast_path == by_view
    return by_fast_path


@pytest.fixture(autouse=True)
def known() -> Iterator[dict[str, str]]:
    """Identifiers of made sequences, each asked for once before."""
    names = {}
    for residues, circular in ((LINEAR, False), (CIRCLE, True), (LONG, False)):
        make_sequence(residues, circular=circular, before=b"XX", aliases=[("local", f"s{len(residues)}")])
    for residues in (LINEAR, CIRCLE, LONG):
        digests = sequence_digests(residues)
        for name in (digests.md5_hex, digests.sq, f"ga4gh:{digests.sq}", digests.trunc512.upper()):
            queries.sequence(name)
        names[f"s{len(residues)}"] = digests.md5_hex
    yield names
    queries.forget_sequences()


@pytest.mark.parametrize("name", ["s700", "s500"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_whole_decision_table(name: str, method: str, known: dict[str, str]) -> None:
    codes = set()
    for query, asked in product(QUERIES, RANGES):
        headers = {} if asked is None else {"Range": asked}
        codes.add(both(f"/sequence/{known[name]}?{query}", method, headers).code)
    assert codes == {200, 206, 400, 406, 416}


@pytest.mark.parametrize("accept", ACCEPTS)
def test_every_form_with_and_without_an_origin(accept: str | None, known: dict[str, str]) -> None:
    wanted = {} if accept is None else {"Accept": accept}
    for query, asked, origin in product(
        ["", "start=3&end=90", "start=x"], [None, "bytes=7-80"], [None, "https://a.example"]
    ):
        headers = dict(wanted)
        if asked is not None:
            headers["Range"] = asked
        if origin is not None:
            headers["Origin"] = origin
        reply = both(f"/sequence/{known['s700']}?{query}", "GET", headers)
        assert reply.header("Access-Control-Allow-Origin") == origin
        assert reply.header("X-Content-Type-Options") == "nosniff"


def test_every_spelling_and_path(known: dict[str, str]) -> None:
    digests = sequence_digests(LINEAR)
    for path in (
        f"/sequence/{digests.md5_hex}",
        f"/sequence/{digests.md5_hex}/",
        f"/sequence/{digests.sq}",
        f"/sequence/ga4gh:{digests.sq}",
        f"/sequence/ga4gh%3A{digests.sq}",
        f"/sequence/{digests.trunc512.upper()}",
        f"/md5/{digests.md5_hex}",
        f"/md5/{digests.md5_hex}/",
    ):
        assert both(path).body == LINEAR


@pytest.mark.parametrize("condition", ["{}", "W/{}", '"x", {}', "*", '"x"'])
def test_conditions(condition: str, known: dict[str, str]) -> None:
    for target in (f"/sequence/{known['s700']}", f"/sequence/{known['s700']}?start=5"):
        etag = str(both(target).header("ETag"))
        reply = both(target, "GET", {"If-None-Match": condition.format(etag)})
        assert reply.code == (200 if condition == '"x"' else 304)
        both(target, "HEAD", {"If-None-Match": condition.format(etag)})
        both(target, "GET", {"If-Range": condition.format(etag), "Range": "bytes=3-9"})


@pytest.mark.parametrize("query", ["", "?accept=text/x-fasta", "?start=5", "?start=5&end=599999"])
def test_streamed_bodies(query: str, known: dict[str, str]) -> None:
    for method in ("GET", "HEAD"):
        both(f"/sequence/{known['s600000']}{query}", method)


@pytest.mark.parametrize("error", [StorageUnavailable, ObjectMissing, ShortRead])
def test_faults_of_the_storage(error: type[Exception], known: dict[str, str]) -> None:
    with patch.object(queries, "read_residues", side_effect=error("gone")):
        assert both(f"/sequence/{known['s700']}").code in {500, 503}


def test_the_limit_is_read_at_each_request(known: dict[str, str], settings: Any) -> None:
    settings.REFGET_SUBSEQUENCE_LIMIT = 10
    assert both(f"/sequence/{known['s700']}?start=0&end=11").code == 416
    settings.REFGET_SUBSEQUENCE_LIMIT = 11
    assert both(f"/sequence/{known['s700']}?start=0&end=11").code == 200


@pytest.mark.parametrize("forwarded", ["https", "https, http"])
def test_sites_behind_https(known: dict[str, str], settings: Any, forwarded: str) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    target = f"/sequence/{known['s700']}?start=5&end=9"
    for more in ({}, {"Origin": "https://a.example"}):
        reply = both(target, "GET", {"X-Forwarded-Proto": forwarded, **more})
        assert (reply.code, reply.header("Strict-Transport-Security")) == (200, "max-age=3600")
    for headers in ({}, {"X-Forwarded-Proto": "http"}):
        with pytest.raises(Closed):
            ask(RefgetFastPath(closed), target, headers=headers)
        assert ask(RefgetFastPath(WSGIHandler()), target, headers=headers).code == 301
    settings.SECURE_HSTS_SECONDS = 0
    assert both(target, "GET", {"X-Forwarded-Proto": forwarded}).header("Strict-Transport-Security") is None
    with pytest.raises(Closed):
        ask(RefgetFastPath(closed), target)
    settings.SECURE_HSTS_SECONDS = 3600
    settings.SECURE_SSL_REDIRECT = False
    assert both(target).header("Strict-Transport-Security") is None


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sequence/local:s700"),
        ("GET", "/sequence/s700"),
        ("GET", "/sequence/unknown"),
        ("GET", f"/sequence/{'0' * 32}"),
        ("GET", "/sequence/service-info"),
        ("GET", f"/sequence/{sequence_digests(LINEAR).md5_hex}/metadata"),
        ("POST", f"/sequence/{sequence_digests(LINEAR).md5_hex}"),
        ("OPTIONS", f"/sequence/{sequence_digests(LINEAR).md5_hex}"),
        ("GET", f"/md5/{sequence_digests(LINEAR).sq}"),
        ("GET", f"/sequence/{sequence_digests(LINEAR).md5_hex}//"),
        ("GET", "/"),
        ("GET", "/reads/x"),
    ],
)
def test_everything_else_goes_to_django(method: str, path: str, known: dict[str, str]) -> None:
    with pytest.raises(Closed):
        ask(RefgetFastPath(closed), path, method)
    assert ask(RefgetFastPath(WSGIHandler()), path, method) == ask(WSGIHandler(), path, method)


def test_an_unknown_digest_is_known_the_next_time(known: dict[str, str]) -> None:
    queries.forget_sequences()
    target = f"/sequence/{known['s700']}"
    with pytest.raises(Closed):
        ask(RefgetFastPath(closed), target)
    assert ask(RefgetFastPath(WSGIHandler()), target).body == LINEAR
    assert ask(RefgetFastPath(closed), target).body == LINEAR


@pytest.mark.parametrize("name", ["s700", "s600000"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_fast_path_keeps_to_the_protocol_of_servers(
    name: str, method: str, known: dict[str, str]
) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": f"/sequence/{known[name]}", "QUERY_STRING": "",
    }  # fmt: skip
    setup_testing_defaults(environ)
    started: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append(status)

    body = validator(RefgetFastPath(closed))(environ, start_response)
    content = b"".join(body)
    body.close()  # type: ignore[attr-defined]
    assert started == ["200 OK"]
    assert bool(content) == (method == "GET")
