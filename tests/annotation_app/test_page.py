"""The page on which people write queries."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

pytestmark = pytest.mark.django_db


def test_browsers_get_the_page(client: Client) -> None:
    response = client.get("/graphql?query=%7Ba%7D", headers={"Accept": BROWSER})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    page = response.content.decode()
    # Nothing of the URL is in it: its script reads the URL.
    assert "{a}" not in page and 'data-url="http://testserver/graphql"' in page
    etag = response.headers["ETag"]
    again = client.get("/graphql", headers={"Accept": BROWSER, "If-None-Match": etag})
    assert again.status_code == 304 and again.content == b""
    head = client.head("/graphql", headers={"Accept": BROWSER})
    assert head.content == b"" and head.headers["Content-Length"] == str(len(response.content))


def test_the_page_loads_files_of_the_site_only(client: Client) -> None:
    response = client.get("/graphql", headers={"Accept": BROWSER})
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy and "http" not in policy
    links = re.findall(r'(?:src|href)="([^"]*)"', response.content.decode())
    assert links.pop(0) == "data:," and len(links) == 6
    for link in links:
        assert link.startswith("/static/annotation_app/graphiql/")
        assert finders.find(link.removeprefix("/static/")), link
    assert "<script>" not in response.content.decode() and "style=" not in response.content.decode()


def test_licences_are_beside_the_files_of_others() -> None:
    folder = Path(str(finders.find("annotation_app/graphiql/page.js"))).parent
    names = {path.name for path in folder.iterdir()}
    assert {"LICENSE.graphiql", "LICENSE.react"} <= names
    assert "MIT" in (folder / "LICENSE.graphiql").read_text("utf-8")
    # Styles load nothing of other hosts.
    styles = (folder / "graphiql.min.css").read_text("utf-8")
    assert not re.findall(r"url\((?![\"']?data:)", styles) and "@import" not in styles
