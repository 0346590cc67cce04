"""Writes by programs of stewards: what they change, what they are refused, and that history and audit have it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalogue import jobs
from catalogue.models import (
    AuditEvent,
    DataFile,
    Dataset,
    FormerId,
    Grant,
    GrantRegion,
    StoragePrefix,
)
from tests.catalogue.made_access import make_grant
from tests.catalogue.made_collections import make_collection
from tests.portal.api.made_stewards import MANIFEST, READING, Program, make_account, program
from tests.portal.conftest import Portal

CLOSED = "/api/datasets/closed"


def test_a_steward_describes_a_dataset(portal: Portal, steward: Program) -> None:
    status, content, headers = steward.ask("patch", CLOSED, {"title": "New", "licence": "CC BY"})
    assert status == 200 and (content["title"], content["licence"]) == ("New", "CC BY")
    assert content["description"] == "" and content["collection"] == "lab-1.0"
    assert headers["Cache-Control"] == "private, no-store"
    again = steward.ask("get", CLOSED)
    assert again[1] == content and again[2]["ETag"] == headers["ETag"]
    entry = LogEntry.objects.get(object_id=str(portal.closed.pk))
    assert entry.user.username == "stella" and "title from “The closed data” to “New”" in entry.change_message
    event = AuditEvent.objects.filter(dataset="closed", kind="admin").latest("pk")
    assert (event.actor, event.detail["through"]) == ("stella", "api")
    assert event.credential and event.credential in steward.token
    assert steward.ask("patch", CLOSED, {"collection": None})[1]["collection"] is None


def test_a_write_needs_the_present_etag(portal: Portal, steward: Program) -> None:
    assert steward.ask("patch", CLOSED, {"title": "x"}, etag=None)[0] == 428
    old = steward.ask("get", CLOSED)[2]["ETag"]
    assert steward.ask("patch", CLOSED, {"title": "x"}, etag=old)[0] == 200
    assert steward.ask("patch", CLOSED, {"title": "y"}, etag=old)[0] == 412
    assert steward.ask("patch", CLOSED, {"title": "z"}, etag="*")[0] == 200
    assert Dataset.objects.get(slug="closed").title == "z"


def test_only_an_owner_sets_the_visibility(
    portal: Portal, steward: Program, owner: Program, boss: Program
) -> None:
    refused = steward.ask("patch", CLOSED, {"visibility": "public", "title": "not this either"})
    assert refused[0] == 403 and "owner" in refused[1]["detail"]
    assert Dataset.objects.get(slug="closed").title == "The closed data"
    assert owner.ask("patch", CLOSED, {"visibility": "registered"})[1]["visibility"] == "registered"
    assert boss.ask("patch", CLOSED, {"visibility": "controlled"})[0] == 200
    changes = [event.detail for event in AuditEvent.objects.filter(dataset="closed", kind="admin")]
    assert any(detail.get("from") == "controlled" and detail.get("to") == "registered" for detail in changes)


def test_a_private_collection_cannot_be_guessed(portal: Portal, steward: Program) -> None:
    make_collection("hidden", {"A": b"GATTACA" * 10}, private=True)
    for name in ("hidden", "absent"):
        status, content, _ = steward.ask("patch", CLOSED, {"collection": name})
        assert (
            status == 400
            and content["detail"].replace(name, "") == "collection: there is no collection named ''"
        )


@pytest.mark.parametrize(
    "body",
    [
        {"title": 1}, {"title": "x" * 256}, {"title": "a\0b"}, {"title": None}, {"visibility": "x"}, {"slug": "x"}, [],
        "x", 1, {"title": "\ud800"},
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_read(steward: Program, body: Any) -> None:
    assert steward.ask("patch", CLOSED, body)[0] == 400


def test_other_bodies_media_types_and_methods(portal: Portal, steward: Program) -> None:
    headers = {"Authorization": f"Bearer {steward.token}", "If-Match": "*"}
    client = Client()
    for data, kind, status in (
        (b"{", "application/json", 400), (b'{"title": "a", "title": "b"}', "application/json", 400),
        (b'{"title": NaN}', "application/json", 400), (b"\xff", "application/json", 400),
        (b"title=x", "application/x-www-form-urlencoded", 415), (b"[" * 100_000, "application/json", 400),
        (b'{"title": "ok"}', "application/merge-patch+json; charset=utf-8", 200),
    ):  # fmt: skip
        response: Any = client.patch(CLOSED, data=data, content_type=kind, headers=headers)
        assert response.status_code == status, data[:20]
    assert steward.ask("post", "/api/datasets/", {})[0] == 405
    assert steward.ask("patch", f"{CLOSED}?x=1", {"title": "x"}, etag="*")[0] == 400


def test_a_file_is_renamed_and_moved(portal: Portal, steward: Program, owner: Program) -> None:
    path = f"/api/files/{portal.hidden.pk}"
    status, content, _ = steward.ask("patch", path, {"id": "secret/two"})
    assert (status, content["id"], content["ticket"]) == (200, "secret/two", "/reads/secret/two")
    assert FormerId.objects.get(htsget_id="secret/one").target == "secret/two"
    status, content, _ = steward.ask("patch", path, {"id": "run/one"})
    assert status == 409 and "choose another id" in content["detail"]
    assert steward.ask("patch", path, {"id": "a/../b"})[0] in {200, 409}
    make_grant(portal.open, User.objects.get(username="stella"), role="steward")
    make_grant(portal.open, User.objects.get(username="olga"), role="owner")
    before = DataFile.objects.get(pk=portal.hidden.pk).htsget_id
    refused = steward.ask("patch", path, {"dataset": "open", "id": "third"})
    assert refused[0] == 409 and "more open" in refused[1]["detail"], "a move never publishes"
    assert steward.ask("patch", path, {"dataset": "open", "publish": True})[0] == 403
    file = DataFile.objects.get(pk=portal.hidden.pk)
    assert (file.dataset.slug, file.htsget_id) == ("closed", before), "all or nothing"
    assert owner.ask("patch", path, {"dataset": "open", "publish": True})[1]["dataset"] == "open"
    entry = LogEntry.objects.filter(object_id=str(file.pk)).first()
    assert entry is not None and "dataset from “closed” to “open”" in entry.change_message


def test_files_of_others_stay_as_they_are(portal: Portal, steward: Program) -> None:
    path = f"/api/files/{portal.reads.pk}"
    assert steward.ask("patch", path, {"id": "mine"})[0] == 403
    assert steward.ask("patch", path, {"dataset": "closed"})[0] == 403
    assert steward.ask("patch", f"/api/files/{portal.hidden.pk}", {"dataset": "open"})[0] == 400
    assert steward.ask("patch", "/api/files/999999999", {"id": "x"})[0] == 404
    assert steward.ask("patch", "/api/datasets/open", {"title": "mine"})[0] == 403


def test_grants_are_given_listed_and_taken_back(portal: Portal, steward: Program, owner: Program) -> None:
    body = {
        "dataset": "closed", "user": "eve", "kinds": ["reads"], "note": "DAC 7", "expires": "2100-01-01T00:00:00Z",
        "regions": [{"contig": "chrA", "start": 5, "end": 10}, {"contig": "chrB"}], "files": [portal.hidden.pk],
    }  # fmt: skip
    status, grant, headers = steward.ask("post", "/api/grants/", body)
    path = f"/api/grants/{grant['number']}"
    assert status == 201 and headers["Location"] == path
    assert (grant["user"], grant["role"], grant["files"]) == ("eve", "reader", [portal.hidden.pk])
    assert grant["regions"][1] == {"contig": "chrB", "start": 0, "end": None}
    assert GrantRegion.objects.filter(grant=grant["number"]).count() == 2
    assert steward.ask("get", path)[1] == grant
    found = steward.ask("get", "/api/grants/?dataset=closed&q=dac")[1]["results"]
    assert [one["number"] for one in found] == [grant["number"]]
    status, again, _ = steward.ask("post", "/api/grants/", {"dataset": "closed", "user": "ada"})
    assert status in {400, 409} and "already" in again["detail"]
    assert steward.ask("delete", path, etag=None)[0] == 428
    assert steward.ask("delete", path, etag='"other"')[0] == 412
    assert steward.ask("delete", path)[0] == 204
    assert steward.ask("delete", path)[0] == 404
    assert LogEntry.objects.filter(object_id=str(grant["number"])).count() == 2
    of_owner = Grant.objects.get(dataset=portal.closed, user__username="olga")
    assert steward.ask("delete", f"/api/grants/{of_owner.pk}")[0] == 403
    status, made, _ = owner.ask(
        "post", "/api/grants/", {"dataset": "closed", "user": "eve", "role": "steward"}
    )
    assert status == 201 and owner.ask("delete", f"/api/grants/{made['number']}")[0] == 204


def test_a_grant_to_a_group_and_to_a_visa(portal: Portal, owner: Program) -> None:
    Group.objects.create(name="readers")
    assert (
        owner.ask("post", "/api/grants/", {"dataset": "closed", "group": "readers"})[1]["group"] == "readers"
    )
    visa = {"type": "ControlledAccessGrants", "value": "https://example.org/1"}
    status, grant, _ = owner.ask("post", "/api/grants/", {"dataset": "closed", "visa": visa})
    assert status == 201 and grant["visa"] == {**visa, "source": "", "issuer": ""} and grant["files"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"dataset": "open", "user": "eve"}, 403), ({"dataset": "absent", "user": "eve"}, 403),
        ({"dataset": "closed", "user": "eve", "role": "owner"}, 403), ({"dataset": "closed", "user": "nobody"}, 400),
        ({"dataset": "closed"}, 400), ({"user": "eve"}, 400),
        ({"dataset": "closed", "user": "eve", "group": "x"}, 400),
        ({"dataset": "closed", "collection": "lab-1.0", "user": "eve"}, 400),
        ({"collection": "lab-1.0", "user": "eve"}, 403),
        ({"dataset": "closed", "user": "eve", "files": [1]}, 400),
        ({"dataset": "closed", "user": "eve", "files": ["1"]}, 400),
        ({"dataset": "closed", "user": "eve", "regions": [{"contig": "*"}]}, 400),
        ({"dataset": "closed", "user": "eve", "regions": [{"contig": "a", "start": 5, "end": 5}]}, 400),
        ({"dataset": "closed", "user": "eve", "header_only": True, "regions": [{"contig": "a"}]}, 400),
        ({"dataset": "closed", "user": "eve", "expires": "yesterday"}, 400),
        ({"dataset": "closed", "user": "eve", "kinds": ["x"]}, 400),
        ({"dataset": "closed", "visa": {"type": "x"}}, 400),
    ],
)  # fmt: skip
def test_grants_that_are_refused(portal: Portal, steward: Program, body: Any, status: int) -> None:
    before = Grant.objects.count()
    answered, content, _ = steward.ask("post", "/api/grants/", body)
    assert answered == status, content
    assert Grant.objects.count() == before
    assert "constraint" not in content["detail"]


def test_lists_for_a_token_to_manage_show_what_the_desk_shows(
    portal: Portal, boss: Program, client: Client
) -> None:
    closed = {"closed", "open"}
    assert {row["slug"] for row in boss.ask("get", "/api/datasets/")[1]["results"]} == closed
    assert len(boss.ask("get", "/api/files/")[1]["results"]) == 4
    reading = program(User.objects.get(username="boss"), READING)
    assert [row["slug"] for row in reading.ask("get", "/api/datasets/")[1]["results"]] == ["open"]
    assert (
        client.get("/reads/secret/one", headers={"Authorization": f"Bearer {boss.token}"}).status_code == 403
    )
    only = program(User.objects.get(username="boss"), ("manage",))
    assert only.ask("get", "/api/runs/")[0] == 200
    assert {row["slug"] for row in only.ask("get", "/api/datasets/")[1]["results"]} == closed


def queries_of(program: Program, method: str, path: str, body: Any = None, *, etag: str | None = None) -> int:
    """The number of queries of a request that succeeds, of a token that was used just now."""
    program.ask("get", "/api/authorities")
    with CaptureQueriesContext(connection) as made:
        status, content, _ = program.ask(method, path, body, etag=etag)
    assert status < 300, (path, content)
    return len(made)


def test_writes_make_few_queries(portal: Portal, owner: Program) -> None:
    user = User.objects.get(username="olga")
    StoragePrefix.objects.create(dataset=portal.closed, storage="files", prefix="mine/")
    other = Dataset.objects.create(slug="other")
    make_grant(other, user, role="owner")
    file = f"/api/files/{portal.hidden.pk}"
    manifest = {"manifest": MANIFEST, "dataset": "closed", "dry_run": True}
    run = f"/api/runs/{owner.ask('post', '/api/runs/', manifest)[1]['number']}"
    # Besides the change: the check of If-Match, constraints for their messages, history, audit, and the answer.
    for method, path, body, most in (
        ("patch", CLOSED, {"title": "x"}, 50),
        ("patch", CLOSED, {"visibility": "registered"}, 62),
        ("patch", file, {"id": "secret/two"}, 66),
        ("patch", file, {"dataset": "other"}, 70),
        ("post", "/api/runs/", manifest, 25),
        ("post", f"{run}/cancel", None, 44),
        ("post", f"{run}/retry", None, 35),
        ("post", f"{run}/start", None, 34),
        ("post", "/api/grants/", {"dataset": "closed", "user": "eve"}, 60),
        ("delete", f"/api/grants/{make_grant(portal.closed, make_account('g')).pk}", None, 49),
    ):
        made = queries_of(owner, method, path, body, etag="*")
        assert made <= most, (method, path, made)


def test_the_queries_of_a_manifest_do_not_grow_with_its_rows(portal: Portal, owner: Program) -> None:
    StoragePrefix.objects.create(dataset=portal.closed, storage="files", prefix="mine/")
    made = []
    for rows in (1, 30):
        manifest = "path,id\n" + "".join(f"files:mine/{rows}-{number}.bam,\n" for number in range(rows))
        made.append(queries_of(owner, "post", "/api/runs/", {"manifest": manifest, "dataset": "closed"}))
    assert made[0] == made[1]


def test_pages_for_accounts_make_few_queries(portal: Portal, boss: Program) -> None:
    run = jobs.start("verify_files", {"files": [1]}, account=User.objects.get(username="boss").pk)
    most = {
        "grants": 12,
        "runs": 8,
        f"runs/{run.pk}": 9,
        f"inputs?run={run.pk}": 9,
        "files": 9,
        "datasets": 8,
    }
    made: dict[str, set[int]] = {path: set() for path in most}
    for count in (1, 5):
        for number in range(count):
            make_grant(
                portal.closed,
                make_account(f"g{count}{number}"),
                regions=[("chrA", 0, 5)],
                files=[portal.hidden],
            )
            jobs.start("verify_files", {"files": [number]}, account=User.objects.get(username="boss").pk)
            run.files.create(source=f"{count}-{number}.bam", outcome="added", part=0)
            Dataset.objects.create(slug=f"d{count}{number}", collection=portal.collection)
        for path, limit in most.items():
            made[path].add(queries_of(boss, "get", f"/api/{path}"))
            assert max(made[path]) <= limit, path
    assert all(len(numbers) == 1 for numbers in made.values()), made
