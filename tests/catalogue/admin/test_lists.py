"""Lists of the desk: how many queries they make, what they are searched by, and for whom pages are."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalogue.models import Alias, DataFile, Dataset, NamingAuthority, Sequence
from tests.catalogue.made_access import make_grant, make_granted_file, make_user

pytestmark = pytest.mark.django_db

#: Every page of the desk that belongs to no table, with the method that it answers.
PAGES = {
    "register": "get", "browse": "get", "register-manifest": "get", "register-sequences": "get", "references": "get",
    "person": "get", "uploads": "post", "upload": "get", "run": "get", "run-state": "get", "run-do": "post",
}  # fmt: skip
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "upload": ("00000000-0000-0000-0000-000000000000",), "run": (1,), "run-state": (1,), "run-do": (1, "start"),
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
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    with CaptureQueriesContext(connection) as captured:
        page = admin_client.get("/admin/catalogue/datafile/?q=LE00")
    assert page.context["cl"].result_count == 10
    wanted = '"catalogue_datafile"."state_reason"'
    (listing,) = [query["sql"] for query in captured if wanted in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {listing}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert re.search("file_by_part_of_text", plan), plan


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
