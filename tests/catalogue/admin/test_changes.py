"""Changes of ticked rows: the page says what will happen, does what it said, and nothing of others."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client

from catalogue.models import (
    CollectionMember,
    Contig,
    DataFile,
    Dataset,
    IngestRun,
    Sequence,
    SequenceCollection,
    StoragePrefix,
)
from tests.catalogue.made_access import make_grant, make_granted_file, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def files(client: Client) -> dict[str, DataFile]:
    """A file in each of three datasets; a steward of the first two is signed in, who owns the second."""
    user = make_user("steward", Group.objects.get(name="steward"))
    made = {}
    for slug in ("mine", "owned", "foreign"):
        dataset = Dataset.objects.create(slug=slug)
        made[slug] = make_granted_file(dataset, f"{slug}-file")
    make_grant(made["mine"].dataset, user, role="steward")
    make_grant(made["owned"].dataset, user, role="owner")
    client.force_login(user)
    return made


def act(client: Client, action: str, *rows: Any, model: str = "datafile", **more: Any) -> Any:
    data = {"action": action, "index": 0, "_selected_action": [row.pk for row in rows], **more}
    return client.post(f"/admin/catalogue/{model}/", data)


def confirm(client: Client, action: str, *rows: Any, **more: Any) -> Any:
    """Open the page of an action, and confirm what it says."""
    plan = act(client, action, *rows, step="plan", **more).context["plan"]
    return act(client, action, *rows, step="confirm", token=plan.token, **more)


def test_a_move_is_told_before_it_is_done(client: Client, files: dict[str, DataFile]) -> None:
    page = act(client, "move", files["mine"])
    assert page.context["plan"] is None and page.context["form"] is not None
    page = act(client, "move", files["mine"], step="plan", to="owned")
    assert "will belong to the dataset owned instead of mine" in page.content.decode()
    files["mine"].refresh_from_db()
    assert files["mine"].dataset.slug == "mine"
    confirm(client, "move", files["mine"], to="owned")
    files["mine"].refresh_from_db()
    assert files["mine"].dataset.slug == "owned"
    entry = LogEntry.objects.get()
    assert entry.get_change_message() == "Move: dataset from “mine” to “owned”"
    history = client.get(f"/admin/catalogue/datafile/{files['mine'].pk}/history/").content.decode()
    assert "from “mine” to “owned”" in history


def test_files_of_others_stay(client: Client, files: dict[str, DataFile]) -> None:
    for action, more in (
        ("move", {"to": "owned"}),
        ("remove", {}),
        ("rename", {"new": "x", "old_id": "retire"}),
    ):
        act(client, action, files["foreign"], step="confirm", token="", **more)
        page = act(client, action, files["foreign"], step="plan", **more)
        assert page.context["plan"] is None or page.context["plan"].count == 0
    act(client, "move", files["mine"], step="confirm", token="", to="foreign")
    assert sorted(DataFile.objects.values_list("dataset__slug", "htsget_id")) == sorted(
        (slug, f"{slug}-file") for slug in files
    )


def test_a_plan_that_has_changed_is_shown_again(client: Client, files: dict[str, DataFile]) -> None:
    token = act(client, "move", files["mine"], step="plan", to="owned").context["plan"].token
    Dataset.objects.filter(slug="mine").update(visibility="registered")
    page = act(client, "move", files["mine"], step="confirm", token=token, to="owned")
    assert "has changed since it was shown" in page.content.decode()
    assert "less open than before" in page.content.decode()
    files["mine"].refresh_from_db()
    assert files["mine"].dataset.slug == "mine"


@pytest.mark.parametrize(("role", "moved"), [("steward", "mine"), ("owner", "owned")])
def test_only_owners_publish_by_moving(
    client: Client, files: dict[str, DataFile], role: str, moved: str
) -> None:
    make_grant(Dataset.objects.create(slug="open", visibility="public"), User.objects.get(), role="steward")
    page = act(client, "move", files[moved], step="plan", to="open", publish="on")
    assert bool(page.context["plan"].refusals) is (role == "steward")


def test_publishing_and_withdrawing(client: Client, files: dict[str, DataFile]) -> None:
    datasets = [file.dataset for file in files.values()]
    confirm(client, "publish", *datasets, model="dataset")
    assert [*Dataset.objects.filter(visibility="public").values_list("slug", flat=True)] == ["owned"]
    confirm(client, "withdraw", *datasets, model="dataset")
    assert not Dataset.objects.filter(visibility="public").exists()
    entry = LogEntry.objects.order_by("-pk")[0]
    assert entry.get_change_message() == "Withdraw: visibility from “public” to “controlled”"


def test_renaming(client: Client, files: dict[str, DataFile]) -> None:
    page = act(client, "rename", *files.values(), step="plan", new="new", old_id="redirect")
    assert "Tick files of one id" in page.content.decode()
    page = act(client, "rename", files["mine"], step="plan", new="owned-file", old_id="redirect")
    assert page.context["plan"].refusals
    confirm(client, "rename", files["mine"], new="new/id", old_id="retire")
    assert DataFile.objects.get(pk=files["mine"].pk).htsget_id == "new/id"


def test_removing(client: Client, files: dict[str, DataFile]) -> None:
    page = act(client, "remove", files["mine"])
    assert "Nothing becomes public" in page.content.decode()
    confirm(client, "remove", files["mine"])
    assert not DataFile.objects.filter(pk=files["mine"].pk).exists() and DataFile.objects.count() == 2


def test_verifying_is_a_job(client: Client, files: dict[str, DataFile]) -> None:
    response = act(client, "verify", *files.values(), step="confirm", deep="on")
    run = IngestRun.objects.get()
    assert response.headers["Location"] == f"/admin/runs/{run.pk}/"
    assert run.arguments == {"deep": True}
    assert run.attachment == {"files": sorted(files[slug].pk for slug in ("mine", "owned"))}


def test_all_of_a_list_and_too_many(
    client: Client, files: dict[str, DataFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        make_granted_file(files["mine"].dataset, f"more{number}")
    page = act(client, "remove", files["mine"], select_across=1)
    assert page.context["plan"].count == 6
    monkeypatch.setattr("catalogue.admin.changes.MAX_ROWS", 3)
    page = client.post(
        "/admin/catalogue/datafile/",
        {"action": "remove", "index": 0, "_selected_action": [files["mine"].pk], "select_across": 1},
        follow=True,
    )
    assert "at most 3 data files" in page.content.decode()


@pytest.fixture
def unlinked(files: dict[str, DataFile]) -> SequenceCollection:
    """A contig without a sequence in each file, and an assembly that has one of its name."""
    collection = SequenceCollection.objects.create(name="assembly")
    sequence = Sequence.objects.create(md5=bytes(16), length=100)
    CollectionMember.objects.create(collection=collection, position=0, name="chr1", sequence=sequence)
    for file in files.values():
        Contig.objects.create(file=file, number=0, name="chr1", length=100)
        Contig.objects.create(file=file, number=1, name="chr2", length=50)
    return collection


def test_repairing_references(
    client: Client, files: dict[str, DataFile], unlinked: SequenceCollection
) -> None:
    groups = client.get("/admin/references/").context["groups"]
    assert [(group.name, group.length, group.files) for group, _ in groups] == [
        ("chr1", 100, 2),
        ("chr2", 50, 2),
    ]
    data = {"groups": [value for _, value in groups], "collection": "assembly"}
    plan = client.post("/admin/references/", data).context["plan"]
    assert plan.count == 2
    client.post("/admin/references/", {**data, "step": "confirm", "token": plan.token})
    linked = Contig.objects.exclude(sequence=None).values_list("file__dataset__slug", "name")
    assert sorted(linked) == [("mine", "chr1"), ("owned", "chr1")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "Tick the contigs"),
        ({"groups": '["chr1", 100, null]'}, "Choose an assembly or a sequence"),
        ({"groups": '["chr1", 100, null]', "sequence": "no:such"}, "Nothing"),
        ({"groups": '["chr1", 100, null]', "collection": "closed"}, "Select a valid choice"),
        ({"groups": ["{}", "[1]", '["a", "b", "c"]', "x"], "collection": "assembly"}, "Tick the contigs"),
    ],
)
def test_repairs_that_are_refused(
    client: Client, files: dict[str, DataFile], unlinked: SequenceCollection, data: dict[str, Any], said: str
) -> None:
    SequenceCollection.objects.create(name="closed", visibility="private")
    response = client.post("/admin/references/", data)
    assert response.status_code == 400
    assert said in response.content.decode() or response.context["form"].errors, response.context[
        "form"
    ].errors


def test_what_a_person_may_see(client: Client, files: dict[str, DataFile]) -> None:
    group = Group.objects.create(name="lab")
    reader = make_user("reader", group)
    make_grant(files["mine"].dataset, group, header_only=True)
    make_grant(files["owned"].dataset, reader, expired=True)
    make_grant(files["foreign"].dataset, reader)
    Dataset.objects.filter(slug="owned").update(visibility="registered")
    page = client.get("/admin/people/", {"name": "reader"})
    assert [(one.what, one.through, one.limits, one.ended) for one in page.context["grants"]] == [
        ("mine", "lab", "headers", False), ("owned", "", "", True),
    ]  # fmt: skip
    assert [dataset.slug for dataset in page.context["open"]] == ["owned"]
    stranger = make_user("stranger")
    make_grant(files["foreign"].dataset, stranger)
    names = ("stranger", "nobody!!")
    pages = [client.get("/admin/people/", {"name": name}).content.decode() for name in names]
    told = [re.sub(r'value="\w{64}"', "", page) for page in pages]
    assert "Nobody of this name" in told[0] and told[0].replace("stranger", "nobody!!") == told[1]
    client.force_login(make_user("boss", Group.objects.get(name="catalogue administrator")))
    assert len(client.get("/admin/people/", {"name": "reader"}).context["grants"]) == 3


def test_a_deletion_says_what_it_means(admin_client: Client, files: dict[str, DataFile]) -> None:
    for path, said in (
        (f"datafile/{files['mine'].pk}", "the stored bytes stay where they are"),
        (f"dataset/{files['mine'].dataset_id}", "cannot be deleted while these depend on it"),
        (f"grant/{files['mine'].dataset.grants.get().pk}", "is no longer steward of mine"),
    ):
        page = admin_client.get(f"/admin/catalogue/{path}/delete/").content.decode()
        assert said in page, path


def test_a_history_says_from_what_to_what(client: Client, files: dict[str, DataFile]) -> None:
    dataset = files["mine"].dataset
    client.post(f"/admin/catalogue/dataset/{dataset.pk}/change/", {"title": "New title"})
    assert LogEntry.objects.get().get_change_message() == "title from nothing to “New title”"


def test_a_history_says_from_what_to_what_of_rows_within_a_page(
    admin_client: Client, files: dict[str, DataFile]
) -> None:
    dataset = files["mine"].dataset
    kept, gone = (
        StoragePrefix.objects.create(dataset=dataset, storage="lab", prefix=prefix) for prefix in ("a/", "b/")
    )
    rows: list[dict[str, object]] = [
        {"id": kept.pk, "storage": "lab", "prefix": "trio/"},
        {"id": gone.pk, "storage": "lab", "prefix": "b/", "DELETE": "on"},
        {"id": "", "storage": "lab", "prefix": "new/"},
    ]
    inline = {f"prefixes-{at}-{name}": value for at, row in enumerate(rows) for name, value in row.items()}
    data = {"title": "", "visibility": dataset.visibility, **inline}
    data |= {"prefixes-TOTAL_FORMS": 3, "prefixes-INITIAL_FORMS": 2}
    page = admin_client.post(f"/admin/catalogue/dataset/{dataset.pk}/change/", data)
    assert page.status_code == 302, page.context["errors"]
    said = LogEntry.objects.latest("pk").get_change_message()
    assert "changed storage prefix “lab:trio/”: prefix from “a/” to “trio/”" in said
    assert "added storage prefix “lab:new/”" in said and "removed storage prefix “lab:b/”" in said
