"""Registering from a storage: who may browse what, what a preview starts, and what its start checks again."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalogue.models import DataFile, Dataset, IngestRun, SequenceCollection, StoragePrefix
from tests.catalogue.lab import Lab, make_reads_file
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def steward(client: Client, lab: Lab) -> User:
    """A member of the group `steward`, signed in, whose dataset may have what lies in lab:trio/."""
    for name in ("trio/a.bam", "trio/sub/b.bam", "other/c.bam"):
        make_reads_file(lab.stored / name)
    user = make_user("steward", Group.objects.get(name="steward"))
    dataset = Dataset.objects.create(slug="trio")
    Dataset.objects.create(slug="foreign")
    make_grant(dataset, user, role="steward")
    StoragePrefix.objects.create(dataset=dataset, storage="lab", prefix="trio/")
    client.force_login(user)
    return user


def work_off() -> None:
    """Do every job that waits."""
    for run in IngestRun.objects.filter(outcome="queued"):
        do_job(run)


def browse(client: Client, prefix: str, storage: str = "lab") -> Any:
    return client.get("/admin/register/browse/", {"storage": storage, "prefix": prefix})


def preview(client: Client, *files: str, prefix: str = "trio/", **fields: str) -> Any:
    data = {"files": files, "kind": "reads", "dataset": "trio", **fields}
    return client.post(f"/admin/register/browse/?storage=lab&prefix={prefix}", data)


def test_the_only_place_is_opened(client: Client, steward: User) -> None:
    assert client.get("/admin/register/").headers["Location"].endswith("browse/?storage=lab&prefix=trio%2F")
    page = browse(client, "trio/")
    assert b"a.bam" in page.content and b"sub/" in page.content
    assert b"b.bam" in browse(client, "trio/sub/").content


@pytest.mark.parametrize(
    ("storage", "prefix"),
    [
        ("lab", ""), ("lab", "other/"), ("lab", "tri"), ("files", ""), ("files", "trio/"), ("none", "trio/"),
        ("", ""), ("lab", "/"),
    ],
)  # fmt: skip
def test_other_places_are_closed(client: Client, steward: User, storage: str, prefix: str) -> None:
    assert browse(client, prefix, storage).status_code == 403


@pytest.mark.parametrize("prefix", ["trio/../other/", "trio/./", "trio//"])
def test_a_prefix_leads_nowhere_else(client: Client, steward: User, prefix: str) -> None:
    page = browse(client, prefix)
    assert page.status_code == 200 and b"c.bam" not in page.content
    assert "no prefix" in page.context["trouble"]


def test_without_a_role_nothing_is_open(client: Client, steward: User) -> None:
    client.force_login(make_user("staff", is_staff=True))
    assert b"No part of a storage is open to you" in client.get("/admin/register/").content
    assert browse(client, "trio/").status_code == 403
    reader = make_user("reader", Group.objects.get(name="steward"))
    make_grant(Dataset.objects.get(slug="trio"), reader, role="reader")
    client.force_login(reader)
    assert browse(client, "trio/").status_code == 403


def test_an_administrator_sees_every_storage(client: Client, steward: User) -> None:
    client.force_login(make_user("boss", Group.objects.get(name="catalogue administrator")))
    links = client.get("/admin/register/").context["places"]
    assert {name for name, _ in links} == {"sequences:", "files:", "lab:"}
    assert b"other/" in browse(client, "").content
    assert preview(client, "lab:other/", prefix="", dataset="foreign").status_code == 302


def test_the_number_of_queries_does_not_grow(client: Client, steward: User, lab: Lab) -> None:
    """With what lies in the storage, the collections that may be chosen, and the inputs of a preview."""
    preview(client, "lab:trio/")
    run = IngestRun.objects.get()
    paths = {
        "register/browse/?storage=lab&prefix=trio/": 17, "register/manifest/": 12, f"runs/{run.pk}/": 20,
        f"runs/{run.pk}/?outcome=failed": 20, f"runs/{run.pk}/state": 10,
    }  # fmt: skip
    counts: list[list[int]] = []
    for count in (2, 30):
        for number in range(count):
            (lab.stored / f"trio/{count}-{number}.bam").touch()
            SequenceCollection.objects.create(name=f"{count}-{number}")
            run.files.create(source=f"{count}-{number}", outcome="failed", message="cut off")
        queries = []
        for path in paths:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(f"/admin/{path}").status_code == 200
            queries.append(len(captured))
        counts.append(queries)
    assert counts[0] == counts[1] and all(map(int.__le__, counts[0], paths.values())), counts


def test_a_preview_writes_nothing_and_its_start_registers(client: Client, steward: User) -> None:
    response = preview(client, "lab:trio/")
    run = IngestRun.objects.get()
    assert response.headers["Location"] == f"/admin/runs/{run.pk}/" and run.dry_run and run.account == steward
    work_off()
    page = client.get(f"/admin/runs/{run.pk}/")
    assert [one.outcome for one in page.context["inputs"]] == ["added", "added"]
    assert page.context["may_start"] and not DataFile.objects.exists()
    started = client.post(f"/admin/runs/{run.pk}/start")
    work_off()
    real = IngestRun.objects.exclude(pk=run.pk).get()
    assert started.headers["Location"] == f"/admin/runs/{real.pk}/"
    assert sorted(DataFile.objects.values_list("htsget_id", flat=True)) == ["a", "sub/b"]
    links = [link for one in client.get(f"/admin/runs/{real.pk}/").context["inputs"] for link in one.links]
    assert sorted(links) == ["/reads/a", "/reads/sub/b"]


@pytest.mark.parametrize(
    ("files", "fields", "said"),
    [
        ((), {}, "Tick the files"),
        (("lab:other/c.bam",), {}, "may not register"),
        (("lab:",), {}, "may not register"),
        (("lab:trio/../other/c.bam",), {}, "may not register"),
        (("/etc/passwd",), {}, "may not register"),
        (("trio/a.bam",), {}, "may not register"),
        (("-",), {}, "may not register"),
        (("lab:trio/a.bam",), {"dataset": "foreign"}, "Select a valid choice"),
        (("lab:trio/a.bam",), {"dataset": ""}, "Choose the dataset"),
        (("lab:trio/a.bam",), {"htsget_id": "a//b"}, "cannot be part of a URL"),
        (("lab:trio/a.bam",), {"collection": "closed"}, "Select a valid choice"),
    ],
)
def test_what_is_refused(
    client: Client, steward: User, files: tuple[str, ...], fields: dict[str, str], said: str
) -> None:
    response = preview(client, *files, **fields)
    assert response.status_code == 400 and said in response.content.decode().replace("&#x27;", "'")
    assert not IngestRun.objects.exists()


def test_a_start_checks_again(client: Client, steward: User) -> None:
    preview(client, "lab:trio/a.bam")
    run = IngestRun.objects.get()
    work_off()
    StoragePrefix.objects.all().delete()
    page = client.post(f"/admin/runs/{run.pk}/start", follow=True)
    assert b"may not register" in page.content and IngestRun.objects.count() == 1


def test_runs_of_others_are_hidden(client: Client, steward: User) -> None:
    preview(client, "lab:trio/a.bam")
    run = IngestRun.objects.get()
    client.force_login(make_user("other", Group.objects.get(name="steward")))
    for path in ("", "state"):
        assert client.get(f"/admin/runs/{run.pk}/{path}").status_code == 404
    for what in ("start", "cancel", "retry"):
        assert client.post(f"/admin/runs/{run.pk}/{what}").status_code == 404
    client.logout()
    assert "login" in client.get(f"/admin/runs/{run.pk}/state").headers["Location"]


def test_the_state_of_a_run(client: Client, steward: User, lab: Lab) -> None:
    (lab.stored / "trio/broken.bam").write_bytes(b"no BAM")
    preview(client, "lab:trio/broken.bam", "lab:trio/a.bam")
    run = IngestRun.objects.get()
    state = client.get(f"/admin/runs/{run.pk}/state").json()
    assert (state["outcome"], state["over"], state["cancellable"]) == ("queued", False, True)
    work_off()
    state = client.get(f"/admin/runs/{run.pk}/state").json()
    assert (state["outcome"], state["over"], state["done"], state["total"]) == ("failed", True, 2, 2)
    (problem,) = state["inputs"]
    assert problem["source"] == "lab:trio/broken.bam" and problem["message"]
    assert client.get(f"/admin/runs/{run.pk}/state?after={problem['pk'] + 1}").json()["inputs"] == []


def test_cancelling_and_retrying(client: Client, steward: User) -> None:
    preview(client, "lab:trio/a.bam")
    run = IngestRun.objects.get()
    client.post(f"/admin/runs/{run.pk}/cancel")
    run.refresh_from_db()
    assert run.outcome == "cancelled"
    page = client.get(f"/admin/runs/{run.pk}/")
    assert page.context["may_retry"] and not page.context["may_cancel"]
    again = client.post(f"/admin/runs/{run.pk}/retry")
    assert again.headers["Location"] != f"/admin/runs/{run.pk}/"


def test_sequences_are_chosen_in_a_storage(client: Client, steward: User, lab: Lab) -> None:
    (lab.stored / "trio/genome.fa.gz").touch()
    assert b"Register as sequences" not in browse(client, "trio/").content
    steward.groups.add(Group.objects.get(name="curator"))
    page = browse(client, "trio/").content.decode()
    link = "/admin/register/sequences/?stored=lab%3Atrio%2Fgenome.fa.gz"
    assert f'<a href="{link}">genome.fa.gz</a>' in page
    assert 'value="lab:trio/genome.fa.gz"' in client.get(link).content.decode()


def test_a_large_level_has_pages(
    client: Client, steward: User, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalogue.admin.browse.PER_PAGE", 2)
    for number in range(3):
        (lab.stored / f"trio/more{number}.bam").write_bytes(b"x")
    names: list[str] = []
    link = "/admin/register/browse/?storage=lab&prefix=trio%2F"
    while link:
        page = client.get(link)
        names += [name for name, *_ in (*page.context["folders"], *page.context["objects"])]
        link = page.context["next"]
    assert sorted(names) == sorted(["a.bam", "a.bam.bai", "more0.bam", "more1.bam", "more2.bam", "sub/"])
