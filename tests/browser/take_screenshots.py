"""Take the screenshots of docs/portal.md again: `python -m tests.browser.take_screenshots`.

They show the demonstration, in a site of its own, at the widths of a desk and of a phone.
"""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import NARROW, WIDE
from tests.live import PATIENCE, make_site, served
from tests.paths import OWN_HOME, PROJECT
from tests.portal.made_site import annotation

FOLDER = PROJECT / "docs/screenshots"
_PAGES = {
    "home": "/",
    "search": "/search?q=demo",
    "dataset": "/datasets/demo",
    "file": "/files/reads/ada?region=Demo_1:21,001-23,000",
    "sequence": "/sequences/demo:Demo_1",
    "gene": "/genes/demo-1/G0001",
    "assembly": "/collections/Demonstration%20genome",
}


def main() -> None:
    """Write one picture for each page and width."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[OWN_HOME] = folder
        site = make_site(Path(folder, "home"), demo=True)
        site.prepare(annotation(site))
        with served(site) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for width, height in ((WIDE, 860), (NARROW, 780)):
                page = browser.new_context(viewport={"width": width, "height": height}).new_page()
                for name, path in _PAGES.items():
                    take(page, running.url + path, FOLDER / f"{name}-{width}.png")
            browser.close()


def take(page: Page, url: str, path: Path) -> None:
    """Open a page, wait until igv.js has drawn, and write the picture."""
    page.goto(url)
    if page.locator("#igv").count():
        page.wait_for_selector("#igv[data-state=shown]", timeout=PATIENCE * 1000)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(2000)
    page.screenshot(path=path)
    print(path.relative_to(PROJECT), path.stat().st_size, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
