"""The resources of sequence collections, below both roots."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from seqcol_app import views
from seqcol_app.protocol import MAX_BODY
from tests.catalogue.made_collections import make_collection
from tests.seqcol_app.made_base import BASE, BASE_DIGEST, LEVEL1, LEVEL2, NAMES_DIGEST, ORDER_DIGEST

pytestmark = pytest.mark.django_db

ABSENT = "A" * 32
ROOTS = ("", "/seqcol")


def got(client: Client, path: str, **more: Any) -> Any:
    response = client.get(path, **more)
    body = b"".join(response) if response.streaming else response.content
    assert response.status_code == 200, body
    assert response.headers["Content-Type"].startswith("application/json")
    return json.loads(body)


@pytest.mark.parametrize("root", ROOTS)
def test_levels_of_a_collection(client: Client, base: None, root: str) -> None:
    path = f"{root}/collection/{BASE_DIGEST}"
    assert got(client, path) == got(client, f"{path}/?level=2") == LEVEL2
    assert got(client, f"{path}?level=1") == LEVEL1
    assert got(client, f"{path}?collated=false")[1] == {
        "name": "chr1",
        "length": 4,
        "sequence": "SQ.YBbVX0dLKG1ieEDCiMmkrTZFt_Z5Vdaj",
    }


def test_a_large_collection_is_streamed(client: Client, base: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_WRITTEN_AT_ONCE", 2)
    path = f"/collection/{BASE_DIGEST}"
    assert client.get(path).streaming
    assert got(client, path) == LEVEL2
    assert client.head(path).status_code == 200
    assert len(got(client, f"{path}?collated=false")) == 3
    assert got(client, f"/attribute/collection/names/{LEVEL1['names']}") == LEVEL2["names"]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("attribute", sorted(LEVEL2))
def test_attributes(client: Client, base: None, root: str, attribute: str) -> None:
    path = f"{root}/attribute/collection/{attribute}/{LEVEL1[attribute]}"
    assert got(client, path) == LEVEL2[attribute]
    etag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("name", ["insdc:BASE.1", "INSDC:BASE.1", "insdc%3ABASE.1"])
def test_names_redirect_to_the_digest(client: Client, base: None, root: str, name: str) -> None:
    response = client.get(f"{root}/collection/{name}?level=1")
    assert response.status_code == 307
    assert response.headers["Location"] == f"http://testserver{root}/collection/{BASE_DIGEST}?level=1"
    assert response.headers["Cache-Control"] == "no-store"
    response = client.get(f"{root}/comparison/{name}/order")
    assert response.headers["Location"] == f"http://testserver{root}/comparison/{BASE_DIGEST}/order"
    response = client.post(f"{root}/comparison/order", LEVEL2, content_type="application/json")
    assert (response.status_code, response.headers["Location"]) == (
        307,
        f"http://testserver{root}/comparison/{ORDER_DIGEST}",
    )


def test_a_name_in_the_form_of_a_digest_is_a_name(client: Client, base: None) -> None:
    make_collection("B" * 32, {"a": b"ACGT"})
    location = client.get(f"/collection/{'B' * 32}").headers["Location"]
    assert got(client, location.removeprefix("http://testserver"))["names"] == ["a"]


@pytest.mark.parametrize("root", ROOTS)
def test_comparison(client: Client, base: None, root: str) -> None:
    answer = got(client, f"{root}/comparison/{BASE_DIGEST}/{ORDER_DIGEST}")
    assert answer["digests"] == {"a": BASE_DIGEST, "b": ORDER_DIGEST}
    kept = sorted(LEVEL2)
    assert answer["attributes"] == {"a_only": [], "b_only": [], "a_and_b": kept}
    elements = answer["array_elements"]
    assert elements["a_count"] == elements["b_count"] == elements["a_and_b_count"] == dict.fromkeys(kept, 3)
    expected = dict.fromkeys(kept, False) | {"sorted_sequences": True}
    assert elements["a_and_b_same_order"] == expected
    same = got(client, f"{root}/comparison/{BASE_DIGEST}/{BASE_DIGEST}")
    assert same["array_elements"]["a_and_b_same_order"] == dict.fromkeys(kept, True)


def test_arrays_are_read_with_the_cursor_that_debug_gives(client: Client, base: None) -> None:
    with CaptureQueriesContext(connection):
        assert got(client, f"/collection/{BASE_DIGEST}?level=2")["names"] == LEVEL2["names"]


@pytest.mark.parametrize("root", ROOTS)
def test_comparison_with_ones_own(client: Client, base: None, root: str) -> None:
    path = f"{root}/comparison/{ORDER_DIGEST}"
    answer = client.post(path, LEVEL2, content_type="application/json").json()
    assert answer["digests"] == {"a": ORDER_DIGEST, "b": BASE_DIGEST}
    swapped = got(client, f"{root}/comparison/{ORDER_DIGEST}/{BASE_DIGEST}")
    assert {**answer, "digests": None} == {**swapped, "digests": None}
    sizes = {"names": ["chr1", "chr1", "é"], "lengths": [4, 4, 9], "mine": [[1], {"x": 2}, None], "other": 5}
    answer = client.post(path, sizes, content_type="application/json").json()
    assert answer["digests"] == {"a": ORDER_DIGEST, "b": None}
    assert answer["attributes"]["b_only"] == ["mine"]
    assert answer["attributes"]["a_and_b"] == ["lengths", "names"]
    assert answer["array_elements"]["a_and_b_count"] == {"lengths": 2, "names": 1}
    assert answer["array_elements"]["a_and_b_same_order"] == {"lengths": True, "names": None}


@pytest.mark.parametrize("root", ROOTS)
def test_lists(client: Client, base: None, root: str) -> None:
    path = f"{root}/list/collection"
    everything = got(client, path)
    assert set(everything["results"]) == {BASE_DIGEST, ORDER_DIGEST, NAMES_DIGEST}
    assert everything["pagination"] == {"page": 0, "page_size": 100, "total": 3}
    pages = [got(client, f"{path}?page={page}&page_size=2")["results"] for page in range(3)]
    assert (pages[0] + pages[1], pages[2]) == (everything["results"], [])

    def filtered(**wanted: str) -> Any:
        return got(client, f"{path}?" + "&".join(f"{name}={digest}" for name, digest in wanted.items()))

    for attribute, digest in LEVEL1.items():
        assert BASE_DIGEST in filtered(**{attribute: digest})["results"]
    pairs = LEVEL1["sorted_name_length_pairs"]
    assert set(filtered(sorted_name_length_pairs=pairs)["results"]) == {BASE_DIGEST, ORDER_DIGEST}
    both = filtered(sorted_name_length_pairs=pairs, lengths=LEVEL1["lengths"])
    assert (both["results"], both["pagination"]["total"]) == ([BASE_DIGEST], 1)
    assert filtered(names=LEVEL1["names"], lengths=ABSENT)["results"] == []


@pytest.mark.parametrize("root", ROOTS)
def test_lists_of_attributes(client: Client, base: None, root: str) -> None:
    lengths = got(client, f"{root}/list/attributes/lengths")
    assert (len(lengths["results"]), lengths["pagination"]["total"]) == (2, 2)
    assert LEVEL1["lengths"] in lengths["results"]
    first = got(client, f"{root}/list/attributes/names?page_size=1&page=0")["results"]
    second = got(client, f"{root}/list/attributes/names?page_size=1&page=1")["results"]
    assert len({*first, *second}) == 2
    pairs = got(client, f"{root}/list/attributes/sorted_name_length_pairs")["results"]
    assert LEVEL1["sorted_name_length_pairs"] in pairs


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/collection/{ABSENT}", 404),
        ("/collection/nothing", 404),
        ("/collection/a/b", 404),
        ("/collection/%00", 404),
        ("/collection/%ff", 404),
        ("/collection/", 404),
        (f"/collection/{BASE_DIGEST}x", 404),
        (f"/collection/{BASE_DIGEST}?level=0", 400),
        (f"/collection/{BASE_DIGEST}?level=3", 400),
        (f"/collection/{BASE_DIGEST}?level=", 400),
        (f"/collection/{BASE_DIGEST}?level=1&level=2", 400),
        (f"/collection/{BASE_DIGEST}?level=%D9%A1", 400),
        (f"/collection/{BASE_DIGEST}?collated=maybe", 400),
        (f"/comparison/{BASE_DIGEST}/{ABSENT}", 404),
        (f"/comparison/{ABSENT}/{BASE_DIGEST}", 404),
        (f"/comparison/{BASE_DIGEST}", 405),
        ("/comparison", 404),
        ("/list", 404),
        ("/list/sequence", 404),
        ("/list/collection?page=-1", 400),
        ("/list/collection?page=1e3", 400),
        ("/list/collection?page=" + "9" * 5000, 400),
        ("/list/collection?page=999999999", 200),
        ("/list/collection?page_size=0", 400),
        ("/list/collection?page_size=10001", 400),
        ("/list/collection?names=short", 400),
        ("/list/collection?names=", 400),
        (f"/list/collection?colour={ABSENT}", 400),
        ("/list/collection?" + "&".join(f"a{number}=" for number in range(200)), 400),
        ("/list/attributes/colours", 404),
        ("/list/attributes/names?page=x", 400),
        (f"/attribute/collection/names/{ABSENT}", 404),
        ("/attribute/collection/names/short", 404),
        (f"/attribute/collection/colours/{ABSENT}", 404),
        (f"/attribute/sequence/names/{ABSENT}", 404),
        (f"/attribute/collection/sorted_name_length_pairs/{LEVEL1['sorted_name_length_pairs']}", 404),
    ],
)
def test_faults_are_json(client: Client, base: None, root: str, path: str, status: int) -> None:
    response = client.get(root + path)
    assert response.status_code == status
    if status != 200:
        document = response.json()
        assert document["status"] == status and document["message"]
    assert client.head(root + path).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"names": "a"}',
        b'{"names": null}',
        b'{"names": [1]}',
        b'{"names": [["a"]]}',
        b'{"lengths": ["4"]}',
        b'{"lengths": [4.0]}',
        b'{"lengths": [true]}',
        b'{"lengths": [NaN]}',
        b'{"lengths": [' + b"9" * 5000 + b"]}",
        b'{"names": ["\\ud800"]}',
        b'{"names": ["\xff"]}',
        b'{"name_length_pairs": [["chr1", 4]]}',
        b'{"name_length_pairs": [{"name": "chr1"}]}',
        b'{"name_length_pairs": [{"name": "chr1", "length": "4"}]}',
        b'{"names": ["a", "b"], "lengths": [4]}',
        b'{"x": ' + b"[" * 100_000,
        b'{"other": 5}',
    ],
)
def test_bodies_that_are_no_collection(client: Client, base: None, body: bytes) -> None:
    response = client.post(f"/comparison/{BASE_DIGEST}", body, content_type="application/json")
    assert response.status_code == 400, response.content
    assert response.json()["message"]


def test_a_body_that_is_too_long(client: Client, base: None) -> None:
    body = b" " * (MAX_BODY + 1)
    response = client.post(f"/comparison/{BASE_DIGEST}", body, content_type="application/json")
    assert response.status_code == 413


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods(client: Client, base: None, method: str) -> None:
    response = getattr(client, method)(f"/collection/{BASE_DIGEST}")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_pages_of_other_origins_may_compare(client: Client, base: None) -> None:
    asked = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = client.options(f"/comparison/{BASE_DIGEST}", headers=asked)
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Origin"] in {"*", "https://page.example"}


def test_a_collection_without_a_digest_says_so(client: Client) -> None:
    make_collection("partial", BASE, md5_only=["chr1"])
    response = client.get("/collection/partial")
    assert response.status_code == 404 and "md5" in response.json()["message"]
    assert got(client, "/list/collection")["results"] == []
