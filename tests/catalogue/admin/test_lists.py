"""Lists of the desk: how many queries they make, what they are searched by, and for whom pages are."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalogue.admin.base import SearchPaginator
from catalogue.models import (
    Alias,
    AuditEvent,
    Contig,
    DataFile,
    Dataset,
    FormerId,
    NamingAuthority,
    Sequence,
)
from tests.catalogue.made_access import make_grant, make_granted_file, make_user
from tests.catalogue.made_collections import make_collection

pytestmark = pytest.mark.django_db

#: Every page of the desk that belongs to no table, with the method that it answers.
PAGES = {
    "register": "get", "browse": "get", "register-manifest": "get", "register-sequences": "get", "references": "get",
    "person": "get", "uploads": "post", "upload": "get", "run": "get", "run-state": "get", "run-do": "post",
    "run-manifest": "get", "register-tables": "get", "upkeep": "get",
}  # fmt: skip
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "upload": ("00000000-0000-0000-0000-000000000000",), "run": (1,), "run-state": (1,), "run-do": (1, "start"),
    "run-manifest": (1,),
}  # fmt: skip


def make_rows(count: int, start: int = 0) -> None:
    dataset, _ = Dataset.objects.get_or_create(slug="trio")
    authority = NamingAuthority.objects.get(name="refseq")
    for number in range(start, start + count):
        make_granted_file(dataset, f"file{number:03}")
        sequence = Sequence.objects.create(md5=number.to_bytes(16, "big"), length=9)
        Alias.objects.create(authority=authority, name=f"NC_{number:06}.1", sequence=sequence)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("catalogue/datafile/", 30), ("catalogue/datafile/?q=ile00", 31), ("catalogue/sequence/", 8),
        ("catalogue/sequence/?q=NC_0", 12), ("catalogue/dataset/", 28), ("references/", 28),
        ("catalogue/auditevent/", 28),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["administrator", "steward"])
def test_the_number_of_queries_does_not_grow(client: Client, role: str, path: str, most: int) -> None:
    make_rows(3)
    user = make_user("somebody", is_staff=True, is_superuser=role == "administrator")
    make_grant(Dataset.objects.get(), user, role="steward")
    client.force_login(user)
    if role == "steward" and "sequence" in path:
        return
    counts = []
    for start in (100, 200):
        client.get(f"/admin/{path}")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/admin/{path}").status_code == 200
        counts.append(len(captured))
        make_rows(20, start)
    assert counts[0] == counts[1], counts
    assert counts[0] <= most, counts


def test_parts_of_what_is_known_of_a_file_are_found_by_an_index(admin_client: Client) -> None:
    make_rows(30)
    with CaptureQueriesContext(connection) as captured:
        page = admin_client.get("/admin/catalogue/datafile/?q=LE00")
    assert page.context["cl"].result_count == 10
    found = re.compile("SELECT .catalogue_datafile.*catalogue_trigrams")
    (listing,) = [query["sql"] for query in captured if found.match(query["sql"])]
    with connection.cursor() as cursor:
        # The search itself sets these for its query, and takes them back.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        cursor.execute(f"EXPLAIN {listing}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert re.search("file_by_part_of_text", plan), plan


@pytest.mark.parametrize("candidates", [2000, 3])
def test_a_search_finds_the_same_whether_few_or_many_files_have_a_part(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, candidates: int
) -> None:
    monkeypatch.setattr("catalogue.queries.datasets.MAX_CANDIDATES", candidates)
    make_rows(12)
    renamed = DataFile.objects.get(htsget_id="file003")
    FormerId.objects.create(kind="reads", htsget_id="oldfile_003", target="file003")
    other = make_granted_file(Dataset.objects.get(), "100%_sample")
    for text, ids in (
        ("ile00", [f"file{n:03}" for n in range(10)]), ("FILE011", ["file011"]), ("ldfile_", [renamed.htsget_id]),
        ("ile 003", ["file003"]), ("0%_s", [other.htsget_id]), ("file-0", []), ("nosuch", []),
    ):  # fmt: skip
        page = admin_client.get("/admin/catalogue/datafile/", {"q": text})
        assert [row.htsget_id for row in page.context["cl"].result_list] == ids, text
        assert not list(page.context["messages"])


def test_a_search_counts_no_further_than_it_lists(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchPaginator, "MOST", 7)
    make_rows(9)
    page = admin_client.get("/admin/catalogue/datafile/?q=file")
    assert page.context["cl"].result_count == 7
    assert "The first 7 are listed" in page.content.decode()
    page = admin_client.get("/admin/catalogue/datafile/?q=file00")
    assert page.context["cl"].result_count == 7
    for path in ("?q=file003", "", "?q=+", "?state__exact=ready"):
        page = admin_client.get(f"/admin/catalogue/datafile/{path}")
        assert page.context["cl"].result_count == (1 if "3" in path else 9), path
        assert "are listed" not in page.content.decode()


def test_a_search_of_the_audit_looks_at_the_newest_events_and_at_all_of_a_name(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalogue.admin.audit.MAX_SEARCHED", 3)
    for number in range(6):
        AuditEvent.objects.create(
            kind="ticket", outcome="granted", actor=f"reader{number}", dataset="trio" if number < 2 else "duo",
            target=f"/reads/sample{number}", detail={},
        )  # fmt: skip
    wanted = {"sample5": 1, "sample": 3, "sample1": 0, "trio": 2, "reader0": 1, "reader": 3}
    for text, found in wanted.items():
        page = admin_client.get("/admin/catalogue/auditevent/", {"q": text})
        assert page.context["cl"].result_count == found, text
        assert "The newest 3 events were searched" in page.content.decode()
    for text in wanted:
        export = admin_client.get("/admin/catalogue/auditevent/export.jsonl", {"q": text})
        lines = b"".join(export.streaming_content).splitlines()  # type: ignore[attr-defined]
        rows = AuditEvent.objects.filter(kind="ticket").values()
        assert sum(b'"ticket"' in line for line in lines) == sum(text in str(row) for row in rows), text


def test_what_a_page_shows_of_many_contigs_and_members(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("files", "sequences"):
        monkeypatch.setattr(f"catalogue.admin.{module}.SHOWN", 5)
    file = make_granted_file(Dataset.objects.create(slug="trio"))
    collection = make_collection("made", {f"chr{n}": b"ACGT" * (n + 1) for n in range(8)})
    members = list(collection.members.order_by("position"))
    for number, member in enumerate(members):
        Contig.objects.create(
            file=file, number=100 + number, name=f"<c{number}>", length=9, sequence=member.sequence
        )
    Contig.objects.create(file=file, number=200, name="loose")
    counts = []
    for path in (f"datafile/{file.pk}", f"sequencecollection/{collection.pk}"):
        with CaptureQueriesContext(connection) as captured:
            page = admin_client.get(f"/admin/catalogue/{path}/change/").content.decode()
        counts.append(len(captured))
        assert f"These are the first 5 of {'9' if 'file' in path else '8'}." in page
        assert str(members[4].sequence) in page and str(members[5].sequence) not in page
    assert max(counts) <= 20, counts
    page = admin_client.get(f"/admin/catalogue/datafile/{file.pk}/change/").content.decode()
    assert "&lt;c4&gt;" in page and "<c4>" not in page
    assert f'href="/sequences/{members[0].sequence}"' in page


def test_sequences_without_an_alias_are_listed_by_their_name_in_a_collection(admin_client: Client) -> None:
    make_collection("made", {"scaffold_one": b"ACGT"})
    assert "scaffold_one (made)" in admin_client.get("/admin/catalogue/sequence/").content.decode()
    for text, found in (("ffold_o", 1), ("old_t", 0)):
        assert admin_client.get(f"/admin/catalogue/sequence/?q={text}").context["cl"].result_count == found


def test_a_search_of_sequences_says_that_it_has_more(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("catalogue.queries.sequence_names", "catalogue.admin.sequences"):
        monkeypatch.setattr(f"{module}.MAX_NAMES", 4)
    make_rows(5)
    assert "not all are listed" in admin_client.get("/admin/catalogue/sequence/?q=NC_0").content.decode()
    assert (
        "not all are listed"
        not in admin_client.get("/admin/catalogue/sequence/?q=NC_000001").content.decode()
    )


def test_where_assemblies_are_many_the_name_of_one_is_typed(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_granted_file(Dataset.objects.create(slug="trio"))
    Contig.objects.create(file=file, number=9, name="chr1", length=4)
    make_collection("made", {"chr1": b"ACGT"})
    assert '<option value="made">' in admin_client.get("/admin/references/").content.decode()
    monkeypatch.setattr("catalogue.admin.sequences.MAX_CHOICES", 1)
    page = admin_client.get("/admin/references/").content.decode()
    assert "<option" not in page and 'type="text" name="collection"' in page
    form = {"groups": '["chr1", 4, null]', "step": "plan"}
    assert (
        "What will happen"
        in admin_client.post("/admin/references/", {**form, "collection": "made"}).content.decode()
    )
    refused = admin_client.post("/admin/references/", {**form, "collection": "absent"})
    assert refused.status_code == 400 and "no assembly of this name" in refused.content.decode()
    browsed = admin_client.get("/admin/register/browse/?storage=files").content.decode()
    assert 'type="text" name="collection"' in browsed


def test_sequences_are_listed_by_their_best_name(admin_client: Client) -> None:
    make_rows(2)
    first = Sequence.objects.order_by("pk")[0]
    Alias.objects.create(authority=NamingAuthority.objects.get(name="ucsc"), name="chr1", sequence=first)
    listed = admin_client.get("/admin/catalogue/sequence/").content.decode()
    assert "refseq:NC_000000.1" in listed and "ucsc:chr1" not in listed
    found = admin_client.get("/admin/catalogue/sequence/?q=nc_00000").context["cl"].result_count
    assert found == 2


def test_every_page_is_in_the_table_below() -> None:
    from django.contrib import admin

    site: Any = admin.site
    assert {name for _, _, name in site._pages} == PAGES.keys()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("who", ["nobody", "reader", "staff", "auditor"])
def test_pages_are_closed_to_whoever_has_no_role_for_them(client: Client, name: str, who: str) -> None:
    make_rows(1)
    if who != "nobody":
        user = make_user(who, is_staff=who == "staff")
        make_grant(Dataset.objects.get(), user)
        if who == "auditor":
            user.groups.add(Group.objects.get(name="auditor"))
        client.force_login(user)
    url = reverse(f"admin:{name}", args=_ARGUMENTS.get(name, ()))
    body = {} if PAGES[name] == "get" else {"data": '{"name": "x", "size": 3}', "content_type": "text/plain"}
    answer = getattr(client, PAGES[name])(url, **body)
    if who in {"nobody", "reader"}:
        assert answer.status_code == 302 and "login" in answer.headers["Location"]
    elif name == "register":
        assert b"No part of a storage is open to you" in answer.content
    else:
        assert answer.status_code in {403, 404, 409}
    assert DataFile.objects.count() == 1
