"""Queries in the shapes that a genome browser sends: each is valid in the served schema, and each answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from graphql import DocumentNode, parse, print_ast, validate
from graphql.utilities import separate_operations

from annotation_app.execution import schema
from tests.annotation_app.made_annotation import World
from tests.annotation_app.made_queries import data

pytestmark = pytest.mark.django_db

#: Each operation with the fragments that it needs, by its name.
QUERIES: dict[str, DocumentNode] = separate_operations(
    parse(Path(__file__).with_name("browser_queries.graphql").read_text("utf-8"))
)
VARIABLES: dict[str, Any] = {
    "genome": "made", "gene": "GENE1", "transcript": "TX1.8", "product": "PROT1.2", "query": "TX1.8",
    "genome_ids": ["made"], "page": 1, "per_page": 50,
    "keyword": {"assembly_accession_id": "GCA_000000001.1"},
    "payload": {"query": "brca2-201", "genome_ids": ["made"], "page": 1, "per_page": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
def test_queries_of_a_browser(world: World, client: Client, name: str) -> None:
    assert validate(schema(), QUERIES[name]) == []
    query = print_ast(QUERIES[name])
    variables = {key: value for key, value in VARIABLES.items() if f"${key}:" in query}
    answer = data(client, query, **variables)
    assert all(answer.values()), "every root field has an answer"
    # The same by GET, as caches of browsers like it.
    got = client.get("/graphql", {"query": query, "variables": json.dumps(variables)})
    assert json.loads(got.content)["data"] == answer


def test_a_browser_can_draw_a_transcript(world: World, client: Client) -> None:
    """The coding parts of exons, from the fields that a browser draws them by, add up to the coding sequence."""
    query = print_ast(QUERIES["TranscriptSummary"])
    answer = data(client, query, genome="made", transcript="TX1.8")["transcript"]
    (context,) = answer["product_generating_contexts"]
    cds = context["cds"]
    coding = 0
    for spliced in answer["spliced_exons"]:
        exon = spliced["relative_location"]
        start, end = max(exon["start"], cds["relative_start"]), min(exon["end"], cds["relative_end"])
        coding += max(end - start + 1, 0)
    assert coding == cds["nucleotide_length"] == 300
    lengths = [context[utr]["length"] for utr in ("five_prime_utr", "three_prime_utr")]
    assert sum(lengths) + coding == context["cdna"]["length"]
    assert [exon["exon"]["stable_id"] for exon in answer["spliced_exons"]] == ["EX1.1", "EX2", "EX3.2"]
