"""What is said about genes and transcripts, and references to other databases."""

import pytest
from django.test import Client

from annotation_app.types.metadata import biotype
from annotation_app.types.references import reference
from tests.annotation_app.made_annotation import World
from tests.annotation_app.made_queries import data

pytestmark = pytest.mark.django_db

QUERY = """{ gene(by_id: {genome_id: "made", stable_id: "GENE1"}) {
  metadata { biotype { value label definition } name { accession_id value url source { id name url } } }
  external_references { accession_id name description url assignment_method { type description }
    source { id name description url release } }
  transcripts { stable_id metadata {
    canonical { value label definition } mane { value label definition ncbi_transcript { id url } }
    gencode_basic { value label } tsl { value label definition } appris { value label definition }
    biotype { value label definition description } } } } }"""


def test_metadata(world: World, client: Client) -> None:
    gene = data(client, QUERY)["gene"]
    assert gene["metadata"] == {
        "biotype": {"value": "protein_coding", "label": "Protein coding", "definition": None},
        "name": {
            "accession_id": "HGNC:1101",
            "value": "a made gene",
            "url": "https://identifiers.org/hgnc:1101",
            "source": {"id": "HGNC Symbol", "name": "HGNC Symbol", "url": None},
        },
    }
    first, second, third = (transcript["metadata"] for transcript in gene["transcripts"])
    assert first["canonical"]["value"] is True
    assert (first["mane"]["value"], first["mane"]["label"]) == ("select", "MANE Select")
    assert first["mane"]["ncbi_transcript"] == {
        "id": "NM_000059.4", "url": "https://www.ncbi.nlm.nih.gov/nuccore/NM_000059.4",
    }  # fmt: skip
    assert first["gencode_basic"] == {"value": "GENCODE basic", "label": "GENCODE basic"}
    assert (first["tsl"]["value"], first["tsl"]["label"]) == ("1", "TSL:1")
    assert (first["appris"]["value"], first["appris"]["label"]) == ("principal1", "APPRIS P1")
    assert all(first[name]["definition"] for name in ("canonical", "mane", "tsl", "appris"))
    assert second["appris"]["label"] == "APPRIS ALT2"
    assert second["canonical"] is second["mane"] is second["gencode_basic"] is second["tsl"] is None
    assert (third["mane"]["label"], third["mane"]["ncbi_transcript"]) == ("MANE Plus Clinical", None)
    assert third["biotype"]["label"] == "lncRNA" and third["appris"] is None


def test_references(world: World, client: Client) -> None:
    found = data(client, QUERY)["gene"]["external_references"]
    assert [(each["source"]["id"], each["accession_id"], each["url"]) for each in found] == [
        ("HGNC", "HGNC:1101", "https://identifiers.org/hgnc:1101"),
        ("GeneID", "675", "https://identifiers.org/ncbigene:675"),
        ("Unheard", "of:7", None),
    ]
    for each in found:
        assert each["assignment_method"] == {"type": "NONE", "description": None}
        assert each["name"] == each["accession_id"] and each["description"] is None


@pytest.mark.parametrize(
    ("database", "accession", "url"),
    [
        ("UniProtKB/Swiss-Prot", "P51587", "https://identifiers.org/uniprot:P51587"),
        ("GO", "0008150", "https://identifiers.org/go:0008150"),
        ("MGI", "MGI:109337", "https://identifiers.org/mgi:109337"),
        ("hgnc", "1/../2?x", "https://identifiers.org/hgnc:1%2F..%2F2%3Fx"),
        ("javascript", "alert(1)", None),
    ],
)
def test_addresses(database: str, accession: str, url: str | None) -> None:
    assert reference(database, accession).url == url


@pytest.mark.parametrize(
    ("value", "label"),
    [("protein_coding", "Protein coding"), ("lncRNA", "lncRNA"), ("TEC", "TEC"), ("IG_V_gene", "IG V gene")],
)
def test_labels_of_biotypes(value: str, label: str) -> None:
    found = biotype(value)
    assert found is not None and (found.value, found.label) == (value, label)


def test_no_biotype() -> None:
    assert biotype("") is None
