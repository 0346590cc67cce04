"""Admin accounts see and choose only what they manage: pages × roles, and ids of other objects."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from catalogue import audit
from catalogue.audit import Event, Kind
from catalogue.models import (
    CollectionMember,
    Contig,
    DataFile,
    Dataset,
    Grant,
    IngestRun,
    Sequence,
    SequenceCollection,
)
from tests.catalogue.made_access import make_grant, make_user
from tests.htsget_app.made_data import make_data_file, write_bam
from tests.long_runs import every

pytestmark = pytest.mark.django_db

#: In the name of everything that is not the steward's.
FOREIGN = b"foreign"


@dataclass
class Site:
    """What is the steward's, and what is not."""

    mine: dict[str, Any]
    foreign: dict[str, Any]


def make_side(folder: Path, side: str) -> dict[str, Any]:
    dataset = Dataset.objects.create(slug=f"{side}set")
    collection = SequenceCollection.objects.create(name=f"{side}collection", visibility="private")
    user, group = make_user(f"{side}reader"), Group.objects.create(name=f"{side}group")
    contigs = [("1", 100, None)]
    file = make_data_file(
        write_bam(folder / f"{side}.bam", contigs=contigs, reads=[(0, 5, 20)]), f"{side}file", dataset=dataset
    )
    make_grant(collection, group)
    audit.record(Event(Kind.TICKET, dataset=dataset.slug, target=f"reads/{side}file"))
    return {
        "dataset": dataset,
        "sequencecollection": collection,
        "datafile": file,
        "grant": make_grant(dataset, user),
        "ingestrun": IngestRun.objects.create(
            command="ingest_bam", actor=f"{side}actor", arguments={"dataset": dataset.slug}
        ),
        "auditevent": dataset.slug,
        "user": user,
        "group": group,
    }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(make_side(tmp_path, "my"), make_side(tmp_path, "foreign"))


def sign_in(client: Client, site: Site, role: str) -> User:
    user = make_user("staff", is_staff=True)
    if role != "nobody":
        for what in ("dataset", "sequencecollection"):
            make_grant(site.mine[what], user, role=role)
    client.force_login(user)
    return user


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:catalogue_{name}", args=args)


SCOPED = ("dataset", "sequencecollection", "datafile", "grant", "ingestrun", "auditevent")


@pytest.mark.parametrize("role", every(2, ["reader", "nobody", "steward", "owner"]))
@pytest.mark.parametrize("model", SCOPED)
def test_lists_and_pages(client: Client, site: Site, role: str, model: str) -> None:
    sign_in(client, site, role)
    listed = client.get(url(f"{model}_changelist"))
    if role in {"nobody", "reader"}:
        assert listed.status_code == 403
        return
    assert listed.status_code == 200
    assert b"my" in listed.content and FOREIGN not in listed.content
    for query in ({"q": "forei"}, {"q": "e"}, {"dataset__id__exact": site.foreign["dataset"].pk}):
        assert FOREIGN not in client.get(url(f"{model}_changelist"), query).content
    if model == "auditevent":
        return
    for page in ("change", "delete", "history"):
        assert client.get(url(f"{model}_change", site.mine[model].pk), follow=True).status_code == 200
        foreign = client.get(url(f"{model}_{page}", site.foreign[model].pk), follow=True)
        assert FOREIGN not in foreign.content


@pytest.mark.parametrize("role", ["steward", "owner"])
@pytest.mark.parametrize(
    ("model", "field", "names"),
    [
        ("grant", "dataset", {"myset"}),
        ("grant", "collection", {"mycollection"}),
        ("grantfile", "file", {"reads/myfile (BAM)"}),
        ("dataset", "collection", {"mycollection", "public"}),
    ],
)
def test_pickers(client: Client, site: Site, role: str, model: str, field: str, names: set[str]) -> None:
    SequenceCollection.objects.create(name="public")
    sign_in(client, site, role)
    query = {"app_label": "catalogue", "model_name": model, "field_name": field, "term": ""}
    response = client.get(reverse("admin:autocomplete"), query)
    assert response.status_code == 200
    assert {choice["text"] for choice in json.loads(response.content)["results"]} == names


@pytest.mark.parametrize("field", ["user", "group"])
def test_accounts_and_groups_are_not_browsed(client: Client, site: Site, field: str) -> None:
    sign_in(client, site, "owner")
    query = {"app_label": "catalogue", "model_name": "grant", "field_name": field}
    assert client.get(reverse("admin:autocomplete"), query).status_code == 403
    page = client.get(url("grant_add"))
    assert page.status_code == 200 and FOREIGN not in page.content
    assert client.get(reverse(f"admin:auth_{field}_changelist")).status_code == 403


def grant_data(**fields: Any) -> dict[str, Any]:
    return {
        "role": "reader", "regions-TOTAL_FORMS": 0, "regions-INITIAL_FORMS": 0, "files-TOTAL_FORMS": 0,
        "files-INITIAL_FORMS": 0, **fields,
    }  # fmt: skip


@pytest.mark.parametrize("role", every(2, ["steward", "owner"]))
@pytest.mark.parametrize("field", ["dataset", "collection", "user", "group", "files-0-file"])
def test_posted_ids_of_foreign_objects(client: Client, site: Site, role: str, field: str) -> None:
    """They are refused in the words for ids that do not exist, and nothing of them is told."""
    sign_in(client, site, role)
    before = Grant.objects.count()
    data = grant_data(dataset=site.mine["dataset"].pk, user=site.mine["user"].username, kinds=["reads"])
    foreign = {"collection": "sequencecollection", "files-0-file": "datafile"}.get(field, field)
    if field == "files-0-file":
        data |= {"files-TOTAL_FORMS": 1}
    if field == "group":
        data |= {"user": ""}
    if field == "collection":
        data |= {"dataset": "", "kinds": []}
    told = set()
    for pk in (site.foreign[foreign].pk, 999_999):
        response = client.post(url("grant_add"), data | {field: pk})
        assert response.status_code == 200 and FOREIGN not in response.content
        told.add(str(response.context["errors"]))
    assert len(told) == 1 and Grant.objects.count() == before
    same = {"collection": site.mine["sequencecollection"].pk, "files-0-file": site.mine["datafile"].pk}
    named = {"user": "foreignreader", "group": "foreigngroup", "dataset": site.mine["dataset"].pk, **same}
    response = client.post(url("grant_add"), data | {field: named[field]})
    assert response.status_code == 302, response.context["errors"]


def test_a_file_of_another_dataset_of_the_same_steward(client: Client, site: Site) -> None:
    user = sign_in(client, site, "steward")
    make_grant(site.foreign["dataset"], user, role="steward")
    data = grant_data(dataset=site.mine["dataset"].pk, user="myreader")
    data |= {"files-TOTAL_FORMS": 1, "files-0-file": site.foreign["datafile"].pk}
    response = client.post(url("grant_add"), data)
    assert b"files of its own dataset" in response.content


def test_the_same_grant_twice_is_told_in_plain_words(client: Client, site: Site) -> None:
    sign_in(client, site, "steward")
    response = client.post(url("grant_add"), grant_data(dataset=site.mine["dataset"].pk, user="myreader"))
    assert response.status_code == 200 and b"The same grant is there already." in response.content


def test_an_owner_of_one_dataset_changes_no_roles_of_another(client: Client, site: Site) -> None:
    user = sign_in(client, site, "owner")
    make_grant(site.foreign["dataset"], user, role="steward")
    theirs = make_grant(site.foreign["dataset"], make_user("boss"), role="owner")
    data = grant_data(dataset=site.mine["dataset"].pk, user="boss", role="owner")
    assert client.post(url("grant_change", theirs.pk), data).status_code == 200
    theirs.refresh_from_db()
    assert theirs.dataset == site.foreign["dataset"]


@pytest.mark.parametrize("role", ["steward", "owner"])
def test_files_are_looked_at_by_role_and_moved_by_administrators(
    client: Client, site: Site, role: str
) -> None:
    user = sign_in(client, site, role)
    make_grant(site.foreign["dataset"], user, role=role)
    page = url("datafile_change", site.mine["datafile"].pk)
    data = {"dataset": site.foreign["dataset"].pk, "contigs-TOTAL_FORMS": 0, "contigs-INITIAL_FORMS": 0}
    assert client.post(page, data).status_code == 403
    assert client.post(url("datafile_delete", site.mine["datafile"].pk), {"post": "yes"}).status_code == 403


def test_a_role_holds_beside_a_permission_to_look(client: Client, site: Site) -> None:
    user = sign_in(client, site, "steward")
    for codename in ("view_dataset", "view_grant"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    data = {"slug": "x", "title": "By the steward", "visibility": "public"}
    for side, status in ((site.mine, 302), (site.foreign, 403)):
        assert client.post(url("dataset_change", side["dataset"].pk), data).status_code == status
    site.mine["dataset"].refresh_from_db()
    assert (site.mine["dataset"].title, site.mine["dataset"].visibility) == ("By the steward", "controlled")
    assert (
        client.post(
            url("grant_add"), grant_data(dataset=site.foreign["dataset"].pk, user="myreader")
        ).status_code
        == 200
    )


def test_audit_exports_are_scoped(client: Client, site: Site) -> None:
    sign_in(client, site, "steward")
    exported = client.get(url("auditevent_jsonl")).getvalue()
    assert b"myfile" in exported and FOREIGN not in exported
    collection = SequenceCollection.objects.create(name="myset", visibility="private")
    make_grant(collection, make_user("foreignuser"))
    assert FOREIGN not in client.get(url("auditevent_jsonl")).getvalue(), "a collection of the same name"


def test_a_dataset_made_anew_does_not_show_the_audit_of_the_former(client: Client, site: Site) -> None:
    audit.record(Event(Kind.TICKET, dataset="newset", target="reads/foreign"))
    user = sign_in(client, site, "steward")
    make_grant(Dataset.objects.create(slug="newset"), user, role="owner")
    Dataset.objects.filter(slug="newset").update(created="2100-01-01T00:00Z")
    assert FOREIGN not in client.get(url("auditevent_changelist")).content


@pytest.mark.parametrize("role", ["steward", "administrator"])
def test_setting_the_collection_links_the_contigs(
    client: Client, admin_client: Client, site: Site, role: str
) -> None:
    if role == "steward":
        sign_in(client, site, role)
    else:
        client = admin_client
    sequence = Sequence.objects.create(md5=bytes(16), length=100)
    collection = SequenceCollection.objects.create(name="assembly")
    CollectionMember.objects.create(collection=collection, position=0, name="1", sequence=sequence)
    page = url("dataset_change", site.mine["dataset"].pk)
    contigs = Contig.objects.filter(file=site.mine["datafile"])
    for chosen, linked in ((collection.pk, sequence), ("", None)):
        data = {"visibility": "controlled", "collection": chosen}
        data |= {"prefixes-TOTAL_FORMS": 0, "prefixes-INITIAL_FORMS": 0}
        assert client.post(page, data).status_code == 302
        assert contigs.get().sequence == linked


def test_moving_a_file_links_its_contigs_by_the_collection_of_its_new_dataset(
    admin_client: Client, site: Site
) -> None:
    sequence = Sequence.objects.create(md5=bytes(16), length=100)
    collection = SequenceCollection.objects.create(name="assembly")
    CollectionMember.objects.create(collection=collection, position=0, name="1", sequence=sequence)
    Dataset.objects.filter(pk=site.foreign["dataset"].pk).update(collection=collection)
    data = {"dataset": site.foreign["dataset"].pk, "contigs-TOTAL_FORMS": 0, "contigs-INITIAL_FORMS": 0}
    admin_client.post(url("datafile_change", site.mine["datafile"].pk), data)
    assert DataFile.objects.get(pk=site.mine["datafile"].pk).dataset == site.foreign["dataset"]
    assert Contig.objects.get(file=site.mine["datafile"]).sequence == sequence
