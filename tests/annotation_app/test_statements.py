"""How many statements a query takes: as many as it has kinds of look-ups, whatever the number of rows."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.annotation_app.made_annotation import make_gene, make_genome, make_transcript, random_residues
from tests.annotation_app.made_queries import data

pytestmark = pytest.mark.django_db

SEED = """query ($symbol: String!, $genome_id: String!) {
  genes(by_symbol: {symbol: $symbol, genome_id: $genome_id}) {
    stable_id unversioned_stable_id version symbol
    transcripts { stable_id symbol type metadata { mane { value } canonical { value } }
      product_generating_contexts { product_type cdna { sequence { checksum } } cds { sequence { checksum } }
        product { stable_id sequence { checksum } } } } } }"""
PLACES = """query ($symbol: String!, $genome_id: String!) {
  genes(by_symbol: {symbol: $symbol, genome_id: $genome_id}) {
    slice { region { name assembly { name regions { name } organism { assemblies { id } } } } location { start } }
    transcript_count transcripts_page(page: 1, per_page: 2) { transcripts { symbol } page_metadata { total_count } }
    transcripts { relative_location { start } gene { symbol genome_id } spliced_exons { exon { slice { region { name }
      location { start } } } } introns { slice { location { start } } }
      product_generating_contexts { cds { start relative_start } five_prime_utr { start }
        phased_exons { exon { slice { location { end } } } } product { genome_id
          product_generating_context { cdna { start } } } } } } }"""
OVERLAP = """query ($genome_id: String!) {
  overlap_region(by_slice: {genome_id: $genome_id, region_name: "1", start: 1, end: 10000}) {
    genes { symbol slice { region { name } location { start } } transcripts { symbol } }
    transcripts { symbol gene { symbol } product_generating_contexts { cds { sequence { checksum } } } } } }"""


def make(genome_id: str, genes: int, transcripts: int) -> None:
    residues = random_residues(10_000, 1)
    genome = make_genome(genome_id, {"1": residues})
    for number in range(genes):
        gene = make_gene(genome, f"G{number}", 100, 900, symbol="SAME")
        for transcript in range(transcripts):
            make_transcript(
                gene, f"T{number}-{transcript}", [(100 + transcript, 300), (500, 900)], residues=residues,
                coding=(10, 310), protein=(f"P{number}-{transcript}", b"M" * (90 + number + transcript)),
            )  # fmt: skip


def statements(client: Client, query: str, **variables: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        data(client, query, **variables)
    return [
        each["sql"]
        for each in captured.captured_queries
        if each["sql"].startswith(("SELECT", "WITH", "INSERT"))
    ]


@pytest.mark.parametrize(
    ("query", "number"), [(SEED, 3), (PLACES, 11), (OVERLAP, 7)], ids=["the seed", "places", "overlaps"]
)
def test_statements_do_not_grow_with_rows(client: Client, query: str, number: int) -> None:
    make("small", 1, 1)
    make("large", 5, 6)
    asked = {"symbol": "SAME"} if "$symbol" in query else {}
    few = statements(client, query, genome_id="small", **asked)
    many = statements(client, query, genome_id="large", **asked)
    assert len(few) == len(many) == number, "\n".join(many)


def test_aliases_are_look_ups_of_their_own(client: Client) -> None:
    make("small", 1, 1)
    query = " ".join(
        f'a{number}: gene(by_id: {{genome_id: "small", stable_id: "G0"}}) {{ symbol }}'
        for number in range(10)
    )
    assert len(statements(client, f"{{ {query} }}")) == 10


def test_the_version_and_introspection_take_none(client: Client) -> None:
    assert statements(client, "{ version { api { major } } __schema { types { name } } }") == []
