"""The page for GraphQL queries in Chromium: it knows the schema, answers, and loads nothing from other hosts."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import PATIENCE, Site, make_site, served


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(make_site(tmp_path_factory.mktemp("graphiql") / "home")) as answering:
        yield answering


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page whose waits end with those of the other tests."""
    found = chromium.new_page()
    found.set_default_timeout(PATIENCE * 1000)
    expect.set_options(timeout=PATIENCE * 1000)
    yield found
    found.close()


def test_the_page(site: Site, page: Page, tmp_path: Path) -> None:
    hosts, complaints = set(), []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site.url}/graphql?query={quote('{ version { api { minor } } }')}")
    # The query of the address is shown, and run when somebody says so.
    page.get_by_label("Execute query").click()
    expect(page.locator(".result-window")).to_contain_text('"minor": "2"')
    # The documentation of every type comes by introspection.
    page.get_by_label("Show Documentation Explorer").click()
    explorer = page.locator(".graphiql-plugin")
    expect(explorer).to_contain_text("ProductGeneratingContext")
    explorer.get_by_text("Query", exact=True).first.click()
    expect(explorer).to_contain_text("overlap_region")
    expect(explorer).to_contain_text("One gene, by its stable id with or without a version.")
    page.screenshot(path=tmp_path / "graphiql.png")
    assert hosts == {urlsplit(site.url).netloc}
    assert complaints == []


def test_an_unknown_field_is_marked_in_the_editor(site: Site, page: Page) -> None:
    """The editor checks against the schema, before anything is sent."""
    page.goto(f"{site.url}/graphql?query={quote('{ nothing }')}")
    expect(page.locator(".graphiql-query-editor .CodeMirror-lint-mark-error").first).to_be_visible()
