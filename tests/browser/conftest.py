"""Chromium, and pages in it that fail a test when they ask another host or break the policy of the site."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.programs import need

#: Widths of a desk and of a phone, in CSS pixels.
WIDE, NARROW = 1280, 390


@dataclass(slots=True)
class Log:
    """What a page asked for, and what it complained of."""

    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Visit:
    """A page of a visitor with cookies of their own, and its log."""

    page: Page
    log: Log

    def assert_only(self, site: str) -> None:
        """Fail if the page asked another host than the site, or its console has errors."""
        foreign = [url for url in self.log.urls if not url.startswith((f"{site}/", "data:", "blob:"))]
        assert not foreign, foreign
        assert not self.log.complaints, self.log.complaints


NewVisit = Callable[..., Visit]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module: Django's ORM cannot be used in a process while playwright runs."""
    program = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_visit(chromium: Browser) -> Iterator[NewVisit]:
    """Makes a visit of somebody who was never there."""
    contexts = []

    def make(*, width: int = WIDE, scheme: str = "light", javascript: bool = True) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=javascript,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        page, log = context.new_page(), Log()
        page.on("request", lambda request: log.urls.append(request.url))
        page.on("pageerror", lambda error: log.complaints.append(str(error)))
        page.on("console", lambda said: log.complaints.append(said.text) if said.type == "error" else None)
        return Visit(page, log)

    yield make
    for context in contexts:
        context.close()
