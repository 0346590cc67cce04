"""Each page: what it says, what it links to, how many queries it takes, and what every page has."""

import html
import json
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client

from catalogue.formats.digests import sequence_digests
from catalogue.models import Contig, DataFile, Dataset, FormerId, Sequence
from portal.links import file_path
from tests.catalogue.made_access import make_grant, make_granted_file
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_rows import make_alias, make_sequence
from tests.portal.conftest import AWKWARD, GENOME, Portal

pytestmark = pytest.mark.django_db

CHR_A = sequence_digests(GENOME["chrA"].encode())


def digest_of(portal: Portal) -> str:
    from catalogue.access import ANONYMOUS
    from catalogue.queries.collection_details import collection_details

    stored = collection_details("lab-1.0", viewer=ANONYMOUS).stored
    assert stored is not None
    return stored.digest


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


def content_of(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, (path, response.content[:500])
    return html.unescape(response.content.decode())


def test_home(client: Client, portal: Portal) -> None:
    content = content_of(client, "/")
    assert "The open data" in content and "lab-1.0" in content
    for command in (
        "curl 'http://testserver/sequence/SQ.",
        "samtools view 'http",
        "bcftools view --no-header 'http",
    ):
        assert command in content
    assert "closed" not in content and "secret" not in content


def test_the_home_page_is_small_with_all_that_it_loads(client: Client, portal: Portal) -> None:
    page = client.get("/").content
    tags = _Tags()
    tags.feed(page.decode())
    files = [finders.find(urlsplit(address).path.removeprefix("/static/")) for address in tags.loaded]
    assert len(files) >= 2 and all(files) and not any("igv" in str(file) for file in files)
    assert len(page) + sum(Path(str(file)).stat().st_size for file in files) < 50_000


def test_an_empty_catalogue_has_a_home_page(client: Client) -> None:
    from portal.pages.home import forget_examples

    forget_examples()
    content = content_of(client, "/")
    assert "No dataset is public yet" in content and "First commands" not in content
    forget_examples()


def test_search(client: Client, portal: Portal) -> None:
    DataFile.objects.filter(pk=portal.reads.pk).update(samples=["NA12878"])
    content = content_of(client, "/search?q=NA12878")
    assert 'href="/files/reads/run/one"' in content and "secret" not in content
    assert 'href="/datasets/open"' in content_of(client, "/search?q=open")
    assert f'href="/sequences/{CHR_A.sq}"' in content_of(client, "/search?q=lab:chrA")
    assert f'href="/collections/{digest_of(portal)}"' in content_of(client, "/search?q=lab-1")
    assert "Nothing was found" in content_of(client, "/search?q=absent")
    assert "too long" in content_of(client, f"/search?q={'x' * 300}")
    content_of(client, "/search?q=%00%FF")


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


def configuration(client: Client, path: str) -> Any:
    found = re.search(r'data-config="([^"]*)"', client.get(path).content.decode())
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_a_file(client: Client, portal: Portal) -> None:
    content = content_of(client, "/files/reads/run/one")
    for said in ("BAM", "coordinate", "chrA", "30,000", CHR_A.sq, "2 in the header", "The open data"):
        assert said in content
    assert "samtools view 'http://testserver/reads/run/one?referenceName=chrA&start=" in content
    config = configuration(client, "/files/reads/run/one")
    assert config["track"]["url"] == "/reads/run/one" and config["track"]["sourceType"] == "htsget"
    assert config["file"] is None, "what is public needs no token"
    assert config["reference"]["fastaURL"] == "/files/reads/run/one?as=fa"


def test_the_region_changes_every_command(client: Client, portal: Portal) -> None:
    for path in ("/files/reads/run/one", file_path("reads", AWKWARD)):
        content = content_of(client, f"{path}?region=chrB:1,001-2,000&part=commands")
        assert "<html" not in content
        assert content.count("referenceName=chrB&start=1000&end=2000") == 5
        assert content.count("chrB%3A1001-2000") == 1
    whole = content_of(client, "/files/reads/run/one?region=&part=commands")
    assert "referenceName" not in whole
    by_alias = content_of(client, f"/files/reads/run/one?part=commands&region={CHR_A.md5_hex}:1-5")
    assert f"referenceName={CHR_A.md5_hex}&start=0&end=5" in by_alias
    for wrong in ("chrB:9-5", "absent:1-5", "chrB:0-1"):
        refused = content_of(client, f"/files/reads/run/one?part=commands&region={wrong}")
        assert "samtools" not in refused and 'role="alert"' in refused


def test_the_reference_of_a_file(client: Client, portal: Portal) -> None:
    for file in (portal.reads, portal.awkward):
        base = file_path("reads", file.htsget_id)
        index = client.get(f"{base}?as=fai").content.decode().splitlines()
        whole = client.get(f"{base}?as=fa").getvalue().decode()
        assert whole.replace("\n", "") == "".join(f">{name}{residues}" for name, residues in GENOME.items())
        for line, (name, residues) in zip(index, GENOME.items(), strict=True):
            found, length, offset, bases, width = line.split("\t")
            assert (found, int(length)) == (name, len(residues))
            end = int(offset) + int(width) - 1
            answer = client.get(f"{base}?as=fa", headers={"Range": f"bytes={offset}-{end}"})
            assert answer.status_code == 206
            assert answer.getvalue().decode() == residues[: int(bases)] + "\n"
        assert client.get(f"{base}?as=fa", headers={"Range": "bytes=99999999-"}).status_code == 416
        assert client.get(f"{base}?as=sizes").content.decode() == "chrA\t30000\nchrB\t8000\n"
    assert client.get("/files/reads/run/one?as=nothing").status_code == 404


def test_a_file_whose_sequences_are_not_held_is_shown_by_lengths(client: Client, portal: Portal) -> None:
    Contig.objects.filter(file=portal.reads, name="chrB").update(sequence=None)
    content = content_of(client, "/files/reads/run/one")
    assert (
        '"chromSizesURL"' in content and "fastaURL" not in content and "without reference residues" in content
    )
    assert client.get("/files/reads/run/one?as=fa").status_code == 404


def test_a_private_sequence_is_no_part_of_a_reference(client: Client, portal: Portal) -> None:
    portal.collection.visibility = "private"
    portal.collection.save()
    assert client.get("/files/reads/run/one?as=fa").status_code == 404
    assert CHR_A.sq not in content_of(client, "/files/reads/run/one")
    client.force_login(portal.reader)
    assert client.get("/files/reads/run/one?as=fa").status_code == 404
    make_grant(portal.collection, portal.reader)
    assert client.get("/files/reads/run/one?as=fa").status_code == 200
    assert CHR_A.sq in content_of(client, "/files/reads/run/one")


def test_files_that_cannot_be_shown(client: Client, portal: Portal) -> None:
    DataFile.objects.filter(pk=portal.reads.pk).update(index_kind="")
    assert "no index" in content_of(client, "/files/reads/run/one")
    Contig.objects.filter(file=portal.variants).update(index=b"")
    content = content_of(client, "/files/variants/calls")
    assert "no records on a contig" in content and "data-config" not in content
    DataFile.objects.filter(pk=portal.reads.pk).update(state="missing")
    assert "missing" in content_of(client, "/files/reads/run/one")


@pytest.mark.parametrize(
    "htsget_id",
    [AWKWARD, "/", "a//b", "a/", "/a", "..", "a/../b", "a/./b", "?", "ü", "a\nb", "service-info/x"],
)
def test_every_id_has_a_page(client: Client, portal: Portal, htsget_id: str) -> None:
    DataFile.objects.filter(pk=portal.awkward.pk).update(htsget_id=htsget_id)
    content = content_of(client, file_path("reads", htsget_id))
    assert (
        html.escape(htsget_id) in client.get(file_path("reads", htsget_id)).content.decode()
        or htsget_id in content
    )


def test_a_former_id_leads_to_the_new_one_for_those_who_may_know(client: Client, portal: Portal) -> None:
    for old, new in (("old", "run/one"), ("former", "secret/one")):
        FormerId.objects.create(kind="reads", htsget_id=old, target=new)
    assert client.get("/files/reads/old").headers["Location"] == "/files/reads/run/one"
    hidden = client.get("/files/reads/former")
    assert hidden.status_code == 404 and b"secret" not in hidden.content
    client.force_login(portal.reader)
    assert client.get("/files/reads/former").headers["Location"] == "/files/reads/secret/one"


def test_several_formats_of_one_id(client: Client, portal: Portal) -> None:
    file = make_granted_file(portal.open, htsget_id="run/one", format="CRAM")
    content = content_of(client, "/files/reads/run/one")
    assert 'href="?format=CRAM"' in content
    assert 'href="/files/reads/run/one?format=CRAM"' in content_of(client, "/datasets/open")
    assert "<strong>CRAM</strong>" in content_of(client, "/files/reads/run/one?format=CRAM")
    assert client.get("/files/reads/run/one?format=SAM").status_code == 404
    file.delete()


def test_a_sequence(client: Client, portal: Portal) -> None:
    content = content_of(client, f"/sequences/{CHR_A.sq}")
    for said in ("lab:chrA", CHR_A.md5_hex, CHR_A.sha512t24u.hex(), "30,000", "linear", "lab-1.0", "run/one"):
        assert said in content
    assert "secret" not in content
    first = " ".join(GENOME["chrA"][at : at + 10] for at in range(0, 60, 10))
    assert first in content
    part = content_of(client, f"/sequences/{CHR_A.sq}?start=1,001&end=1,010")
    assert GENOME["chrA"][1000:1010] in part and "start=1000&end=1010" in part
    for wrong in ("start=0", "start=5&end=4", "start=x", "end=30001", "start=-5"):
        assert 'role="alert"' in content_of(client, f"/sequences/{CHR_A.sq}?{wrong}")
    fasta = client.get(f"/sequences/{CHR_A.sq}.fa")
    lines = fasta.getvalue().decode().splitlines()
    assert lines[0] == f">{CHR_A.sq}" and "".join(lines[1:]) == GENOME["chrA"]


@pytest.mark.parametrize(
    "name", ["lab:chrA", "chrA", CHR_A.md5_hex, f"ga4gh:{CHR_A.sq}", CHR_A.sha512t24u.hex()]
)
def test_other_names_of_a_sequence_lead_to_its_digest(client: Client, portal: Portal, name: str) -> None:
    assert client.get(f"/sequences/{name}").headers["Location"] == f"/sequences/{CHR_A.sq}"
    assert client.get(f"/sequences/{name}.fa").status_code == 200


def test_names_of_several_sequences_and_of_none(client: Client, portal: Portal) -> None:
    make_sequence(b"ACGT", "other:chrA")
    content = content_of(client, "/sequences/chrA", 300)
    assert CHR_A.sq in content and sequence_digests(b"ACGT").sq in content
    assert client.get("/sequences/chrA.fa").status_code == 404
    assert client.get("/sequences/absent").status_code == 404


def test_a_sequence_that_is_only_known(client: Client, portal: Portal) -> None:
    row = Sequence.objects.create(md5=bytes(16), length=7)
    make_alias(row, "lab:known")
    assert "not held here" in content_of(client, f"/sequences/{'0' * 32}")
    assert client.get(f"/sequences/{'0' * 32}.fa").status_code == 404


def test_a_collection(client: Client, portal: Portal) -> None:
    digest = digest_of(portal)
    assert client.get("/collections/lab-1.0").headers["Location"] == f"/collections/{digest}"
    content = content_of(client, f"/collections/{digest}")
    for said in (
        "lab-1.0",
        "chrA",
        "30,000",
        CHR_A.sq,
        "The open data",
        f"/collections/{digest}.fa.fai",
        "sorted_sequences",
    ):
        assert said in content
    assert client.get(f"/collections/{digest}.fa").status_code == 200, "the protocol's file"
    assert "closed" not in content
    assert "chrB" not in content_of(client, f"/collections/{digest}?q=chrA").partition("<tbody>")[2]


def test_collections_are_compared(client: Client, portal: Portal) -> None:
    make_collection("other", {"chrA": GENOME["chrA"].encode(), "chrZ": b"ACGT"})
    content = content_of(client, f"/collections/{digest_of(portal)}?with=other")
    row = re.search(r"<th scope=\"row\">sequences</th>(.*?)</tr>", content, re.DOTALL)
    assert row is not None and re.findall(r">(\d+)<", row[1]) == ["2", "2", "1"]
    assert "they are the same" in content_of(client, f"/collections/{digest_of(portal)}?with=lab-1.0")
    assert "No collection has this" in content_of(client, f"/collections/{digest_of(portal)}?with=absent")


def test_a_collection_without_a_digest_has_a_page(client: Client) -> None:
    make_collection("hg38.fa", {"one": b"ACGT", "two": b"GGTT"}, md5_only=["two"])
    content = content_of(client, "/collections/hg38.fa/")
    assert "known by their MD5 only" in content and "two" in content
    assert 'href="/collections/hg38.fa/"' in content_of(client, "/collections/")


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


def test_paths_are_quoted_in_links(client: Client, portal: Portal) -> None:
    Dataset.objects.filter(pk=portal.open.pk).update(title="<b>bold</b> & more")
    response = client.get("/datasets/open")
    assert b"<b>bold" not in response.content and "&lt;b&gt;bold" in response.content.decode()
    assert quote("ü") in client.get(file_path("reads", AWKWARD)).content.decode()
