"""Tickets over HTTP: what is asked and what comes back, methods, versions, service-info, other origins."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from catalogue.formats.bgzf import EOF_MARKER
from catalogue.models import DataFile
from catalogue.queries import forget_files
from catalogue.rate_limits import Rate
from htsget_app.media_types import VERSIONS, ticket_type
from htsget_app.views import REGIONS_PER_TICKET
from tests.htsget_app.made_data import (
    ONE,
    TWO,
    fetch,
    read_alignments,
    refused,
    regions,
)

pytestmark = pytest.mark.django_db


TYPE = "application/vnd.ga4gh.htsget.v1.3.0+json; charset=utf-8"


def test_a_ticket(client: Client, reads: DataFile) -> None:
    response = client.get("/reads/made?referenceName=1&start=100&end=200")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == TYPE
    assert response.headers["Content-Length"] == str(len(response.content))
    assert response.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in response.headers
    assert response.content.startswith(b'{"htsget":') and response.content.endswith(b"}")
    document = json.loads(response.content)
    assert list(document) == ["htsget"] and sorted(document["htsget"]) == ["format", "urls"]
    assert document["htsget"]["format"] == "BAM"
    for url in document["htsget"]["urls"]:
        assert url["class"] in ("header", "body")
        assert sorted(url) == ["class", "url"], "headers is omitted rather than null"
        assert url["url"].startswith("data:;base64,")


def test_small_answers_are_exact_and_inline(
    client: Client, reads: DataFile, bam: Path, tmp_path: Path
) -> None:
    got = fetch(client, "/reads/made", {"referenceName": "1", "start": 100, "end": 200})
    answer = tmp_path / "answer.bam"
    answer.write_bytes(got.joined)
    assert [line.split("\t")[3] for line in read_alignments(answer)] == [
        str(start + 1) for start in range(56, 200, 8)
    ]
    assert got.joined.endswith(EOF_MARKER) and got.joined.count(EOF_MARKER) == 1


def test_large_answers_name_slices(client: Client, reads: DataFile, bam: Path) -> None:
    with_slices = fetch(client, "/reads/made")
    url = with_slices.urls[-1]["url"]
    assert url.startswith("http://testserver/data/") and len(url) < 120
    assert "headers" not in with_slices.urls[-1]
    assert with_slices.joined.endswith(EOF_MARKER)


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/reads/made", {"format": "bAm"}, (200, "")),
        ("/reads/made", {"format": "CRAM"}, (400, "UnsupportedFormat")),
        ("/reads/made", {"format": "VCF"}, (400, "UnsupportedFormat")),
        ("/reads/made", {"format": "SAM"}, (400, "UnsupportedFormat")),
        ("/reads/made", {"class": "header"}, (200, "")),
        ("/reads/made", {"class": "body"}, (400, "InvalidInput")),
        ("/reads/made", {"class": "header", "referenceName": "1"}, (400, "InvalidInput")),
        ("/reads/made", {"start": 1}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": "*", "end": 1}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": "1", "start": "-1"}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": "1", "start": 2**32}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": "1", "start": 2, "end": 1}, (400, "InvalidRange")),
        ("/reads/made", {"referenceName": "1", "start": 10_001}, (400, "InvalidRange")),
        ("/reads/made", {"referenceName": "1", "start": 10_001, "end": 10_002}, (400, "InvalidRange")),
        ("/reads/made", {"referenceName": "1", "start": 10_000}, (200, "")),
        ("/reads/made", {"referenceName": "1", "start": 5, "end": 5}, (200, "")),
        ("/reads/made", {"referenceName": "1", "start": 5, "end": 2**32 - 1}, (200, "")),
        ("/reads/made", {"referenceName": "none"}, (200, "")),
        ("/reads/made", {"referenceName": "*"}, (200, "")),
        ("/reads/made", {"referenceName": "3"}, (404, "NotFound")),
        ("/reads/made", {"referenceName": ""}, (404, "NotFound")),
        ("/reads/made", {"referenceName": "1\0"}, (404, "NotFound")),
        ("/reads/made", {"referenceMD5": ONE}, (200, "")),
        ("/reads/made", {"referenceMD5": ONE.upper()}, (200, "")),
        ("/reads/made", {"referenceMD5": "0" * 32}, (404, "NotFound")),
        ("/reads/made", {"referenceMD5": "nothing"}, (404, "NotFound")),
        ("/reads/made", {"referenceName": "1", "referenceMD5": ONE}, (200, "")),
        ("/reads/made", {"referenceName": "1", "referenceMD5": TWO}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": "1", "referenceMD5": "0" * 32}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": "none", "referenceMD5": ONE}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": "none", "referenceMD5": "0" * 32}, (404, "NotFound")),
        ("/reads/made", {"fields": "QNAME,SEQ", "tags": "", "notags": "RG"}, (200, "")),
        ("/reads/made", {"fields": "NAME"}, (400, "InvalidInput")),
        ("/reads/made", {"tags": "1A"}, (400, "InvalidInput")),
        ("/reads/made", {"tags": "RG", "notags": "RG"}, (400, "InvalidInput")),
        ("/reads/made", {"referenceName": ["1", "1"]}, (400, "InvalidInput")),
        ("/reads/made", {"encryptionScheme": "c4gh", "x": "y"}, (200, "")),
        ("/reads/other", {}, (404, "NotFound")),
        ("/reads/made/", {}, (404, "NotFound")),
        ("/reads/MADE", {}, (404, "NotFound")),
        ("/reads/a%00b", {}, (404, "NotFound")),
        ("/reads/%FF", {}, (404, "NotFound")),
        ("/reads/a%0Ab", {}, (404, "NotFound")),
        ("/reads/" + "x" * 5000, {}, (404, "NotFound")),
        ("/reads/", {}, (404, "NotFound")),
        ("/reads", {}, (404, "NotFound")),
        ("/variants/", {}, (404, "NotFound")),
        ("/variants/made", {}, (404, "NotFound")),
        ("/data/", {}, (404, "NotFound")),
    ],
)
def test_requests_of_get(
    client: Client, reads: DataFile, path: str, query: dict[str, Any], expected: tuple[int, str]
) -> None:
    response = client.get(path, query)
    if expected[0] == 200:
        assert response.status_code == 200, response.content
        assert response.headers["Content-Type"] == TYPE
    else:
        assert refused(response) == expected
    head = client.head(path, query)
    assert (head.status_code, head.content) == (response.status_code, b"")
    assert head.headers["Content-Length"] == str(len(response.content))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (200, "")),
        ({"format": "bAm"}, (200, "")),
        ({"format": "CRAM"}, (400, "UnsupportedFormat")),
        ({"format": "VCF"}, (400, "UnsupportedFormat")),
        ({"class": "header"}, (200, "")),
        ({"class": "body"}, (400, "InvalidInput")),
        ({"class": "header", "regions": [{"referenceName": "1"}]}, (400, "InvalidInput")),
        ({"referenceName": "1"}, (400, "InvalidInput")),
        (regions(), (400, "InvalidInput")),
        (regions({"start": 1, "end": 2}), (400, "InvalidInput")),
        (regions({"referenceName": "*", "start": 1}), (400, "InvalidInput")),
        (regions({"referenceName": "1", "start": "1"}), (400, "InvalidInput")),
        (regions({"referenceName": "1", "start": 2**32}), (400, "InvalidInput")),
        (regions({"referenceName": "1", "start": 5, "end": 5}), (400, "InvalidRange")),
        (regions({"referenceName": "1", "start": 6, "end": 5}), (400, "InvalidRange")),
        (regions({"referenceName": "1", "start": 10_001}), (400, "InvalidRange")),
        (regions({"referenceName": "2"}, {"referenceName": "1", "start": 10_001}), (400, "InvalidRange")),
        (regions({"referenceName": "1", "end": 2**32 - 1}), (200, "")),
        (regions({"referenceName": "none"}), (200, "")),
        (regions({"referenceName": "*"}), (200, "")),
        (regions({"referenceName": "*"}, {"referenceName": "2", "start": 5, "end": 6}), (200, "")),
        (regions({"referenceName": "1"}, {"referenceName": "3"}), (404, "NotFound")),
        (regions({"referenceName": "\ud800"}), (404, "NotFound")),
        (regions({"referenceName": "\0"}), (404, "NotFound")),
        (regions({"referenceName": "1", "referenceMD5": ONE}), (200, "")),
        (regions({"referenceName": "1", "referenceMD5": TWO}), (400, "InvalidInput")),
        ({"tags": ["RG"], "notags": ["RG"]}, (400, "InvalidInput")),
        ({"encryptionScheme": "c4gh"}, (200, "")),
        ([], (400, "InvalidInput")),
        ("text", (400, "InvalidInput")),
    ],
)
def test_requests_of_post(client: Client, reads: DataFile, body: object, expected: tuple[int, str]) -> None:
    response = client.post("/reads/made", json.dumps(body), content_type="application/json")
    if expected[0] == 200:
        assert response.status_code == 200, response.content
        assert response.headers["Content-Type"] == TYPE
    else:
        assert refused(response) == expected


def test_post_of_an_unknown_id_and_with_a_query(client: Client, reads: DataFile) -> None:
    assert refused(client.post("/reads/no", "{}", content_type="application/json")) == (404, "NotFound")
    response = client.post("/reads/made?format=BAM", "{}", content_type="application/json")
    assert refused(response) == (400, "InvalidInput")
    # The body counts, whatever its type is said to be.
    assert client.post("/reads/made", "{}", content_type="text/plain").status_code == 200
    for form in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        assert client.post("/reads/made", "{}", content_type=form).status_code == 200


def test_bodies_that_are_too_large(client: Client, reads: DataFile, settings: Any) -> None:
    settings.HTSGET_MAX_POST_BYTES = 100
    exact = json.dumps({"format": "BAM"}).ljust(100)
    assert client.post("/reads/made", exact, content_type="application/json").status_code == 200
    response = client.post("/reads/made", exact + " ", content_type="application/json")
    assert refused(response) == (413, "PayloadTooLarge")
    response = client.post(
        "/reads/made", exact, content_type="application/json", headers={"Content-Length": "9" * 5000}
    )
    assert refused(response) == (413, "PayloadTooLarge")


def test_the_default_limit_of_a_body(client: Client, reads: DataFile) -> None:
    assert settings.HTSGET_MAX_POST_BYTES == 1 << 20
    body = json.dumps(regions({"referenceName": "2", "start": 1, "end": 9})).ljust(1 << 20)
    assert client.post("/reads/made", body, content_type="application/json").status_code == 200
    response = client.post("/reads/made", body + " ", content_type="application/json")
    assert refused(response) == (413, "PayloadTooLarge")


@pytest.mark.parametrize(
    "path", ["/reads/made", "/variants/made", "/reads/service-info", "/data/x", "/services"]
)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods(client: Client, path: str, method: str) -> None:
    response = client.generic(method, path)
    assert refused(response) == (405, "MethodNotAllowed")
    allowed = response.headers["Allow"].split(", ")
    assert "GET" in allowed and method not in allowed
    assert ("POST" in allowed) == (path.endswith("made"))


def test_post_where_only_get_is_possible(client: Client) -> None:
    for path in ("/reads/service-info", "/variants/service-info", "/data/x", "/services"):
        assert refused(client.post(path)) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("", "1.3.0"),
        ("*/*", "1.3.0"),
        ("application/json", "1.3.0"),
        ("text/html, image/gif, */*;q=.2", "1.3.0"),
        *((f"application/vnd.ga4gh.htsget.v{version}+json", version) for version in VERSIONS),
        ("application/vnd.ga4gh.htsget.v9.9.9+json", "1.3.0"),
        ("application/vnd.ga4gh.htsget.v1.0.0+json, application/vnd.ga4gh.htsget.v1.2.1+json", "1.2.1"),
        ("application/vnd.ga4gh.htsget.v1.0.0+json, application/vnd.ga4gh.htsget.v1.2.1+json;q=0.5", "1.0.0"),
        ("application/vnd.ga4gh.htsget.v1.0.0+json;q=0", "1.3.0"),
        ("APPLICATION/VND.GA4GH.HTSGET.V1.2.0+JSON; charset=utf-8", "1.2.0"),
        ("application/vnd.ga4gh.htsget.v1.0.0+json;q=high", "1.3.0"),
    ],
)
def test_versions(accept: str, version: str) -> None:
    assert ticket_type(accept) == f"application/vnd.ga4gh.htsget.v{version}+json; charset=utf-8"


def test_the_version_that_is_accepted(client: Client, reads: DataFile) -> None:
    response = client.get("/reads/made", headers={"Accept": "application/vnd.ga4gh.htsget.v1.0.0+json"})
    assert response.headers["Content-Type"] == "application/vnd.ga4gh.htsget.v1.0.0+json; charset=utf-8"
    assert "Accept" in response.headers["Vary"]


def test_service_info(client: Client) -> None:
    for kind, formats in (("reads", ["BAM", "CRAM"]), ("variants", ["VCF", "BCF"])):
        response = client.get(f"/{kind}/service-info")
        assert response.status_code == 200 and response.headers["Content-Type"] == "application/json"
        document = json.loads(response.content)
        assert document["type"] == {"group": "org.ga4gh", "artifact": "htsget", "version": "1.3.0"}
        assert document["htsget"] == {
            "datatype": kind,
            "formats": formats,
            "fieldsParameterEffective": kind == "reads",
            "tagsParametersEffective": kind == "reads",
        }
        for required in ("id", "name", "organization", "version"):
            assert document[required]
        assert sorted(document["organization"]) == ["name", "url"]


def test_the_registry_listing(client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://data.example.org/ga4gh"
    entries = json.loads(client.get("/services").content)
    by_url = {entry["url"]: entry for entry in entries}
    for kind in ("reads", "variants"):
        entry = by_url[f"https://data.example.org/ga4gh/{kind}"]
        assert entry["id"] == json.loads(client.get(f"/{kind}/service-info").content)["id"]
        assert entry["type"]["artifact"] == "htsget"


def test_urls_are_those_of_the_site(client: Client, reads: DataFile, settings: Any) -> None:
    def url(**headers: str) -> str:
        response = client.get("/reads/made", headers=headers)
        return str(json.loads(response.content)["htsget"]["urls"][-1]["url"])

    settings.ALLOWED_HOSTS = ["data.example.org"]
    assert url(Host="data.example.org").startswith("http://data.example.org/data/")
    # What a client says of proxies is not believed unless an operator says so.
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
    }
    assert url(Host="data.example.org", **forged).startswith("http://data.example.org/data/")
    assert refused(client.get("/reads/made", headers={"Host": "evil.example"})) == (400, "InvalidInput")
    settings.PUBLIC_URL = "https://public.example/x"
    assert url(Host="evil.example").startswith("https://public.example/x/data/")


@pytest.mark.parametrize("path", ["/reads/made", "/variants/made", "/data/x", "/reads/service-info"])
def test_pages_of_other_origins(client: Client, reads: DataFile, path: str) -> None:
    origin = "https://igv.example"
    response = client.get(path, headers={"Origin": origin})
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "origin" in response.headers["Vary"].lower()
    assert "Access-Control-Allow-Origin" not in client.get(path).headers
    for method in ("GET", "POST", "HEAD"):
        preflight = client.options(
            path,
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "authorization, range, x-own",
            },
        )
        assert preflight.status_code in (200, 204)
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        assert preflight.headers["Access-Control-Allow-Headers"] == "authorization, range, x-own"
        assert method in preflight.headers["Access-Control-Allow-Methods"]
        assert preflight.headers["Access-Control-Max-Age"] == "2592000"


def test_cookies_are_never_read_or_set(client: Client, reads: DataFile) -> None:
    plain = client.get("/reads/made")
    client.cookies["sessionid"] = "anything"
    client.cookies["csrftoken"] = "anything"
    for response in (
        client.get("/reads/made"),
        client.post("/reads/made", "{}", content_type="application/json"),
    ):
        assert response.status_code == 200
        assert not response.cookies and "Cookie" not in response.headers.get("Vary", "")
    assert len(plain.content) == len(client.get("/reads/made").content)


def test_options(client: Client) -> None:
    response = client.options("/reads/made")
    assert response.status_code == 204 and response.content == b""
    assert response.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_few_queries(client: Client, reads: DataFile, django_assert_num_queries: Any, settings: Any) -> None:
    forget_files()
    query: dict[str, str | int] = {"referenceName": "1", "start": 100, "end": 200}
    # One of each is the record of the audit; header and index of the contig come by one statement, the first time.
    with django_assert_num_queries(3):
        client.get("/reads/made", query)
    # With a rate, too: it is counted by the statement that looks up the file.
    for settings.THROTTLE_TICKETS_ADDRESS in (None, Rate(100, 3600)):
        with django_assert_num_queries(2):
            client.get("/reads/made", query)
    url = fetch(client, "/reads/made").urls[-1]["url"]
    with django_assert_num_queries(2):
        client.get(url)


def test_requests_refused_before_the_look_up_are_counted(
    client: Client, reads: DataFile, settings: Any
) -> None:
    settings.THROTTLE_TICKETS_ADDRESS = Rate(2, 3600)
    asked = [client.get("/reads/made", {"format": format}) for format in ("NONE", "BAM", "NONE", "BAM")]
    assert [response.status_code for response in asked] == [400, 200, 429, 429]
    assert "Retry-After" in asked[2].headers


def test_many_regions_count_as_several_tickets(client: Client, reads: DataFile, settings: Any) -> None:
    settings.THROTTLE_TICKETS_ADDRESS = Rate(5, 3600)

    def posted(regions: int) -> int:
        body = {"regions": [{"referenceName": "1", "start": at, "end": at + 1} for at in range(regions)]}
        return client.post("/reads/made", json.dumps(body), content_type="application/json").status_code

    # 1 and 1 + 3 use up the rate.
    assert [posted(REGIONS_PER_TICKET - 1), posted(3 * REGIONS_PER_TICKET), posted(REGIONS_PER_TICKET)] == [
        200,
        200,
        429,
    ]
    assert client.get("/reads/made").status_code == 429
