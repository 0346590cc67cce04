"""Pages of collections, and how two differ."""

import re

import pytest
from django.test import Client

from tests.catalogue.made_collections import make_collection
from tests.portal.conftest import GENOME, Portal
from tests.portal.pages.opened import CHR_A, content_of, digest_of

pytestmark = pytest.mark.django_db


def test_a_collection(client: Client, portal: Portal) -> None:
    digest = digest_of(portal)
    assert client.get("/collections/lab-1.0").headers["Location"] == f"/collections/{digest}"
    content = content_of(client, f"/collections/{digest}")
    for said in (
        "lab-1.0",
        "chrA",
        "30,000",
        CHR_A.sq,
        "The open data",
        f"/collections/{digest}.fa.fai",
        "sorted_sequences",
    ):
        assert said in content
    assert client.get(f"/collections/{digest}.fa").status_code == 200, "the protocol's file"
    assert "closed" not in content
    assert "chrB" not in content_of(client, f"/collections/{digest}?q=chrA").partition("<tbody>")[2]


def test_collections_are_compared(client: Client, portal: Portal) -> None:
    make_collection("other", {"chrA": GENOME["chrA"].encode(), "chrZ": b"ACGT"})
    content = content_of(client, f"/collections/{digest_of(portal)}?with=other")
    row = re.search(r"<th scope=\"row\">sequences</th>(.*?)</tr>", content, re.DOTALL)
    assert row is not None and re.findall(r">(\d+)<", row[1]) == ["2", "2", "1"]
    assert "they are the same" in content_of(client, f"/collections/{digest_of(portal)}?with=lab-1.0")
    assert "No collection has this" in content_of(client, f"/collections/{digest_of(portal)}?with=absent")


def test_a_collection_without_a_digest_has_a_page(client: Client) -> None:
    make_collection("hg38.fa", {"one": b"ACGT", "two": b"GGTT"}, md5_only=["two"])
    content = content_of(client, "/collections/hg38.fa/")
    assert "known by their MD5 only" in content and "two" in content
    assert 'href="/collections/hg38.fa/"' in content_of(client, "/collections/")
