"""Chromium, and pages in it that fail a test when they ask another host or break the policy of the site."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, sync_playwright

from tests.programs import need

#: Widths of a desk and of a phone, in CSS pixels.
WIDE, NARROW = 1280, 390
#: What axe-core calls serious or critical. igv.js is left out: it is not of this project, and the commands of its page
#: give the same records without it.
_SERIOUS = """async () => {
  const found = await axe.run({ exclude: [["#igv"]] }, { resultTypes: ["violations"] });
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => [one.id, one.nodes.map((node) => node.target)]);
}"""


#: The pages that axe-core has examined, without numbers in their addresses, and in which colour scheme.
_examined: set[tuple[str, str]] = set()


@dataclass(slots=True)
class Log:
    """What a page asked for, and what it complained of."""

    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Visit:
    """A page of a visitor with cookies of their own, its log, and its colour scheme."""

    page: Page
    log: Log
    scheme: str

    def assert_only(self, site: str) -> None:
        """Fail if the page asked another host than the site, or its console has errors."""
        foreign = [url for url in self.log.urls if not url.startswith((f"{site}/", "data:", "blob:"))]
        assert not foreign, foreign
        assert not self.log.complaints, self.log.complaints

    def assert_accessible(self) -> None:
        """Fail if axe-core finds anything serious on the page, or the page is wider than the window.

        axe-core takes longer than all else: it examines each page, whatever numbers are in its address, once a scheme.
        """
        page = re.sub(r"\d+", "0", self.page.url.partition("?")[0])
        if (page, self.scheme) not in _examined:
            self.page.evaluate(AXE_SCRIPT)
            found = self.page.evaluate(_SERIOUS)
            assert not found, (self.page.url, found)
            _examined.add((page, self.scheme))
        self.assert_fits()

    def assert_fits(self) -> None:
        """Fail if the page is wider than the window."""
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), self.page.url


NewVisit = Callable[..., Visit]


def chromium_program() -> str:
    """Return the path of Chromium, or skip the test; the one without windows takes half of the processor time."""
    return shutil.which("chromium-headless-shell") or need("chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module: Django's ORM cannot be used in a process while playwright runs."""
    program = chromium_program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-site-isolation-trials", "--renderer-process-limit=1"],
        )
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
        return Visit(page, log, scheme)

    yield make
    for context in contexts:
        context.close()
