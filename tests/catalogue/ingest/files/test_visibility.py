"""Publishing and withdrawing datasets."""

import pytest
from django.test import Client

from catalogue.ingest.files.visibility import SetVisibility
from catalogue.ingest.outcomes import Outcome
from catalogue.models import Alias, AuditEvent, Dataset
from tests.catalogue.lab import Lab, make_reads_file
from tests.catalogue.made_access import make_granted_file
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db

PUBLIC, CONTROLLED = Dataset.Visibility.PUBLIC, Dataset.Visibility.CONTROLLED


def test_a_published_dataset_is_served_and_a_withdrawn_one_is_not(lab: Lab, client: Client) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    publish = SetVisibility(Dataset.objects.all(), PUBLIC)
    plan = publish.plan()
    assert "trial will be public: 1 file of" in plan.effects[0]
    assert "anybody may fetch them" in plan.effects[0]
    assert "withdrawing it later does not bring it back" in plan.warnings[0]
    assert client.get("/reads/a").status_code == 401
    assert publish.apply().outcomes == {Outcome.CHANGED: 1}
    ticket = client.get("/reads/a").json()["htsget"]
    data = [url["url"] for url in ticket["urls"] if url["url"].startswith("http")]
    withdraw = SetVisibility(Dataset.objects.all(), CONTROLLED)
    assert "keeps them" in withdraw.plan().warnings[0]
    withdraw.apply()
    assert client.get("/reads/a").status_code == 401
    assert all(client.get(url).status_code in {401, 403} for url in data)


def test_from_and_to_are_recorded_and_what_is_so_already_stays() -> None:
    first = Dataset.objects.create(slug="first", visibility="registered")
    Dataset.objects.create(slug="second", visibility="public")
    make_granted_file(first)
    change = SetVisibility(Dataset.objects.all(), PUBLIC)
    assert "1 dataset of the selection is public already." in change.plan().effects
    assert change.apply().total == 1
    event = AuditEvent.objects.get(detail__change="visibility")
    assert (event.dataset, event.detail["from"], event.detail["to"]) == ("first", "registered", "public")


def test_names_in_headers_are_published_with_their_dataset_and_the_plan_says_so(lab: Lab) -> None:
    md5 = bytes(make_sequence(b"ACGT" * 5).md5).hex()
    header = f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:20\tM5:{md5}\tAN:chr1\n@RG\tID:1\tSM:a\n"
    lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[]))
    SetVisibility(Dataset.objects.all(), Dataset.Visibility.REGISTERED).apply()
    assert not Alias.objects.exists()
    change = SetVisibility(Dataset.objects.all(), PUBLIC)
    assert "Names (AN) in the headers" in " ".join(change.plan().warnings)
    change.apply()
    assert [alias.name for alias in Alias.objects.all()] == ["chr1"]


def test_datasets_outside_the_callers_stay_as_they_are() -> None:
    mine, theirs = Dataset.objects.create(slug="mine"), Dataset.objects.create(slug="theirs")
    SetVisibility(Dataset.objects.filter(pk=mine.pk), PUBLIC).apply()
    theirs.refresh_from_db()
    assert theirs.visibility == CONTROLLED
