"""The first page of the desk: what it counts, for whom, with how many queries."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalogue import audit
from catalogue.audit import Event, Kind
from catalogue.models import Contig, DataFile, Dataset, IngestRun, Sequence
from catalogue.queries import attention
from tests.catalogue.made_access import make_grant, make_granted_file, make_user

pytestmark = pytest.mark.django_db


def counts(client: Client) -> dict[str, str]:
    entries = client.get("/admin/").context["attention"]
    return {entry["text"]: str(entry["count"]) for entry in entries}


@pytest.fixture
def datasets() -> tuple[Dataset, Dataset]:
    """Two datasets with one file each that is missing, and its contig of a sequence that is not held."""
    made = Dataset.objects.create(slug="mine"), Dataset.objects.create(slug="foreign")
    for number, dataset in enumerate(made):
        file = make_granted_file(dataset, f"file{number}")
        DataFile.objects.filter(pk=file.pk).update(state="missing")
        named = Sequence.objects.create(md5=bytes([number]) * 16, length=9)
        Contig.objects.create(file=file, number=0, name="one", length=9, sequence=named)
        Contig.objects.create(file=file, number=1, name="two", length=9)
        IngestRun.objects.create(command="ingest_bam", actor="x", arguments={"dataset": dataset.slug})
        audit.record(Event(Kind.TICKET, dataset=dataset.slug))
    return made


def sign_in_steward(client: Client, dataset: Dataset) -> None:
    user = make_user("steward", is_staff=True)
    make_grant(dataset, user, role="steward")
    client.force_login(user)


def test_an_administrator_sees_everything(admin_client: Client, datasets: tuple[Dataset, Dataset]) -> None:
    found = counts(admin_client)
    assert found["files missing"] == found["contigs without a sequence"] == found["running jobs"] == "2"
    assert found["sequences named but not held"] == "2" and found["files corrupt"] == "0"
    page = admin_client.get("/admin/")
    assert page.context["chart"]["total"] == 2
    assert [(one.storage, one.files, one.size) for one in page.context["storages"]] == [("files", 2, 2)]


def test_a_steward_sees_their_dataset(client: Client, datasets: tuple[Dataset, Dataset]) -> None:
    sign_in_steward(client, datasets[0])
    assert set(counts(client).values()) == {"0", "1"}
    page = client.get("/admin/")
    assert page.context["chart"]["total"] == 1 and page.context["storages"][0].files == 1
    titles = {item["title"] for group in page.context["sidebar_navigation"] for item in group["items"]}
    assert {"Find files", "Audit", "Jobs and runs"} <= titles and not {"Accounts", "Sequences"} & titles


def test_staff_without_a_role_are_told_so(client: Client, datasets: tuple[Dataset, Dataset]) -> None:
    client.force_login(make_user("staff", is_staff=True))
    page = client.get("/admin/")
    assert page.context["attention"] == [] and b"You have no role yet" in page.content


def test_counting_stops(monkeypatch: pytest.MonkeyPatch, datasets: tuple[Dataset, Dataset]) -> None:
    monkeypatch.setattr(attention, "MAX_COUNTED", 1)
    assert str(attention.count_some(DataFile.objects.all())) == "1+"
    assert str(attention.count_some(DataFile.objects.filter(htsget_id="file0"))) == "1"


def test_the_number_of_queries_does_not_grow(admin_client: Client, datasets: Any) -> None:
    numbers = []
    for step in range(2):
        with CaptureQueriesContext(connection) as captured:
            admin_client.get("/admin/")
        numbers.append(len(captured))
        for number in range(5):
            make_granted_file(datasets[0], f"more{step}.{number}")
    assert numbers[0] == numbers[1] <= 25
