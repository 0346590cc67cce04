"""Registering by a manifest on the desk: previewed row by row, held to what the account may browse and write to."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from catalogue import jobs
from catalogue.models import DataFile, Dataset, Grant, IngestRun, StoragePrefix
from tests.catalogue.lab import Lab, make_reads_file
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def steward(client: Client, lab: Lab) -> None:
    """A steward of two datasets, of which only one may have what lies in lab:trio/."""
    for name in ("trio/a.bam", "trio/b.bam", "other/c.bam"):
        make_reads_file(lab.stored / name)
    user = make_user("steward", Group.objects.get(name="steward"))
    for slug in ("trio", "second"):
        make_grant(Dataset.objects.create(slug=slug), user, role="steward")
    Dataset.objects.create(slug="foreign")
    StoragePrefix.objects.create(dataset=Dataset.objects.get(slug="trio"), storage="lab", prefix="trio/")
    client.force_login(user)


def send(client: Client, text: str, **more: str) -> Any:
    return client.post("/admin/register/manifest/", {"text": text, **more})


def test_a_manifest_is_previewed_and_registered(client: Client) -> None:
    text = "path,id\nlab:trio/a.bam,first\nlab:trio/none.bam,\nlab:trio/b.bam,second\n"
    send(client, text, dataset="trio")
    preview = do_job(IngestRun.objects.get())
    shown = client.get(f"/admin/runs/{preview.pk}/").context["inputs"]
    assert sorted(one.outcome for one in shown) == ["added", "added", "failed"]
    assert not DataFile.objects.exists()
    client.post(f"/admin/runs/{preview.pk}/start")
    do_job(IngestRun.objects.exclude(pk=preview.pk).get())
    assert sorted(DataFile.objects.values_list("htsget_id", flat=True)) == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "paste its text"),
        ("path,id\nlab:other/c.bam,c\n", "Line 2"),
        ("path,index\nlab:trio/a.bam,lab:other/c.bam.bai\n", "Line 2"),
        ("path,dataset\nlab:trio/a.bam,foreign\n", "no steward of the dataset"),
        ("path,dataset\nlab:trio/a.bam,new\n", "no steward of the dataset"),
        ("path,dataset\nlab:trio/a.bam,second\n", "Line 2"),
        ("path\n/etc/passwd\n", "Line 2"),
        ("path\nlab:trio/../other/c.bam\n", "Line 2"),
        ("path,colour\nlab:trio/a.bam,red\n", "no manifest"),
        ('[{"location": "file:///data/x", "id": "x"}]', "htsget-rs"),
    ],
)
def test_what_is_refused(client: Client, text: str, said: str) -> None:
    response = send(client, text, dataset="trio")
    assert response.status_code == 400 and said in response.content.decode(), response.context["form"].errors
    assert not IngestRun.objects.exists()


def test_a_start_checks_again(client: Client) -> None:
    send(client, "path\nlab:trio/a.bam\n", dataset="trio")
    preview = do_job(IngestRun.objects.get())
    StoragePrefix.objects.all().delete()
    page = client.post(f"/admin/runs/{preview.pk}/start", follow=True)
    assert b"may not register" in page.content and IngestRun.objects.count() == 1


def test_the_manifest_of_a_job_is_for_whoever_manages_all_of_its_files(client: Client, lab: Lab) -> None:
    lab.bam(lab.stored / "trio/a.bam", dataset="trio")
    lab.bam(lab.stored / "other/c.bam", dataset="second")
    steward = User.objects.get(username="steward")
    made = do_job(jobs.start("export_manifest", {"format": "tsv"}, account=steward.pk))
    assert b"Download the manifest" in client.get(f"/admin/runs/{made.pk}/").content
    answer = client.get(f"/admin/runs/{made.pk}/manifest")
    assert answer.content.decode() == lab.export("--format=tsv") and answer.content.count(b"\n") == 3
    assert answer.headers["Content-Disposition"] == 'attachment; filename="manifest.tsv"'
    Grant.objects.filter(dataset__slug="second").delete()
    assert b"Download the manifest" not in client.get(f"/admin/runs/{made.pk}/").content
    assert client.get(f"/admin/runs/{made.pk}/manifest").status_code == 404
    client.force_login(make_user("boss", Group.objects.get(name="catalogue administrator")))
    assert client.get(f"/admin/runs/{made.pk}/manifest").status_code == 200
    IngestRun.objects.filter(pk=made.pk).update(arguments={"format": "tsv"})
    assert client.get(f"/admin/runs/{made.pk}/manifest").status_code == 404, "it does not say whose files"
    said = json.loads(lab.export("--background", "--json"))
    assert do_job(IngestRun.objects.get(pk=said["job"])).arguments["datasets"] == ["second", "trio"]


def test_ticked_files_are_exported_as_a_manifest(client: Client) -> None:
    send(client, "path,id\nlab:trio/a.bam,first\nlab:trio/b.bam,second\n", dataset="trio")
    client.post(f"/admin/runs/{do_job(IngestRun.objects.get()).pk}/start")
    do_job(IngestRun.objects.order_by("pk").last())  # type: ignore[arg-type]
    chosen = DataFile.objects.get(htsget_id="first").pk
    data = {"action": "export", "_selected_action": [chosen], "index": 0}
    lines = client.post("/admin/catalogue/datafile/", data).getvalue().decode().splitlines()
    assert len(lines) == 2 and lines[1].startswith("lab:trio/a.bam,lab:trio/a.bam.bai,first,trio,BAM")
