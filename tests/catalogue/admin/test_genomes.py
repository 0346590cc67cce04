"""Pages of genomes: who sees which, and what a removal means."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from catalogue.models import AuditEvent, Gene, Genome, IngestRun, Sequence, SequenceCollection
from tests.annotation_app.made_annotation import make_gene, make_genome, make_transcript, random_residues
from tests.catalogue.made_access import make_grant, make_user

pytestmark = pytest.mark.django_db

LIST = "admin:catalogue_genome_changelist"


def url(page: str, genome: Genome) -> str:
    return reverse(f"admin:catalogue_genome_{page}", args=[genome.pk])


@pytest.fixture
def genome() -> Genome:
    residues = random_residues(500)
    made = make_genome("yeast-1", {"1": residues}, scientific_name="Saccharomyces cerevisiae")
    gene = make_gene(made, "G1", 10, 300, symbol="ACT1")
    make_transcript(gene, "T1", [(10, 100), (200, 300)], residues=residues)
    Genome.objects.update(genes=1, transcripts=1)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("role", ["catalogue administrator", "curator"])
def test_those_who_keep_references_see_and_remove_genomes(client: Client, genome: Genome, role: str) -> None:
    user = make_user("keeper")
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    for term in ("cerevis", "east-", ""):
        assert b"yeast-1" in client.get(reverse(LIST), {"q": term}).content
    page = client.get(url("change", genome)).content.decode()
    assert "/genes/yeast-1" in page and "Saccharomyces cerevisiae" in page
    asked = client.get(url("delete", genome)).content.decode()
    assert "Genes: 1" in asked and "Transcripts: 1" in asked and "stay, with their names" in asked
    assert Genome.objects.exists()
    held = Sequence.objects.count()
    assert client.post(url("delete", genome), {"post": "yes"}).status_code == 302
    assert not Genome.objects.exists() and not Gene.objects.exists()
    assert Sequence.objects.count() == held
    run = IngestRun.objects.get()
    assert (run.command, run.actor, run.outcome) == ("remove_genome", "keeper", "succeeded")
    assert AuditEvent.objects.filter(kind="admin", target__contains="yeast-1").exists()


def test_a_steward_sees_the_genomes_of_their_collections_only(
    client: Client, genome: Genome, django_assert_max_num_queries: Any
) -> None:
    mine = make_genome("mine-1", {"1": random_residues(60)})
    SequenceCollection.objects.filter(pk=mine.collection_id).update(visibility="private")
    user = make_user("steward", is_staff=True)
    make_grant(mine.collection, user, role="steward")
    client.force_login(user)
    with django_assert_max_num_queries(15):
        listed = client.get(reverse(LIST)).content
    assert b"mine-1" in listed and b"yeast-1" not in listed
    assert client.get(url("change", mine)).status_code == 200
    assert client.get(url("change", genome)).status_code == 302
    assert client.post(url("delete", mine), {"post": "yes"}).status_code == 403
    assert Genome.objects.count() == 2


@pytest.mark.parametrize("is_staff", [True, False])
def test_others_see_none(client: Client, genome: Genome, is_staff: bool) -> None:
    client.force_login(make_user("somebody", is_staff=is_staff))
    for page in (reverse(LIST), url("change", genome), url("delete", genome)):
        assert client.get(page).status_code in {302, 403}


def test_a_genome_is_not_typed_in_or_changed(admin_client: Client, genome: Genome) -> None:
    assert admin_client.get(reverse("admin:catalogue_genome_add")).status_code == 403
    assert admin_client.post(url("change", genome), {"genome_id": "other"}).status_code == 403
    assert Genome.objects.get().genome_id == "yeast-1"
