"""Take the screenshots of README and docs/desk.md again: `python -m tests.browser.take_desk_screenshots`.

They show the first page of the desk, a preview, a running job and a data file, at the widths of a desk and of a phone.
"""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import django
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import NARROW, WIDE
from tests.browser.take_screenshots import FOLDER
from tests.live import PATIENCE
from tests.paths import OWN_HOME, PROJECT

if TYPE_CHECKING:
    from tests.browser.made_desk import Desk

_OVER = "#run:not([data-state])"


def main() -> None:
    """Write one picture for each page and width."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            OWN_HOME: folder, "HTSGETSITE_HOME": folder, "DJANGO_SETTINGS_MODULE": "htsgetsite.settings",
        }  # fmt: skip
        # The builders of files need the settings.
        django.setup()
        from tests.browser.made_desk import running_desk

        with running_desk(Path(folder, "desk"), files=240) as desk, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for width, height in ((WIDE, 860), (NARROW, 780)):
                page = browser.new_context(viewport={"width": width, "height": height}).new_page()
                take_all(desk, page, width)
            browser.close()


def take_all(desk: "Desk", page: Page, width: int) -> None:
    """Take the pictures of one width."""
    desk.enter(page, "steward")
    page.goto(f"{desk.site.url}/admin/register/browse/?storage=lab&prefix=trio/reads/")
    picture(page, f"desk-register-{width}")
    page.get_by_role("checkbox", name="Everything below this prefix").check()
    page.get_by_label("Dataset", exact=True).select_option("trio")
    page.get_by_label("Put before every id").fill(f"at{width}/")
    page.get_by_role("button", name="Preview").click()
    page.wait_for_selector(_OVER, timeout=PATIENCE * 1000)
    picture(page, f"desk-preview-{width}")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#run-told")).to_have_text(re.compile(r"[1-9]\d* of"), timeout=PATIENCE * 1000)
    picture(page, f"desk-running-{width}")
    page.wait_for_selector(_OVER, timeout=PATIENCE * 1000)
    page.goto(f"{desk.site.url}/admin/catalogue/datafile/?q=first/a")
    page.locator("#result_list tbody th a").first.click()
    picture(page, f"desk-file-{width}")
    page.goto(f"{desk.site.url}/reads/first/a")
    page.goto(f"{desk.site.url}/admin/")
    picture(page, f"desk-{width}")


def picture(page: Page, name: str) -> None:
    """Write what is visible of a page."""
    page.wait_for_load_state()
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    print(path.relative_to(PROJECT), path.stat().st_size, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
