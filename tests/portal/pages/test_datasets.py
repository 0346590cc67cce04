"""Pages of datasets and their files."""

import re
from urllib.parse import quote

import pytest
from django.test import Client

from catalogue.models import Dataset
from portal.links import file_path
from tests.catalogue.made_access import make_granted_file
from tests.portal.conftest import AWKWARD, Portal
from tests.portal.pages.opened import content_of

pytestmark = pytest.mark.django_db


def test_datasets(client: Client, portal: Portal) -> None:
    content = content_of(client, "/datasets/")
    assert "The open data" in content and "closed" not in content
    client.force_login(portal.reader)
    assert "The closed data" in content_of(client, "/datasets/")


def test_a_dataset(client: Client, portal: Portal) -> None:
    content = content_of(client, "/datasets/open")
    for said in ("CC0", "mail@example.org", "lab-1.0", "2 BAM, 1 VCF", "Open to everybody", "How to cite"):
        assert said in content
    assert f'href="{file_path("reads", AWKWARD)}"' in content
    assert (
        "calls" not in content_of(client, "/datasets/open?q=run").partition("<h2")[2].partition("<table>")[2]
    )
    assert "run/one" not in content_of(client, "/datasets/open?format=VCF")
    assert "No files match" in content_of(client, "/datasets/open?q=absent")
    client.force_login(portal.reader)
    assert "You were granted access" in content_of(client, "/datasets/closed")


def test_pages_of_files_are_complete_and_in_order(client: Client, portal: Portal) -> None:
    for number in range(120):
        make_granted_file(portal.open, htsget_id=f"many/{number:03}")
    seen: list[str] = []
    path: str | None = "/datasets/open?q=many"
    while path is not None:
        content = content_of(client, path)
        seen += re.findall(r'href="/files/reads/(many/\d+)"', content)
        following = re.search(r'href="(\?[^"]*after=[^"]*)#files">Next', content)
        path = f"/datasets/open{following[1]}" if following else None
    assert seen == [f"many/{number:03}" for number in range(120)]


def test_paths_are_quoted_in_links(client: Client, portal: Portal) -> None:
    Dataset.objects.filter(pk=portal.open.pk).update(title="<b>bold</b> & more")
    response = client.get("/datasets/open")
    assert b"<b>bold" not in response.content and "&lt;b&gt;bold" in response.content.decode()
    assert quote("ü") in client.get(file_path("reads", AWKWARD)).content.decode()
