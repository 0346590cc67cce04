"""Annotation of private collections: every look-up × every role. To whoever may not read one it is as if absent."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from catalogue.models import AuditEvent, Genome, SequenceCollection
from tests.annotation_app.made_annotation import (
    make_gene,
    make_genome,
    make_transcript,
    make_world,
    random_residues,
)
from tests.catalogue.made_access import VISA, make_grant
from tests.permissions.made_world import EACH_REASON, FULL, ROLES, SECRETS, VISA_VALUE, World

pytestmark = pytest.mark.django_db

ALLOWED = {*FULL, "wrong scope"}  # whose scope is sequences
SECRET = random_residues(500, 99)
#: Each look-up of the root type, with what names the private genome; `made` is a public one.
LOOK_UPS = {
    "gene": 'gene(by_id: {genome_id: "%(genome)s", stable_id: "GSECRET"}) { stable_id }',
    "genes": 'genes(by_symbol: {genome_id: "%(genome)s", symbol: "SECRETA"}) { stable_id }',
    "transcript": 'transcript(by_id: {genome_id: "%(genome)s", stable_id: "TSECRET"}) { stable_id }',
    "by symbol": 'transcript(by_symbol: {genome_id: "%(genome)s", symbol: "SECRETA-201"}) { stable_id }',
    "product": 'product(by_id: {genome_id: "%(genome)s", stable_id: "PSECRET"}) { sequence { checksum } }',
    "overlap": """overlap_region(by_slice: {genome_id: "%(genome)s", region_name: "ctgSecretA", start: 1, end: 90}) {
        genes { stable_id } transcripts { stable_id } }""",
    "region": 'region(by_name: {genome_id: "%(genome)s", name: "ctgSecretA"}) { sequence { checksum } }',
    "regions": 'regions(by_genome_id: {genome_id: "%(genome)s"}) { name }',
    "genome": 'genome(by_genome_id: {genome_id: "%(genome)s"}) { genome_id }',
    "uuid": 'genome(by_genome_uuid: {genome_uuid: "%(genome)s"}) { assembly { regions { name } } }',
    "keyword": 'genomes(by_keyword: {ensembl_name: "%(genome)s"}) { genome_id }',
}
#: Look-ups that find public genomes, too: what is private in them is left out.
LISTS = {
    "accession": 'genomes(by_assembly_accession_id: {assembly_accession_id: "GCA_000000001.1"}) { genome_id }',
    "taxon": 'genomes(by_keyword: {species_taxonomy_id: "9606"}) { genome_id }',
    "search": """transcript_search(search_payload:
        {query: "TX1", genome_ids: ["made", "secretgenome"], page: 1, per_page: 1}) {
        meta { total_hits } matches { stable_id genome_id } }""",
    "organism": """genome(by_genome_id: {genome_id: "made"}) { assembly { organism { assemblies { id }
        species { organisms { assemblies { regions { name } } } } } } }""",
}


@pytest.fixture
def private(world: World) -> SequenceCollection:
    """The annotation of a private collection beside a public one of the same species, accession and ids."""
    make_world()
    regions = {"ctgSecretA": SECRET, "ctgSecretB": SECRET[::-1]}
    genome = make_genome(
        "secretgenome", regions, private=True, assembly_accession="GCA_000000001.1", taxon_id=9606
    )
    gene = make_gene(genome, "GSECRET", 10, 300, region="ctgSecretA", symbol="SECRETA")
    make_transcript(
        gene, "TSECRET", [(10, 300)], residues=SECRET, coding=(0, 90), protein=("PSECRET", b"MSECRET" * 4),
        symbol="SECRETA-201",
    )  # fmt: skip
    make_transcript(gene, "TX1", [(10, 300)], residues=SECRET)
    collection = genome.collection
    for name in ("granted", "scope"):
        make_grant(collection, User.objects.get(username=name))
    make_grant(collection, Group.objects.get(name="readers"))
    make_grant(collection, replace(VISA, value=VISA_VALUE))
    for role in ("steward", "owner"):
        make_grant(collection, User.objects.get(username=role), role=role)
    return collection


def ask(client: Client, field: str, headers: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, str]]:
    body = json.dumps({"query": f"{{ found: {field} }}"})
    response = client.post("/graphql", body, content_type="application/json", headers=headers)
    sent = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return response.status_code, json.loads(response.content), sent


@pytest.mark.parametrize("hidden", [False, True])
def test_look_ups(
    world: World, private: SequenceCollection, client: Client, settings: Any, hidden: bool
) -> None:
    settings.HIDE_CONTROLLED = hidden
    for name, field in LOOK_UPS.items():
        for role in EACH_REASON if hidden else ROLES:
            headers = world.headers(role)
            before = AuditEvent.objects.filter(kind="request").count()
            status, answer, sent = ask(client, field % {"genome": "secretgenome"}, headers)
            events = AuditEvent.objects.filter(kind="request").order_by("-id")
            assert status == 200
            if role in ALLOWED:
                assert answer["data"]["found"] and "errors" not in answer, (name, role, answer)
                assert sent["Cache-Control"] == "private, no-store"
                event = events[0]
                assert events.count() == before + 1
                assert (event.target, event.dataset, event.outcome) == (
                    "graphql/secretgenome", private.name, "done",
                )  # fmt: skip
                continue
            assert answer["data"]["found"] is None and events.count() == before, (name, role)
            absent = ask(client, field % {"genome": "absentgenome"}, headers)
            seen = json.loads(json.dumps(answer).replace("secretgenome", "absentgenome"))
            # Where in the query something was not found depends on no name.
            assert (status, seen, sent) == absent, (name, role)


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_counts(world: World, private: SequenceCollection, client: Client, name: str) -> None:
    seen = {role: ask(client, LISTS[name], world.headers(role)) for role in ROLES}
    Genome.objects.filter(genome_id="secretgenome").delete()
    without = ask(client, LISTS[name], {})
    for role in ROLES:
        if role in ALLOWED:
            assert seen[role][1] != without[1], role
        else:
            assert seen[role] == without, role
            assert all(secret.decode() not in json.dumps(seen[role]) for secret in SECRETS)


def test_queries_by_url_and_the_page_are_for_everybody(
    world: World, private: SequenceCollection, client: Client
) -> None:
    for role in ROLES:
        headers = world.headers(role)
        assert client.get("/graphql?query={__typename}", headers=headers).status_code == 200
        assert client.get("/graphql", headers={**headers, "Accept": "text/html"}).status_code == 200
        assert client.get("/graphql/service-info", headers=headers).status_code == 200
        whole = client.get("/graphql?query={__schema{types{name}}}", headers=headers).content
        assert all(secret not in whole for secret in SECRETS)


def test_a_private_protein_is_at_refget_for_those_alone(
    world: World, private: SequenceCollection, client: Client
) -> None:
    _, answer, _ = ask(client, LOOK_UPS["product"] % {"genome": "secretgenome"}, world.headers("owner"))
    checksum = answer["data"]["found"]["sequence"]["checksum"]
    for role in ROLES:
        found = client.get(f"/sequence/{checksum}", headers=world.headers(role))
        assert (found.status_code == 200) is (role in ALLOWED), role


def test_published_genomes_are_for_everybody(
    world: World, private: SequenceCollection, client: Client
) -> None:
    SequenceCollection.objects.filter(pk=private.pk).update(visibility="public")
    before = AuditEvent.objects.filter(kind="request").count()
    for role in ROLES:
        _, answer, sent = ask(client, LOOK_UPS["gene"] % {"genome": "secretgenome"}, world.headers(role))
        assert answer["data"]["found"] == {"stable_id": "GSECRET"}
        assert sent["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(kind="request").count() == before
