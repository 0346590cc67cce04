"""What every page has, how many queries pages take, and what answers where there is none."""

from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client

from catalogue.models import Contig, Sequence
from portal.links import file_path
from tests.catalogue.made_access import make_granted_file
from tests.portal.conftest import AWKWARD, Portal
from tests.portal.pages.opened import CHR_A, digest_of

pytestmark = pytest.mark.django_db


def paths(portal: Portal) -> dict[str, str]:
    return {
        "home": "/",
        "search": "/search?q=run",
        "no search": "/search",
        "nothing found": "/search?q=nothing-of-this-name",
        "datasets": "/datasets/",
        "dataset": "/datasets/open",
        "reads": "/files/reads/run/one",
        "variants": "/files/variants/calls",
        "awkward": file_path("reads", AWKWARD),
        "sequence": f"/sequences/{CHR_A.sq}",
        "collections": "/collections/",
        "collection": f"/collections/{digest_of(portal)}",
        "comparison": f"/collections/{digest_of(portal)}?with=lab-1.0",
        "absent": "/datasets/absent",
    }


def test_the_home_page_is_small_with_all_that_it_loads(client: Client, portal: Portal) -> None:
    page = client.get("/").content
    tags = _Tags()
    tags.feed(page.decode())
    files = [finders.find(urlsplit(address).path.removeprefix("/static/")) for address in tags.loaded]
    assert len(files) >= 2 and all(files) and not any("igv" in str(file) for file in files)
    assert len(page) + sum(Path(str(file)).stat().st_size for file in files) < 50_000


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "after=999999999999999999999", "after=5", "q=%00", "format=%00"]
)
def test_odd_parameters_are_no_failure(client: Client, portal: Portal, query: str) -> None:
    for path in (
        "/datasets/open",
        "/datasets/",
        "/files/reads/run/one",
        "/collections/",
        f"/collections/{digest_of(portal)}",
    ):
        assert client.get(f"{path}?{query}").status_code in {200, 404}, path


def test_pages_that_help_where_there_is_nothing(client: Client, portal: Portal) -> None:
    for path in (
        "/nothing",
        "/datasets/absent",
        "/files/reads/absent",
        "/sequences/absent",
        "/collections/absent",
        "/files/reads/",
    ):
        response = client.get(path)
        content = response.content.decode()
        assert response.status_code == 404 and "sign in" in content and 'action="/search"' in content
        assert 'value="absent"' in content or path in {"/nothing", "/files/reads/"}
        assert response.headers["X-Request-ID"]
    assert client.post("/search").status_code == 405


def test_a_failure_has_a_page(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret path")

    monkeypatch.setattr("portal.pages.search.queries.search", fail)
    client.raise_request_exception = False
    response = client.get("/search?q=x")
    assert response.status_code == 500 and b"Something failed" in response.content
    assert b"secret" not in response.content and response.headers["X-Request-ID"]


def test_bad_hosts_and_forms(client: Client, portal: Portal) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(portal.reader)
    refused = strict.post("/account/page-token", {"kind": "reads", "id": "secret/one"})
    assert refused.status_code == 403 and b"not sent from a page" in refused.content


def test_the_paths_of_protocols_are_not_pages(client: Client, portal: Portal) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    client.force_login(portal.reader)
    for path, kind in (
        (f"/sequence/{CHR_A.sq}", "text/"),
        (f"/collection/{digest_of(portal)}", "application/json"),
        ("/reads/run/one", "application/"),
        (f"/collections/{digest_of(portal)}.fa.fai", "text/plain"),
    ):
        response = client.get(path, headers=browser)
        assert response.status_code == 200 and response.headers["Content-Type"].startswith(kind), path
        assert "html" not in response.headers["Content-Type"]
    assert client.get("/reads/secret/one", headers=browser).status_code == 401, "sessions open pages alone"


def test_favicon(client: Client) -> None:
    assert client.get("/favicon.ico").headers["Location"] == "/static/portal/favicon.svg"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert "style" not in given and not any(name.startswith("on") for name in given)
        self.ids += [given["id"] or ""] if "id" in given else []
        if tag in {"script", "link", "img"}:
            self.loaded.append(given.get("src") or given.get("href") or "inline")
        if tag not in {"meta", "link", "input", "br", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


def test_every_page_is_well_formed_and_loads_only_files_of_this_site(client: Client, portal: Portal) -> None:
    for signed_in in (False, True):
        if signed_in:
            client.force_login(portal.reader)
        for name, path in (
            paths(portal) | ({"account": "/account/"} if signed_in else {"sign in": "/account/sign-in"})
        ).items():
            response = client.get(path)
            tags = _Tags()
            tags.feed(response.content.decode())
            assert not tags.open and len(tags.ids) == len(set(tags.ids)), name
            assert all(
                urlsplit(address).path.startswith("/static/") and not urlsplit(address).netloc
                for address in tags.loaded
            )
            policy = response.headers["Content-Security-Policy"]
            assert "unsafe" not in policy and "http:" not in policy.replace("http://testserver", ""), name
            assert response.headers["Cache-Control"].startswith(
                "private" if name not in {"account", "sign in", "absent"} else ""
            ), name
            assert len(response.content) < 50_000


#: How many queries a page may take; a signed-in account takes some more for its session and grants.
MAX_QUERIES = {
    "home": 3, "search": 20, "no search": 0, "nothing found": 18, "datasets": 1, "dataset": 7,
    "reads": 12, "variants": 12, "awkward": 12, "sequence": 8, "collections": 3, "collection": 8,
    "comparison": 16, "absent": 1,
}  # fmt: skip


def count(asked: list[str], execute: Any, sql: str, *given: Any) -> Any:
    asked.append(sql)
    return execute(sql, *given)


def test_how_many_queries_pages_take(client: Client, portal: Portal) -> None:
    more_files = [make_granted_file(portal.open, htsget_id=f"more/{number}") for number in range(60)]
    for file in more_files[:30]:
        Contig.objects.create(file=file, number=0, name="chrA", sequence=Sequence.objects.get(md5=CHR_A.md5))
    assert set(paths(portal)) == set(MAX_QUERIES)
    client.get("/")
    counts = {}
    for signed_in in (False, True):
        if signed_in:
            client.force_login(portal.reader)
        for name, path in paths(portal).items():
            asked: list[str] = []
            with connection.execute_wrapper(partial(count, asked)):
                client.get(path)
            counts[name, signed_in] = len(asked)
    over = {
        (name, signed_in): count
        for (name, signed_in), count in counts.items()
        if count > MAX_QUERIES[name] + (14 if signed_in else 0)
    }
    assert not over, counts
