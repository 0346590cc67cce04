"""The desk in Chromium: every job of a steward within its clicks, without errors, for everybody, on a phone too."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import NARROW, WIDE, NewVisit, Visit, chromium_program
from tests.browser.made_desk import COLLECTION, PASSWORD, Clicks, Desk, running_desk
from tests.live import PATIENCE
from tests.long_runs import every

#: Milliseconds after which a wait fails.
_PATIENCE = PATIENCE * 1000
_OVER = re.compile("succeeded|failed|cancelled")
_PAGES = (
    "", "register/", "register/browse/?storage=lab&prefix=trio/", "register/manifest/", "references/", "people/",
    "catalogue/ingestrun/", "catalogue/datafile/", "catalogue/datafile/1/change/", "catalogue/datafile/1/delete/",
    "catalogue/datafile/1/history/", "catalogue/dataset/", "catalogue/dataset/1/change/", "catalogue/grant/",
    "catalogue/grant/add/", "catalogue/grant/1/change/", "catalogue/auditevent/", "password_change/",
)  # fmt: skip
_PAGES_OF_ROOT = (
    "", "register/sequences/", "register/tables/", "catalogue/sequence/", "catalogue/sequence/1/change/",
    "catalogue/namingauthority/",
    "catalogue/sequencecollection/", "catalogue/sequencecollection/1/change/", "catalogue/genome/",
    "catalogue/apitoken/", "catalogue/apitoken/add/", "catalogue/identity/add/", "catalogue/dataset/add/",
    "catalogue/dataset/1/delete/", "catalogue/grant/1/delete/", "auth/user/", "auth/user/1/change/",
    "auth/user/add/", "auth/user/1/password/", "auth/group/", "auth/group/add/", "people/?name=steward",
    "upkeep/",
)  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    chromium_program()
    with running_desk(tmp_path_factory.mktemp("desk")) as made:
        yield made


def wait_until_over(clicks: Clicks) -> str:
    """Wait for the end of the job that the page shows; return its outcome."""
    outcome = clicks.page.locator("#run-outcome")
    expect(outcome).to_have_text(_OVER, timeout=_PATIENCE)
    expect(clicks.page.locator("#run:not([data-state])")).to_be_attached(timeout=_PATIENCE)
    return outcome.inner_text()


def find(clicks: Clicks, text: str) -> None:
    """Find files from the first page, with the keyboard alone."""
    clicks.page.get_by_role("searchbox").fill(text)
    clicks.page.get_by_role("searchbox").press("Enter")
    clicks.page.wait_for_url(re.compile("datafile"))


def assert_sound(visit: Visit, desk: Desk) -> None:
    visit.assert_only(desk.site.url)
    visit.assert_accessible()


def test_signing_in_leads_to_the_desk(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    visit.page.goto(f"{desk.site.url}/admin/")
    visit.page.get_by_label("Username").fill("root")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in").click()
    visit.page.wait_for_url(f"{desk.site.url}/admin/")
    expect(visit.page.get_by_role("link", name="Register files")).to_be_visible()
    assert_sound(visit, desk)


def test_what_needs_attention_is_the_first_page(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    for text in ("files missing", "files changed", "files corrupt", "contigs without a sequence"):
        expect(visit.page.get_by_role("link", name=text)).to_be_visible()
    for text in ("sequences named but not held", "failed jobs this week", "running jobs"):
        expect(visit.page.get_by_role("link", name=text)).to_be_visible()
    expect(visit.page.get_by_role("img", name=re.compile("^Tickets a day"))).to_be_visible()
    assert clicks.count == 0
    assert_sound(visit, desk)


def test_registering_reads_from_a_storage(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    clicks.on("link", "Register files")
    clicks.on("checkbox", "Everything below this prefix")
    clicks.choose("Dataset", "trio")
    visit.page.get_by_role("radio", name=re.compile("reads")).check()
    visit.page.get_by_label("Put before every id").fill("new/")
    clicks.on("button", "Preview")
    assert wait_until_over(clicks) == "failed"
    expect(visit.page.get_by_role("row", name=re.compile(r"one\.bam.*added"))).to_be_visible()
    expect(visit.page.get_by_role("row", name=re.compile(r"broken\.bam.*not a BAM"))).to_be_visible()
    assert_sound(visit, desk)
    clicks.on("button", "Start")
    wait_until_over(clicks)
    expect(visit.page.get_by_role("link", name="/reads/new/reads/one")).to_be_visible()
    assert clicks.count + 1 <= 6, "and one for reads or variants"


def test_registering_many_by_manifest(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    clicks.on("link", "Register by manifest")
    clicks.give("A manifest: CSV, TSV or JSON lines", desk.folder / "manifest.csv")
    expect(visit.page.get_by_text("manifest.csv is here")).to_be_visible(timeout=_PATIENCE)
    expect(visit.page.get_by_label("Put before ids")).to_have_value("")
    clicks.on("button", "Preview")
    assert wait_until_over(clicks) == "succeeded"
    assert_sound(visit, desk)
    clicks.on("button", "Start")
    assert wait_until_over(clicks) == "succeeded"
    expect(visit.page.get_by_role("link", name="/variants/manifest/calls")).to_be_visible()
    assert clicks.count <= 5


def test_registering_sequences_from_an_upload(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "curator")
    # Somebody is quicker than the script of the page.
    script = re.compile(r"/upload\.\w*\.?js")
    held: list[Route] = []
    visit.page.route(script, lambda route: held.append(route))
    with visit.page.expect_request(script):
        clicks.on("link", "Register sequences")
    clicks.give("A FASTA file, uncompressed or gzip", desk.folder / "more.fa")
    held.pop().continue_()
    expect(visit.page.get_by_text("more.fa is here")).to_be_visible(timeout=_PATIENCE)
    visit.page.get_by_label("Who gives these names").fill("lab")
    visit.page.get_by_label("Keep them as the collection").fill("extra genome")
    assert_sound(visit, desk)
    clicks.on("button", "Preview")
    assert wait_until_over(clicks) == "succeeded"
    expect(visit.page.get_by_text("extra: 3,000 residues")).to_be_visible()
    expect(visit.page.get_by_text("tiny: 5 residues")).to_be_visible()
    clicks.on("button", "Start")
    assert wait_until_over(clicks) == "succeeded"
    assert clicks.count <= 6


def test_an_upload_goes_on_where_it_stopped(desk: Desk, new_visit: NewVisit, tmp_path: Path) -> None:
    large = tmp_path / "large.fa"
    large.write_bytes(b">large\n" + b"ACGT" * (5 << 20) + b"\n")
    visit = new_visit()
    clicks = desk.enter(visit.page, "curator")
    clicks.on("link", "Register sequences")
    visit.page.route(re.compile(r"offset=[1-9]"), lambda route: route.abort())
    clicks.give("A FASTA file, uncompressed or gzip", large)
    expect(visit.page.get_by_text("Trying again")).to_be_visible(timeout=_PATIENCE)
    visit.page.unroute_all()
    sent: list[str] = []
    visit.page.reload()
    visit.page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    clicks.give("A FASTA file, uncompressed or gzip", large)
    expect(visit.page.get_by_text("large.fa is here")).to_be_visible(timeout=_PATIENCE)
    assert [url.partition("offset=")[2] for url in sent] == [str(8 << 20), str(16 << 20)]


def test_following_a_job(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    clicks.on("link", "Jobs and runs")
    clicks.at(visit.page.locator("#result_list tbody a").first)
    expect(visit.page.locator("#run-told")).to_be_visible()
    assert clicks.count <= 2
    assert_sound(visit, desk)


def test_finding_files(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    find(clicks, "irst/a")
    expect(visit.page.get_by_role("link", name="first/a")).to_be_visible()
    clicks.on("button", "Filters")
    clicks.on("link", "BAM")
    expect(visit.page.get_by_role("link", name="first/a")).to_be_visible()
    assert clicks.count <= 2
    assert_sound(visit, desk)


def test_repairing_references(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    clicks.on("link", "contigs without a sequence")
    clicks.on("checkbox", "Tick all on this page")
    clicks.choose("To the members of", COLLECTION)
    expect(visit.page.get_by_role("heading", name="What will happen")).to_be_visible()
    assert_sound(visit, desk)
    clicks.on("button", "Link")
    expect(visit.page.get_by_text("kinds of contigs linked")).to_be_visible()
    assert clicks.count <= 4


def test_moving_files(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    find(clicks, "first/b")
    clicks.at(visit.page.locator("input.action-select").first)
    clicks.on("button", "Move")
    clicks.choose("To the dataset", "second")
    expect(visit.page.get_by_text("will belong to the dataset second instead of trio")).to_be_visible()
    assert_sound(visit, desk)
    clicks.on("button", "Move")
    expect(visit.page.get_by_text("1 files moved")).to_be_visible()
    assert clicks.count <= 4


def test_publishing_and_withdrawing(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "owner")
    for button, said in (
        ("Publish", "anybody may fetch them"),
        ("Withdraw", "only whoever is granted access"),
    ):
        visit.page.goto(f"{desk.site.url}/admin/")
        clicks.count = 0
        clicks.on("link", "Datasets")
        clicks.at(visit.page.get_by_role("row", name=re.compile("second")).locator("input.action-select"))
        clicks.on("button", button)
        expect(visit.page.get_by_text(said).first).to_be_visible()
        assert_sound(visit, desk)
        clicks.on("button", button)
        expect(visit.page.get_by_text(re.compile("1 datasets (published|withdrawn)"))).to_be_visible()
        assert clicks.count <= 4


@pytest.mark.parametrize("button", every(2, ["Verify", "Index again"]))
def test_verifying_and_indexing(desk: Desk, new_visit: NewVisit, button: str) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    find(clicks, "first/a")
    clicks.at(visit.page.locator("input.action-select").first)
    clicks.on("button", button)
    clicks.on("button", button)
    assert wait_until_over(clicks) == "succeeded"
    assert clicks.count <= 4
    assert_sound(visit, desk)


def test_exporting_a_manifest(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    find(clicks, "first/a")
    clicks.at(visit.page.locator("input.action-select").first)
    with visit.page.expect_download() as download:
        clicks.on("button", "Export")
    assert "lab:first/a.bam" in download.value.path().read_text()
    assert clicks.count <= 4


def test_renaming_an_id(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    find(clicks, "first/c")
    clicks.at(visit.page.locator("input.action-select").first)
    clicks.on("button", "Rename")
    visit.page.get_by_label("New id").fill("renamed/c")
    clicks.on("button", "Show what will happen")
    expect(visit.page.get_by_text("The old id redirects")).to_be_visible()
    assert_sound(visit, desk)
    clicks.on("button", "Rename")
    expect(visit.page.get_by_text("1 files renamed")).to_be_visible()
    assert clicks.count <= 4


def test_removing_a_file(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "steward")
    find(clicks, "first/d")
    clicks.at(visit.page.locator("input.action-select").first)
    clicks.on("button", "Remove")
    expect(visit.page.get_by_text("the stored bytes stay where they are")).to_be_visible()
    assert_sound(visit, desk)
    clicks.on("button", "Remove")
    expect(visit.page.get_by_text("1 files removed")).to_be_visible()
    assert clicks.count <= 5


def test_granting_access(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    for said in ("was added successfully", "The same grant is there already."):
        clicks = (
            desk.enter(visit.page, "steward") if not visit.page.url.startswith("http") else Clicks(visit.page)
        )
        visit.page.goto(f"{desk.site.url}/admin/")
        clicks.on("link", "Who may see what")
        clicks.on("link", "Add grant")
        clicks.at(visit.page.locator("#select2-id_dataset-container"))
        clicks.at(visit.page.get_by_role("option", name="trio"))
        visit.page.get_by_label("User", exact=False).first.fill("reader")
        assert_sound(visit, desk)
        clicks.on("button", "Save")
        expect(visit.page.get_by_text(said).first).to_be_visible()
        assert clicks.count <= 6
    visit.page.goto(f"{desk.site.url}/admin/people/?name=reader")
    expect(visit.page.get_by_role("row", name=re.compile("trio reader"))).to_be_visible()


def test_who_fetched_what(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit()
    clicks = desk.enter(visit.page, "auditor")
    clicks.on("link", "Audit")
    visit.page.get_by_role("searchbox").fill("trio")
    visit.page.get_by_role("searchbox").press("Enter")
    with visit.page.expect_download() as download:
        clicks.on("link", "CSV of these")
    assert "trio" in download.value.path().read_text()
    assert clicks.count <= 3
    assert_sound(visit, desk)


@pytest.mark.parametrize(
    ("role", "pages", "width", "scheme"),
    [
        ("steward", _PAGES, NARROW, "dark"),
        ("root", _PAGES_OF_ROOT[::2], WIDE, "light"),
        pytest.param("root", _PAGES_OF_ROOT[1::2], WIDE, "light", marks=pytest.mark.long),
        pytest.param("steward", _PAGES, WIDE, "light", marks=pytest.mark.long),
        pytest.param("root", _PAGES_OF_ROOT, NARROW, "dark", marks=pytest.mark.long),
    ],
)
def test_every_page_is_sound(
    desk: Desk, new_visit: NewVisit, role: str, pages: tuple[str, ...], width: int, scheme: str
) -> None:
    visit = new_visit(width=width, scheme=scheme)
    desk.enter(visit.page, role)
    for path in pages:
        answer = visit.page.goto(f"{desk.site.url}/admin/{path}")
        assert answer is not None and (answer.status == 200 or "delete" in path), (path, answer)
        if answer.status != 200:
            visit.log.complaints.clear()
            continue
        assert_sound(visit, desk)
        for other in (NARROW, width):
            visit.page.set_viewport_size({"width": other, "height": 900})
            visit.assert_fits()


def test_the_menu_of_a_phone_opens_by_keyboard(desk: Desk, new_visit: NewVisit) -> None:
    visit = new_visit(width=NARROW)
    desk.enter(visit.page, "steward")
    link = visit.page.get_by_role("link", name="Register files")
    expect(link).not_to_be_visible()
    visit.page.get_by_role("button", name="Menu").focus()
    visit.page.keyboard.press("Enter")
    expect(link).to_be_visible()
    link.focus()
    visit.page.keyboard.press("Escape")
    expect(link).not_to_be_visible()
