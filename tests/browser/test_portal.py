"""The pages for researchers in Chromium: from a sample to its reads drawn and fetched, public and controlled."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pysam
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, WIDE, NewVisit, Visit
from tests.live import PATIENCE, Site, served
from tests.long_runs import every
from tests.portal.made_site import (
    AWKWARD,
    CLOSED,
    PASSWORD,
    READER,
    SAMPLE,
    STRANGER,
    PortalSite,
    make_portal_site,
)
from tests.programs import need

#: Milliseconds after which a wait fails.
_PATIENCE = PATIENCE * 1000
#: The pixels of igv.js that are neither white nor transparent, of all canvases that it shows.
_DRAWN = """() => {
  let drawn = 0;
  for (const canvas of document.getElementById("igv").shadowRoot.querySelectorAll("canvas")) {
    if (!canvas.width || !canvas.height) continue;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] && data[at] + data[at + 1] + data[at + 2] < 740) drawn += 1;
    }
  }
  return drawn;
}"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PortalSite:
    return make_portal_site(tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="module")
def running(made: PortalSite) -> Iterator[Site]:
    with served(made.site) as site:
        yield site


def open_by_search(visit: Visit, running: Site, text: str, result: str) -> None:
    """Search from the home page, and click on a result."""
    visit.page.goto(running.url)
    visit.page.get_by_role("searchbox").fill(text)
    visit.page.get_by_role("button", name="Search").click()
    visit.page.get_by_role("link", name=result, exact=True).first.click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(result)


def sign_in(visit: Visit, running: Site, name: str) -> None:
    visit.page.goto(f"{running.url}/account/sign-in")
    visit.page.get_by_label("Username").fill(name)
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in").click()
    visit.page.wait_for_url(f"{running.url}/account/")


def wait_for_drawing(page: Page, *, pixels: int) -> None:
    """Wait until igv.js shows the file, and has drawn this much."""
    page.locator("#igv").scroll_into_view_if_needed()
    page.wait_for_selector("#igv[data-state]", timeout=_PATIENCE)
    assert page.locator("#igv").get_attribute("data-state") == "shown", page.locator("#igv").text_content()
    page.wait_for_function(f"() => ({_DRAWN})() > {pixels}", timeout=_PATIENCE)


def copied(page: Page, program: str) -> str:
    """Press the button that copies a command, and return what is on the clipboard."""
    page.get_by_role("button", name=f"Copy: Command for {program}").click()
    expect(page.get_by_role("button", name=f"Copy: Command for {program}")).to_have_text("Copied")
    return str(page.evaluate("() => navigator.clipboard.readText()"))


def run(text: str, folder: Path) -> list[str]:
    done = subprocess.run(["sh", "-c", text], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def reads_of(made: PortalSite, contig: str, start: int, end: int) -> list[str]:
    with pysam.AlignmentFile(str(made.bam)) as file:
        return [read.to_string() for read in file.fetch(contig, start, end)]


def set_region(page: Page, region: str) -> None:
    page.get_by_label("Region").fill(region)
    contig, _, positions = region.partition(":")
    start, end = positions.replace(",", "").split("-")
    asked = f"referenceName={contig}&start={int(start) - 1}&end={end}"
    expect(page.locator('pre[aria-label="Command for samtools"]')).to_contain_text(asked, timeout=_PATIENCE)


def test_a_visitor_finds_a_sample_looks_at_its_reads_and_fetches_them(
    made: PortalSite, running: Site, new_visit: NewVisit, tmp_path: Path
) -> None:
    need("samtools")
    visit = new_visit()
    open_by_search(visit, running, "ada", "ada")
    wait_for_drawing(visit.page, pixels=20_000)
    set_region(visit.page, "Demo_2:40,001-40,600")
    wanted = reads_of(made, "Demo_2", 40_000, 40_600)
    assert len(wanted) > 20 and run(copied(visit.page, "samtools"), tmp_path) == wanted
    visit.page.get_by_role("button", name="Apply").click()
    visit.page.wait_for_function(
        "() => document.getElementById('igv').shadowRoot.querySelector('input.igv-search-input')"
        "?.value.startsWith('Demo_2:40,0')",
        timeout=_PATIENCE,
    )
    assert "region=Demo_2" in visit.page.url
    assert any("/reads/ada?format=BAM" in url for url in visit.log.urls)
    assert any("as=fai" in url for url in visit.log.urls), "the reference comes from here, too"
    assert not any("page-token" in url for url in visit.log.urls), "public data need no token"
    visit.assert_only(running.url)


@pytest.mark.parametrize(
    ("path", "pixels"),
    [
        ("/files/reads/ada?format=CRAM", 20_000),
        ("/files/variants/people?format=BCF", 1_000),
        pytest.param("/files/variants/people", 1_000, marks=pytest.mark.long),
        pytest.param(f"/files/reads/{quote(AWKWARD)}", 20_000, marks=pytest.mark.long),
    ],
)
def test_every_format_is_drawn(running: Site, new_visit: NewVisit, path: str, pixels: int) -> None:
    visit = new_visit()
    visit.page.goto(running.url + path)
    wait_for_drawing(visit.page, pixels=pixels)
    visit.assert_only(running.url)


def test_genes_are_drawn_above_the_reads(running: Site, new_visit: NewVisit) -> None:
    visit = new_visit()
    page = visit.page
    open_by_search(visit, running, "dmg1", "DMG1")
    assert page.locator("svg.transcripts rect.coding").count() == 1
    place = page.locator("dd code").first.text_content()
    assert place == "Demo_1:21,001-23,000"
    page.goto(f"{running.url}/files/reads/ada?region={place}")
    wait_for_drawing(page, pixels=20_000)
    page.wait_for_function(
        """() => [...document.getElementById("igv").shadowRoot.querySelectorAll(".igv-track-label")]
          .some((label) => label.textContent === "Genes")""",
        timeout=_PATIENCE,
    )
    assert any("as=genes&contig=Demo_1" in url for url in visit.log.urls)
    visit.assert_only(running.url)


def test_a_researcher_looks_at_controlled_reads_and_fetches_them(
    made: PortalSite, running: Site, new_visit: NewVisit, tmp_path: Path
) -> None:
    need("samtools")
    visit = new_visit()
    credentials: list[str] = []
    visit.page.on("request", lambda request: credentials.append(request.headers.get("authorization", "")))
    sign_in(visit, running, READER)
    open_by_search(visit, running, SAMPLE, CLOSED)
    wait_for_drawing(visit.page, pixels=20_000)
    set_region(visit.page, "Demo_2:40,001-40,600")
    command = copied(visit.page, "samtools")
    assert "htsget-token.json" in command
    made.write_token(tmp_path)
    assert run(command, tmp_path) == reads_of(made, "Demo_2", 40_000, 40_600)
    tokens = {sent.removeprefix("Bearer ") for sent in credentials if sent}
    assert tokens and all(token.startswith("htp_") for token in tokens)
    assert not any("htp_" in url for url in visit.log.urls)
    kept = visit.page.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert "htp_" not in kept
    visit.assert_only(running.url)


@pytest.mark.parametrize("name", every(2, [STRANGER, None]))
def test_others_see_nothing_of_it(running: Site, new_visit: NewVisit, name: str | None) -> None:
    visit = new_visit()
    if name is not None:
        sign_in(visit, running, name)
    page = visit.page
    for path in ("/", "/datasets/", "/account/" if name else "/", f"/search?q={SAMPLE}", "/search?q=clinic"):
        page.goto(running.url + path)
        told = page.content().replace(f'value="{SAMPLE}"', "").replace('value="clinic"', "")
        for secret in ("patient 1", "The clinic", "/datasets/clinic", "/files/reads/clinic"):
            assert secret not in told, path
    page.goto(f"{running.url}/search?q={SAMPLE}")
    expect(page.get_by_role("status")).to_contain_text("Nothing was found")
    for path in ("/datasets/clinic", f"/files/reads/{quote(CLOSED)}", f"/files/variants/{quote(CLOSED)}"):
        answer = page.goto(running.url + path)
        assert answer is not None and answer.status == 404
        assert SAMPLE not in page.content() and "The clinic" not in page.content()


def test_the_region_box_works_without_scripts(running: Site, new_visit: NewVisit) -> None:
    visit = new_visit(javascript=False)
    visit.page.goto(f"{running.url}/files/reads/ada")
    visit.page.get_by_label("Region").fill("Demo_2:1-100")
    visit.page.get_by_role("button", name="Apply").click()
    expect(visit.page.locator('pre[aria-label="Command for samtools"]')).to_contain_text(
        "referenceName=Demo_2&start=0&end=100"
    )
    assert "igv.esm" not in "".join(visit.log.urls)


def test_a_region_that_is_none_is_told_at_once(running: Site, new_visit: NewVisit) -> None:
    page = new_visit().page
    page.goto(f"{running.url}/files/reads/ada")
    page.get_by_label("Region").fill("nowhere:1-5")
    expect(page.get_by_role("alert")).to_contain_text("no contig", timeout=_PATIENCE)


def test_the_page_of_the_api_has_everything_from_here(running: Site, new_visit: NewVisit) -> None:
    visit = new_visit()
    page = visit.page
    page.goto(f"{running.url}/api/docs/")
    operation = page.locator("#operations-catalogue-datasets_list")
    expect(operation).to_be_visible(timeout=_PATIENCE)
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"slug": "demo"', timeout=_PATIENCE)
    for name in ("datasets_change", "runs_create", "grants_remove"):
        expect(page.locator(f"#operations-catalogue-{name}")).to_be_visible()
    assert any(url.endswith(("/api/schema/", "/api/schema")) for url in visit.log.urls)
    visit.assert_only(running.url)


def test_everything_is_reached_by_keyboard(running: Site, new_visit: NewVisit) -> None:
    page = new_visit().page
    page.goto(running.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("people")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=people")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('href')"))
        outline = page.evaluate(
            "document.activeElement.matches(':focus-visible') ?"
            " getComputedStyle(document.activeElement).outlineStyle : 'none'"
        )
        assert outline != "none" or page.evaluate("document.activeElement === document.body")
    assert "/files/variants/people" in reached


def pages(running: Site) -> dict[str, str]:
    """Every kind of page, by name."""
    return {
        "home": "/",
        "search": "/search?q=demo",
        "nothing found": "/search?q=absent",
        "datasets": "/datasets/",
        "dataset": "/datasets/demo",
        "reads": "/files/reads/ada",
        "variants": "/files/variants/people",
        "sequence": "/sequences/demo:Demo_1",
        "collections": "/collections/",
        "collection": "/collections/Demonstration%20genome?with=Demonstration%20genome",
        "genomes": "/genes/",
        "genome": "/genes/demo-1/?q=DM",
        "gene": "/genes/demo-1/G0001",
        "account": "/account/",
        "absent": "/datasets/absent",
    }


@pytest.mark.parametrize(
    ("width", "scheme"), [(NARROW, "dark"), pytest.param(WIDE, "light", marks=pytest.mark.long)]
)
def test_axe_finds_nothing_serious(running: Site, new_visit: NewVisit, width: int, scheme: str) -> None:
    visit = new_visit(width=width, scheme=scheme)
    visit.page.goto(f"{running.url}/account/sign-in")
    visit.assert_accessible()
    sign_in(visit, running, READER)
    for path in pages(running).values():
        visit.page.goto(running.url + path)
        visit.assert_accessible()
