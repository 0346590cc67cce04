"""Limits: abusive queries are refused with a clear error, and quickly."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from graphql import get_introspection_query, parse

from annotation_app.errors import Code, QueryRefused
from annotation_app.limits import DocumentLimits, check
from catalogue.queries.annotation import TimeExceeded, snapshot
from tests.annotation_app.made_annotation import World, make_gene
from tests.annotation_app.made_queries import ask

pytestmark = pytest.mark.django_db

GENE = 'gene(by_id: {genome_id: "made", stable_id: "GENE1"})'


def refused(client: Client, query: str, code: str, told: str) -> None:
    (error,) = ask(client, query)["errors"]
    assert error["extensions"]["code"] == code, error
    assert told in error["message"]


def test_depth(world: World, client: Client) -> None:
    deep = f"{{ {GENE} {'{ transcripts { gene ' * 9} {{ symbol }} {'} }' * 9} }}"
    assert "errors" not in ask(client, deep)
    deeper = f"{{ {GENE} {'{ transcripts { gene ' * 10} {{ symbol }} {'} }' * 10} }}"
    refused(client, deeper, "QUERY_TOO_DEEP", "22 fields deep; this server allows 20")
    endless = "{" + "a{" * 30_000
    assert ask(client, endless[:60_000])["errors"][0]["extensions"]["code"] in {
        "QUERY_TOO_DEEP",
        "GRAPHQL_PARSE_FAILED",
    }


def test_fields_and_aliases(world: World, client: Client) -> None:
    fields = f"{{ {GENE} {{ {'symbol ' * 499} }} }}"
    assert "errors" not in ask(client, fields)
    refused(client, fields.replace("symbol ", "symbol symbol ", 1), "QUERY_TOO_COMPLEX", "501 fields")
    aliases = " ".join(f"a{number}: {GENE} {{ symbol }}" for number in range(51))
    refused(client, f"{{ {aliases} }}", "QUERY_TOO_COMPLEX", "51 aliases; this server allows 50")


def test_fragments_count_wherever_they_are_used(client: Client) -> None:
    """A few lines that would be a billion fields: counted without being expanded."""
    bomb = "query { ...f0 }" + "".join(
        f" fragment f{number} on Query {{ ...f{number + 1} ...f{number + 1} }}" for number in range(30)
    )
    bomb += " fragment f30 on Query { __typename }"
    refused(client, bomb, "QUERY_TOO_COMPLEX", "1,073,741,824 fields")


@pytest.mark.parametrize(
    "query",
    [
        "{ ...a } fragment a on Query { ...a }",
        "{ ...a } fragment a on Query { ...b } fragment b on Query { version { api { major } } ...a }",
        "{ ...nothing }",
        "{ ... on Gene { symbol } }",
        "fragment a on Query { __typename }",
        "subscription { a }",
        "mutation { a }",
        "type A { b: Int }",
        "query ($a: Nothing) { __typename }",
        "{ version(a: 1) { api { major } } }",
        "{ version }",
        "{ version { api } }",
        "{ __typename @nothing }",
        '{ gene(by_id: {genome_id: 1, stable_id: "a"}) { symbol } }',
        "{ gene(by_id: $a) { symbol } }",
    ],
)
def test_documents_that_are_invalid(client: Client, query: str) -> None:
    answer = ask(client, query)
    assert "data" not in answer or answer["data"] is None
    assert all(error["extensions"]["code"] for error in answer["errors"])


@pytest.mark.parametrize(
    "selection", ["{ a b ...f } fragment f on T { c }", "{ a { b { c } } }", "{ ... { a b } }"]
)
def test_sizes(selection: str) -> None:
    limits = DocumentLimits(max_depth=3, max_fields=3, max_aliases=0)
    check(parse(selection), limits)
    with pytest.raises(QueryRefused) as refusal:
        check(parse(selection.replace("a", "a: z a", 1)), limits)
    assert refusal.value.code is Code.TOO_COMPLEX


def test_introspection_is_allowed_but_no_endless_one(client: Client) -> None:
    whole = get_introspection_query(input_value_deprecation=True, specified_by_url=True)
    answer = ask(client, whole)
    assert "errors" not in answer and len(answer["data"]["__schema"]["types"]) > 50
    nested = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"
    assert "introspection" in ask(client, nested)["errors"][0]["message"]


def test_rows_and_values(world: World, client: Client, settings: Any) -> None:
    settings.GRAPHQL_MAX_ROWS = 4
    assert "errors" not in ask(client, f"{{ {GENE} {{ transcripts {{ symbol }} }} }}")
    more = f"{{ {GENE} {{ transcripts {{ gene {{ symbol }} }} }} }}"
    refused(client, more, "RESULT_TOO_LARGE", "more than 4 rows")
    assert ask(client, more)["data"] is None
    settings.GRAPHQL_MAX_ROWS = 2
    refused(client, f"{{ {GENE} {{ transcripts {{ symbol }} }} }}", "RESULT_TOO_LARGE", "more than 2 rows")
    settings.GRAPHQL_MAX_ROWS, settings.GRAPHQL_MAX_VALUES = 20_000, 8
    assert "errors" not in ask(client, f"{{ {GENE} {{ transcripts {{ symbol type }} }} }}")
    refused(
        client, f"{{ {GENE} {{ transcripts {{ symbol type version }} }} }}", "RESULT_TOO_LARGE", "more than 8 values"
    )  # fmt: skip


def test_overlaps(world: World, client: Client, settings: Any) -> None:
    settings.GRAPHQL_MAX_OVERLAPS = 3
    query = """{ overlap_region(by_slice: {genome_id: "made", region_name: "1", start: 1, end: 10000}) {
      genes { symbol } } }"""
    make_gene(world.genome, "G9", 10, 20)
    assert len(ask(client, query)["data"]["overlap_region"]["genes"]) == 3
    make_gene(world.genome, "G10", 10, 20)
    (error,) = ask(client, query)["errors"]
    assert error["message"] == "Slice query met size limit of 3"
    assert error["extensions"] == {"code": "SLICE_RESULT_LIMIT_EXCEEDED"}


def test_pages_and_lists_of_genomes(client: Client, settings: Any) -> None:
    settings.GRAPHQL_MAX_PAGE_SIZE = 2
    query = """{ transcript_search(search_payload: {query: "a", genome_ids: %s, page: 1, per_page: %d}) {
      meta { page } } }"""
    assert "errors" not in ask(client, query % ('["a", "b"]', 2))
    refused(client, query % ('["a", "b"]', 3), "BAD_USER_INPUT", "from 1 to 2")
    refused(client, query % ('["a", "b", "c"]', 2), "BAD_USER_INPUT", "2 at most")


def test_statements_have_a_time_limit() -> None:
    with pytest.raises(TimeExceeded), snapshot(seconds=1), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")


def test_a_query_that_takes_too_long(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 10_000, 6))
    monkeypatch.setattr("annotation_app.context.time.monotonic", lambda: float(next(moments)))
    refused(client, f"{{ {GENE} {{ transcripts {{ symbol }} }} }}", "QUERY_TIMEOUT", "more than 10 seconds")


@pytest.mark.parametrize(
    "query",
    [
        "{" + "a " * 20_000 + "}",
        "{" + "version { api { major } } " * 160 + "}",
        "{ version " + "@include(if: true) " * 3_000 + "{ api { major } } }",
        "query(" + " ".join(f"$a{number}: Int" for number in range(2_000)) + ") { __typename }",
        "{ __typename }" + " fragment f on Query { __typename }" * 1_000,
        '{ gene(by_id: {genome_id: "' + "a" * 50_000 + '", stable_id: "a"}) { symbol } }',
        "#" * 60_000,
    ],
)
def test_long_documents_get_an_answer(client: Client, query: str) -> None:
    response = client.post("/graphql", json.dumps({"query": query}), content_type="application/json")
    assert response.status_code == 200 and len(response.content) < 110_000
    assert json.loads(response.content)
