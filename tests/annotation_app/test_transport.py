"""Queries over HTTP (GraphQL over HTTP): methods, media types, statuses, and requests that are none."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import OperationalError
from django.test import Client

from annotation_app.types.query import Query
from catalogue.rate_limits import Rate
from tests.annotation_app.made_annotation import World

pytestmark = pytest.mark.django_db

VERSION = "{ version { api { major } } }"
JSON, RESPONSE = "application/json", "application/graphql-response+json"


def post(client: Client, body: Any, content_type: str = JSON, **headers: str) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/graphql", text, content_type=content_type, headers=headers)


def told(response: Any) -> str:
    """The message of the only error, in a document of the form that every client knows."""
    (error,) = json.loads(response.content)["errors"]
    assert error["extensions"]["code"]
    return str(error["message"])


@pytest.mark.parametrize("path", ["/graphql", "/graphql/"])
def test_post_and_get_give_the_same(client: Client, path: str) -> None:
    query = (
        "query V($x: Boolean!) { version { api { major @include(if: $x) minor } } } query W { __typename }"
    )
    body = {"query": query, "operationName": "V", "variables": {"x": True}, "extensions": {"a": 1}, "more": 2}
    posted = client.post(path, json.dumps(body), content_type=JSON)
    asked = {"query": query, "operationName": "V", "variables": '{"x": true}'}
    got = client.get(f"{path}?{urlencode(asked)}")
    assert posted.status_code == got.status_code == 200
    assert json.loads(posted.content) == json.loads(got.content)
    assert set(json.loads(got.content)["data"]["version"]["api"]) == {"major", "minor"}
    head = client.head(f"{path}?{urlencode(asked)}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert got.headers["Cache-Control"] == "no-store" and "Accept" in got.headers["Vary"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON), ("*/*", JSON), ("application/*", JSON), (JSON, JSON), (RESPONSE, RESPONSE),
        (f"{RESPONSE}, {JSON}", JSON), (f"{RESPONSE}, {JSON};q=0.9", RESPONSE), ("text/html, */*;q=0.1", JSON),
    ],
)  # fmt: skip
def test_media_types(client: Client, accept: str, media_type: str) -> None:
    response = post(client, {"query": VERSION}, Accept=accept)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize(
    "query", ["", "{", "{ nothing }", "query A { __typename } query B { __typename }", "# only"]
)
def test_queries_that_are_refused(client: Client, query: str) -> None:
    """400 where the media type says that the document is a GraphQL response, 200 where it may be anything."""
    for accept, status in ((JSON, 200), (RESPONSE, 400)):
        response = post(client, {"query": query}, Accept=accept)
        assert response.status_code == status
        answer = json.loads(response.content)
        assert "data" not in answer and answer["errors"][0]["extensions"]["code"]


def test_what_is_not_found_is_an_answer(client: Client) -> None:
    query = '{ gene(by_id: {genome_id: "a", stable_id: "b"}) { stable_id } version { api { major } } }'
    response = post(client, {"query": query}, Accept=RESPONSE)
    answer = json.loads(response.content)
    assert response.status_code == 200
    assert answer["data"]["gene"] is None and answer["data"]["version"]
    assert answer["errors"][0]["extensions"]["code"] == "GENE_NOT_FOUND"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "was not provided"),
        ({"x": "a"}, "Int cannot represent"),
        ({"x": 2**40}, "32-bit"),
        ({"x": None}, "null"),
    ],
)
def test_variables_that_do_not_fit(client: Client, variables: Any, message: str) -> None:
    query = """query Q($x: Int!) { overlap_region(by_slice: {genome_id: "a", region_name: "b", start: $x, end: 1}) {
      genes { type } } }"""
    response = post(client, {"query": query, "variables": variables}, Accept=RESPONSE)
    assert response.status_code == 400 and "data" not in json.loads(response.content)
    assert message in told(response)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"null", b"1", b'"query"', b"{}", b'{"query": null}', b'{"query": 1}', b'{"query": ["{ a }"]}',
        b"\xff\xfe", b'{"query": "\\ud800"}', b'{"query": "{ __typename }", "variables": NaN}',
        b'{"query": "{ __typename }", "variables": []}', b'{"query": "{ __typename }", "variables": "{}"}',
        b'{"query": "{ __typename }", "operationName": 5}', b'{"query": "{ __typename }", "extensions": 5}',
        b"[" * 5_000, b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 5_000 + b"}" * 5_000 + b"}",
        b'[{"query": "{ __typename }"}]', b"[]",
    ],
)  # fmt: skip
def test_bodies_that_are_no_query(client: Client, body: bytes) -> None:
    response = post(client, body)
    assert response.status_code == 400, response.content
    if body.startswith(b'[{"') or body == b"[]":
        assert "one query a request" in told(response)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "", "json",
                     "application/graphql", "application/json; charset=utf-16"],
)  # fmt: skip
def test_bodies_of_other_media_types(client: Client, content_type: str) -> None:
    assert post(client, {"query": VERSION}, content_type).status_code == 415


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'],
)
def test_other_ways_to_write_json(client: Client, content_type: str) -> None:
    assert post(client, {"query": VERSION}, content_type).status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("query=%7B__typename%7D", 200), ("query=%7B__typename%7D&variables=", 200), ("", 400), ("query", 200),
        ("query=%7B__typename%7D&query=a", 400), ("query=%ff", 400), ("query=%7B__typename%7D&variables=%5B%5D", 400),
        ("query=%7B__typename%7D&variables=x", 400), ("&".join("a=b" for _ in range(200)), 400),
        ("query=" + quote("mutation { a }"), 200),
    ],
)  # fmt: skip
def test_queries_in_urls(client: Client, query: str, status: int) -> None:
    assert client.get(f"/graphql?{query}").status_code == status


def test_methods_and_other_paths(client: Client) -> None:
    options = client.options("/graphql")
    assert options.status_code == 204 and options.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        response = client.generic(method, "/graphql")
        assert response.status_code == 405 and "POST" in response.headers["Allow"]
    for path in ("/graphql/a", "/graphqlx", "/graphql/graphql"):
        assert client.get(path).status_code == 404


def test_accept_that_nothing_meets(client: Client) -> None:
    for response in (
        client.get("/graphql", headers={"Accept": "image/png"}),
        post(client, {}, Accept="text/html"),
    ):
        assert response.status_code == 406 and "application/json" in told(response)


def test_the_body_is_bounded(client: Client, settings: Any) -> None:
    settings.GRAPHQL_MAX_BODY_BYTES = 1024
    assert post(client, {"query": VERSION, "more": "a" * 900}).status_code == 200
    assert post(client, {"query": VERSION, "more": "a" * 1100}).status_code == 413


def test_pages_of_other_sites_may_ask(client: Client) -> None:
    headers = {"Origin": "https://browser.example.org"}
    preflight = client.options(
        "/graphql",
        headers={
            **headers,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,authorization",
        },
    )
    assert preflight.headers["Access-Control-Allow-Origin"] == headers["Origin"]
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Headers"] == "content-type,authorization"
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    assert (
        post(client, {"query": VERSION}, **headers).headers["Access-Control-Allow-Origin"]
        == headers["Origin"]
    )


def test_the_rate_is_limited(client: Client, settings: Any) -> None:
    settings.THROTTLE_GRAPHQL_ADDRESS = Rate(2, 3600)
    statuses = [post(client, {"query": VERSION}).status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    refused = client.get("/graphql?query=x")
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert json.loads(refused.content)["errors"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"
    assert client.options("/graphql").status_code == 204
    assert client.get("/graphql?query=x", REMOTE_ADDR="192.0.2.9").status_code == 200


def test_long_answers_count_as_several_queries(
    world: World, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLE_GRAPHQL_ADDRESS = Rate(10, 3600)
    monkeypatch.setattr("annotation_app.views.VALUES_PER_QUERY", 5)
    # Some thirty values: the first answer is whole, and later queries are refused.
    query = (
        '{ gene(by_id: {genome_id: "made", stable_id: "GENE1"}) { transcripts { stable_id symbol type so_term'
    )
    body = {
        "query": query + " version genome_id unversioned_stable_id metadata { biotype { value label } } } } }"
    }
    statuses = [post(client, body).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_failures_here_tell_nothing(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is 503, a bug is 500, and neither message says more."""

    def fail(error: Exception) -> None:
        def raises(self: Query, **_: object) -> None:
            raise error

        monkeypatch.setattr(Query, "gene", raises)

    query = '{ gene(by_id: {genome_id: "made", stable_id: "GENE1"}) { stable_id } }'
    for error, status in (
        (OperationalError("password=hunter2"), 503),
        (RuntimeError("at /secret/path"), 500),
    ):
        fail(error)
        response = post(client, {"query": query})
        assert response.status_code == status
        assert b"hunter2" not in response.content and b"secret" not in response.content
        assert told(response)


def test_service_info_and_registry(client: Client) -> None:
    info = client.get("/graphql/service-info").json()
    assert info["type"] == {"group": "org.ensembl", "artifact": "graphql-core", "version": "0.2.0"}
    assert info["graphql"]["introspection"] is True
    entries = [entry for entry in client.get("/services").json() if entry["id"] == info["id"]]
    assert [entry["url"] for entry in entries] == ["http://testserver/graphql"]
