"""CORS for every origin: echoed origin and headers, never credentials, Vary for caches."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from ga4gh.cors import CrossOriginMiddleware, response_headers

ORIGIN = "https://browser.example.org"


def answer(request: HttpRequest) -> HttpResponse:
    assert request.method != "OPTIONS", "a preflight must not reach a view"
    return HttpResponse("body", headers={"Vary": "Accept"})


def middleware(request: HttpRequest) -> HttpResponseBase:
    response = CrossOriginMiddleware(answer)(request)
    assert isinstance(response, HttpResponseBase)
    return response


@pytest.mark.parametrize(
    "path",
    ["/reads/a", "/variants/a/b", "/data/token", "/services", "/sequence/a", "/md5/a", "/service-info"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests(path: str, method: str) -> None:
    response = middleware(RequestFactory().generic(method, path, headers={"Origin": ORIGIN}))
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Vary"] == "Accept, origin"
    assert "Content-Range" in response.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("path", ["/reads/a", "/sequence/a"])
@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000", "null"])
def test_the_fast_path_adds_what_the_middleware_does(path: str, origin: str) -> None:
    response = middleware(RequestFactory().get(path, headers={"Origin": origin}))
    added = [(name, value) for name, value in response.items() if name.lower().startswith("access-control")]
    assert tuple(added) == response_headers(origin)


@pytest.mark.parametrize("origin", ["", "http://[", "ftp://a.example", "http://a b", "http://a:b@c", "null "])
def test_the_fast_path_leaves_unusual_origins_to_the_middleware(origin: str) -> None:
    assert response_headers(origin) is None


def test_preflight_of_a_protocol_without_post() -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    response = middleware(RequestFactory().options("/sequence/a", headers=asked))
    assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"


def test_preflight() -> None:
    asked = {
        "Origin": "null",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-anything",
    }
    response = middleware(RequestFactory().options("/reads/a", headers=asked))
    assert response.status_code == 200
    assert response.headers["Content-Length"] == "0"
    assert response.headers["Access-Control-Allow-Origin"] == "null"
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, x-anything"
    assert {"GET", "HEAD", "POST"} <= set(response.headers["Access-Control-Allow-Methods"].split(", "))
    assert response.headers["Access-Control-Max-Age"] == str(30 * 24 * 3600)
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert {"origin", "access-control-request-headers"} <= set(response.headers["Vary"].lower().split(", "))


def test_a_preflight_that_asks_for_no_headers_is_given_none() -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    response = middleware(RequestFactory().options("/data/token", headers=asked))
    assert "Access-Control-Allow-Headers" not in response.headers


def test_without_an_origin_only_caches_are_told() -> None:
    response = middleware(RequestFactory().get("/reads/a"))
    assert response.headers["Vary"] == "Accept, origin"
    assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("path", ["/admin/", "/", "/healthz"])
def test_pages_give_no_leave(path: str) -> None:
    response = middleware(RequestFactory().get(path, headers={"Origin": ORIGIN}))
    assert not [name for name in response.headers if name.startswith("Access-Control")]
