"""Names and annotation on the desk: previewed and registered, by whoever may add them."""

from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from catalogue.models import Alias, Genome, IngestRun
from tests.catalogue.lab import Lab
from tests.catalogue.made_access import make_user
from tests.catalogue.made_jobs import do_job
from tests.catalogue.made_releases import register, write_gff3

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/admin/register/tables/"
RESIDUES = "ATGGCC" * 60


@pytest.fixture(autouse=True)
def boss(client: Client, lab: Lab, tmp_path: Path) -> None:
    """A catalogue administrator, signed in, with a table and an annotation of an assembly in lab:."""
    register(tmp_path, {"c": RESIDUES})
    (lab.stored / "names.tsv").write_text(
        f"{md5(RESIDUES.encode()).hexdigest()}\tnew\tother\nlab:none\tnew\tthing\n"
    )
    write_gff3(lab.stored / "genes.gff3", "c x CDS 1 90 . + 0 ID=p;locus_tag=b;protein_id=P;version=1")
    client.force_login(make_user("boss", Group.objects.get(name="catalogue administrator")))


def send(client: Client, kind: str, **form: Any) -> Any:
    return client.post(PATH, {"kind": kind, **form})


@pytest.mark.parametrize(
    ("kind", "form", "made"),
    [
        (
            "ingest_aliases",
            {"stored": "lab:names.tsv", "create_authorities": "on", "allow_unmatched": "on"},
            Alias,
        ),
        ("ingest_gff3", {"stored": "lab:genes.gff3", "assembly": "made", "authority": "lab"}, Genome),
    ],
)
def test_they_are_previewed_and_registered(client: Client, kind: str, form: Any, made: Any) -> None:
    before = made.objects.count()
    response = send(client, kind, **form)
    preview = do_job(IngestRun.objects.get(dry_run=True))
    assert response.headers["Location"] == f"/admin/runs/{preview.pk}/"
    assert (preview.command, preview.outcome, made.objects.count()) == (kind, "succeeded", before)
    client.post(f"/admin/runs/{preview.pk}/start")
    done = do_job(IngestRun.objects.get(command=kind, outcome="queued"))
    assert (done.outcome, made.objects.count()) == ("succeeded", before + 1)


def test_what_concerns_no_single_file_is_told_on_the_page_of_the_job(client: Client) -> None:
    send(client, "ingest_aliases", stored="lab:names.tsv", create_authorities="on")
    preview = do_job(IngestRun.objects.get(dry_run=True))
    page = client.get(f"/admin/runs/{preview.pk}/").content.decode()
    assert preview.outcome == "failed" and "no sequence has the names in the row" in page


@pytest.mark.parametrize(
    ("kind", "form", "said"),
    [
        ("ingest_aliases", {}, "Choose a file"),
        ("ingest_bam", {"stored": "lab:names.tsv"}, "Select a valid choice"),
        ("ingest_gff3", {"stored": "lab:genes.gff3", "assembly": "none"}, "There is no assembly"),
        ("ingest_gff3", {"stored": "lab:genes.gff3", "assembly": "made", "authority": "a b"}, "is a word"),
        ("ingest_aliases", {"stored": "/etc/passwd"}, "may not register"),
        ("ingest_aliases", {"upload": "00000000-0000-0000-0000-000000000000"}, "not complete"),
    ],
)
def test_what_is_refused(client: Client, kind: str, form: Any, said: str) -> None:
    response = send(client, kind, **form)
    assert response.status_code == 400 and said in response.content.decode()
    assert not IngestRun.objects.filter(dry_run=True).exists()


def test_it_is_for_those_who_may_add_names_and_sequences(client: Client) -> None:
    client.force_login(make_user("steward", Group.objects.get(name="steward")))
    assert client.get(PATH).status_code == 403
    client.force_login(make_user("curator", Group.objects.get(name="curator")))
    assert client.get(PATH).status_code == 200
    response = send(client, "ingest_aliases", stored="lab:names.tsv")
    assert response.status_code == 400 and b"may not register" in response.content
