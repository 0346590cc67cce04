"""Tickets over HTTP: every row of the tables of requests and errors that needs a file, access, transport."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from catalogue.errors import StorageUnavailable
from catalogue.formats.bgzf import EOF_MARKER
from catalogue.formats.digests import sequence_digests
from catalogue.models import Alias, Contig, DataFile, Dataset, NamingAuthority, Sequence
from catalogue.queries import forget_files
from catalogue.rate_limits import Rate
from catalogue.storage import LocalStorage
from htsget_app.media_types import VERSIONS, ticket_type
from htsget_app.views import REGIONS_PER_TICKET
from tests.htsget_app.made_data import (
    fetch,
    make_data_file,
    make_dataset,
    read_alignments,
    refused,
    stored_path,
    write_bam,
    write_cram,
    write_vcf,
)

pytestmark = pytest.mark.django_db

ONE = sequence_digests(b"ACGTTGCA" * 1250).md5_hex
TWO = sequence_digests(b"GGCC" * 500).md5_hex
TYPE = "application/vnd.ga4gh.htsget.v1.3.0+json; charset=utf-8"


@pytest.fixture(scope="module")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bam(
        tmp_path_factory.mktemp("bam") / "made.bam",
        contigs=[("1", 10_000, ONE), ("2", 2_000, TWO), ("none", 500, None)],
        reads=[(i % 2, i * 4 % (9_900 if i % 2 == 0 else 1_900), 50) for i in range(2_400)],
        unplaced=40,
    )


@pytest.fixture(scope="module")
def vcf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vcf(
        tmp_path_factory.mktemp("vcf") / "made.vcf.gz",
        contigs=[("1", 10_000), ("2", None)],
        records=[(i % 2, i * 5 % 9_990) for i in range(500)],
    )


@pytest.fixture
def reads(bam: Path) -> DataFile:
    return make_data_file(bam, "made")


@pytest.fixture
def variants(vcf: Path) -> DataFile:
    return make_data_file(vcf, "made")


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


def regions(*regions: dict[str, Any]) -> dict[str, Any]:
    return {"regions": list(regions)}


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


def test_several_formats_under_one_id(client: Client, reads: DataFile, bam: Path, tmp_path: Path) -> None:
    make_data_file(write_cram(tmp_path), "made")
    assert json.loads(client.get("/reads/made").content)["htsget"]["format"] == "BAM"
    assert json.loads(client.get("/reads/made?format=cram").content)["htsget"]["format"] == "CRAM"
    DataFile.objects.filter(format="BAM").delete()
    assert refused(client.get("/reads/made")) == (400, "UnsupportedFormat")
    assert client.get("/reads/made?format=CRAM").status_code == 200


def test_ids_with_slashes(client: Client, bam: Path) -> None:
    make_data_file(bam, "platinum/NA12878/run 1")
    for path in ("/reads/platinum/NA12878/run 1", "/reads/platinum%2FNA12878%2Frun%201"):
        assert client.get(path).status_code == 200


def test_a_file_without_an_index(client: Client, bam: Path) -> None:
    make_data_file(bam, "whole", indexed=False)
    assert fetch(client, "/reads/whole").joined.endswith(EOF_MARKER)
    assert client.get("/reads/whole?class=header").status_code == 200
    for query in ("referenceName=1", "referenceName=*", f"referenceMD5={ONE}"):
        assert refused(client.get(f"/reads/whole?{query}")) == (400, "InvalidInput")


def test_variants(client: Client, variants: DataFile) -> None:
    assert json.loads(client.get("/variants/made").content)["htsget"]["format"] == "VCF"
    assert refused(client.get("/variants/made?referenceName=*")) == (404, "NotFound")
    assert refused(client.get("/variants/made?format=BAM")) == (400, "UnsupportedFormat")
    assert client.get("/variants/made?referenceName=1&start=10001").status_code == 400
    # A contig of unknown length has no end that a start could be beyond.
    assert client.get("/variants/made?referenceName=2&start=4000000000").status_code == 200


def name_sequence(md5: str, *names: str) -> None:
    authority = NamingAuthority.objects.get(name="ucsc")
    sequence = Sequence.objects.get(md5=bytes.fromhex(md5))
    for name in names:
        Alias.objects.create(authority=authority, name=name, sequence=sequence)


def test_references_by_other_names(client: Client, reads: DataFile, tmp_path: Path) -> None:
    name_sequence(ONE, "chr1", "common")
    name_sequence(TWO, "1", "common")
    plain = fetch(client, "/reads/made", {"referenceName": "1", "start": 40, "end": 90}).joined
    for name in ("chr1", ONE, f"md5:{ONE}"):
        assert fetch(client, "/reads/made", {"referenceName": name, "start": 40, "end": 90}).joined == plain
    body = regions(
        {"referenceName": "chr1", "start": 40, "end": 90}, {"referenceName": "1", "start": 60, "end": 70}
    )
    assert fetch(client, "/reads/made", body=body).joined == plain
    both: dict[str, str | int] = {"referenceName": "chr1", "referenceMD5": ONE, "start": 40, "end": 90}
    assert fetch(client, "/reads/made", both).joined == plain
    assert refused(client.get("/reads/made", {**both, "referenceMD5": TWO})) == (400, "InvalidInput")
    # The file's own name goes first, and a name of two of its contigs means neither.
    assert fetch(client, "/reads/made", {"referenceName": "1", "start": 40, "end": 90}).joined == plain
    assert refused(client.get("/reads/made?referenceName=common")) == (400, "InvalidInput")
    assert refused(client.get("/reads/made?referenceName=chr2")) == (404, "NotFound")


def test_an_md5_of_two_contigs(client: Client, reads: DataFile) -> None:
    Contig.objects.filter(file=reads, name="none").update(md5=bytes.fromhex(ONE))
    forget_files()
    assert refused(client.get(f"/reads/made?referenceMD5={ONE}")) == (400, "InvalidInput")
    assert client.get(f"/reads/made?referenceMD5={ONE}&referenceName=none").status_code == 200


@pytest.mark.parametrize("visibility", ["registered", "controlled"])
def test_datasets_that_are_not_public(client: Client, bam: Path, visibility: str) -> None:
    """Whatever is asked, nothing is told but that credentials are needed; also after a cache was filled."""
    dataset = make_dataset("closed", visibility="public")
    make_data_file(bam, "closed", dataset=dataset)
    url = fetch(client, "/reads/closed").urls[-1]["url"]
    assert client.get("/reads/closed?referenceName=1").status_code == 200
    Dataset.objects.filter(pk=dataset.pk).update(visibility=visibility)
    attempts = [
        client.get("/reads/closed"),
        client.get("/reads/closed?class=header"),
        client.get("/reads/closed?referenceName=1"),
        client.get("/reads/closed?referenceName=unknown"),
        client.get("/reads/closed?format=CRAM"),
        client.post("/reads/closed", "{}", content_type="application/json"),
    ]
    for response in attempts:
        assert refused(response) == (401, "InvalidAuthentication")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    # A URL that anybody was given is not one that credentials could open again.
    for old in (client.get(url), client.get(url, headers={"Range": "bytes=0-1"}), client.head(url)):
        assert old.status_code == 403
    bad = client.get("/reads/closed", headers={"Authorization": "Bearer abc"})
    assert refused(bad) == (401, "InvalidAuthentication")
    assert bad.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert client.head("/reads/closed").status_code == 401


def test_credentials_where_none_are_needed(client: Client, reads: DataFile) -> None:
    assert client.get("/reads/made", headers={"Authorization": "Bearer abc"}).status_code == 200


def test_a_closed_format_beside_an_open_one(client: Client, bam: Path, tmp_path: Path) -> None:
    make_data_file(bam, "both")
    make_data_file(write_cram(tmp_path), "both", dataset=make_dataset("closed", visibility="controlled"))
    assert client.get("/reads/both").status_code == 200
    assert refused(client.get("/reads/both?format=CRAM")) == (401, "InvalidAuthentication")


def test_service_info(client: Client) -> None:
    for kind, formats in (("reads", ["BAM", "CRAM"]), ("variants", ["VCF", "BCF"])):
        response = client.get(f"/{kind}/service-info")
        assert response.status_code == 200 and response.headers["Content-Type"] == "application/json"
        document = json.loads(response.content)
        assert document["type"] == {"group": "org.ga4gh", "artifact": "htsget", "version": "1.3.0"}
        assert document["htsget"] == {
            "datatype": kind,
            "formats": formats,
            "fieldsParameterEffective": False,
            "tagsParametersEffective": False,
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


def test_few_queries(client: Client, reads: DataFile, django_assert_num_queries: Any) -> None:
    forget_files()
    query: dict[str, str | int] = {"referenceName": "1", "start": 100, "end": 200}
    # One of each is the record of the audit.
    with django_assert_num_queries(4):
        client.get("/reads/made", query)
    with django_assert_num_queries(2):
        client.get("/reads/made", query)
    url = fetch(client, "/reads/made").urls[-1]["url"]
    with django_assert_num_queries(2):
        client.get(url)


# --- Files that are no longer what was registered ---------------------------------------------------------------


@pytest.fixture
def restored(reads: DataFile) -> Iterator[Path]:
    """The path of the stored object, which is put back afterwards, to the nanosecond."""
    path = stored_path(reads)
    content, times = path.read_bytes(), path.stat()
    yield path
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def state(file: DataFile) -> tuple[str, str]:
    file.refresh_from_db()
    return file.state, file.state_reason


@pytest.mark.parametrize("query", ["", "class=header", "referenceName=1&start=5&end=10", "referenceName=*"])
def test_a_file_that_is_missing(
    client: Client, reads: DataFile, restored: Path, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    assert client.get(f"/reads/made?{query}").status_code == 200
    kept = restored.rename(restored.with_suffix(".away"))
    response = client.get(f"/reads/made?{query}")
    assert refused(response) == (500, "InternalError")
    assert str(restored) not in response.content.decode() and restored.name not in response.content.decode()
    assert state(reads)[0] == "missing"
    assert f"data file {reads.pk}: an object of storage 'files' is missing" in caplog.text
    # It is back, and the mark goes.
    kept.rename(restored)
    assert client.get(f"/reads/made?{query}").status_code == 200
    assert state(reads) == ("ready", "")


def test_a_file_that_grew(client: Client, reads: DataFile, restored: Path) -> None:
    with restored.open("ab") as file:
        file.write(b"more")
    assert refused(client.get("/reads/made")) == (500, "InternalError")
    assert state(reads)[0] == "changed" and "bytes" in state(reads)[1]


def test_a_file_of_the_same_size_and_another_time(client: Client, reads: DataFile, restored: Path) -> None:
    os.utime(restored, ns=(0, 0))
    for query in ("", "?class=header", "?referenceName=1&start=5&end=10"):
        assert refused(client.get(f"/reads/made{query}")) == (500, "InternalError")
    assert state(reads) == ("changed", "another ETag than was registered")


def test_a_file_that_is_damaged_unnoticed(
    client: Client, reads: DataFile, restored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its size and time are as registered, so that only its blocks tell."""
    times, content = restored.stat(), bytearray(restored.read_bytes())
    for at in range(2000, len(content) - 28, 50):
        content[at] ^= 0x55
    restored.write_bytes(content)
    os.utime(restored, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert refused(client.get("/reads/made?referenceName=2&start=5&end=10")) == (500, "InternalError")
    assert state(reads)[0] == "corrupt" and f"500 for 'reads/made': data file {reads.pk}: " in caplog.text
    assert client.get("/reads/made?class=header").status_code == 200
    assert state(reads)[0] == "corrupt", "reading what is sound does not heal the rest"


def test_a_missing_file_is_one_line_of_the_log(
    client: Client, reads: DataFile, restored: Path, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    """For each request, whether it is the first to find out or not, and without a traceback."""
    settings.HTSGET_INLINE_BYTES = 0
    data_url = fetch(client, "/reads/made").urls[-1]["url"]
    restored.unlink()
    for path in ("/reads/made", "/reads/made", "/reads/made?referenceName=1", data_url, data_url):
        caplog.clear()
        assert client.get(path).status_code == 500
        (line,) = caplog.records
        assert f"data file {reads.pk}: an object of storage 'files' is missing" in line.getMessage()
        assert line.exc_info is None and line.levelno == logging.ERROR


def test_a_note_is_made_once(
    client: Client, reads: DataFile, restored: Path, django_assert_num_queries: Any
) -> None:
    restored.unlink()
    client.get("/reads/made")
    since = DataFile.objects.get(pk=reads.pk).state_since
    client.get("/reads/made")
    assert DataFile.objects.get(pk=reads.pk).state_since == since


def test_a_storage_that_does_not_answer(
    client: Client, reads: DataFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: LocalStorage, *args: object) -> None:
        raise StorageUnavailable("the wire to /secret/place is cut")

    url = fetch(client, "/reads/made").urls[-1]["url"]
    monkeypatch.setattr(LocalStorage, "stat", fail)
    for response in (client.get("/reads/made"), client.get("/reads/made?class=header"), client.get(url)):
        assert refused(response) == (503, "ServiceUnavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert b"secret" not in response.content
    assert "the wire to /secret/place is cut" in caplog.text
    assert state(reads) == ("ready", ""), "that says nothing about this file"


def test_a_database_that_does_not_answer(
    client: Client, reads: DataFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise OperationalError("password of the database")

    monkeypatch.setattr("catalogue.queries.find_file", fail)
    response = client.get("/reads/made")
    assert refused(response) == (503, "ServiceUnavailable") and "Retry-After" in response.headers
    assert b"password" not in response.content


def test_a_fault_of_ours(
    client: Client, reads: DataFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the inside")

    monkeypatch.setattr("htsget_app.tickets.plan", fail)
    with caplog.at_level(logging.ERROR):
        response = client.get("/reads/made")
    assert refused(response) == (500, "InternalError")
    assert b"inside" not in response.content and "ZeroDivisionError: the inside" in caplog.text


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
