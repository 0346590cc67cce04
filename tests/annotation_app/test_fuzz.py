"""Random, damaged and hostile requests: every one is answered in JSON, and none with 5xx."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from graphql import parse, print_ast
from graphql.utilities import separate_operations

from tests.annotation_app.made_annotation import World

pytestmark = pytest.mark.django_db

_FILE = Path(__file__).with_name("browser_queries.graphql")
OPERATIONS = [print_ast(one) for one in separate_operations(parse(_FILE.read_text("utf-8"))).values()]
PIECES = [
    "{", "}", "(", ")", "[", "]", ":", "!", "$", "@", "...", "|", "&", "=", '"', '"""', "#", "\\u0000", "\\u{1F600}",
    "query", "mutation", "fragment", "on", "Gene", "null", "true", "-1", "1e400", "99999999999999999999", "0x1",
    "__schema", "__type", "__typename", "@include(if: true)", "@skip(if: $x)", "by_id", "by_symbol: {}", "symbol",
    "page: 0", "per_page: -1", "start: 0", "\ufeff", "\x00", "é", "\ud800",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**63, 10**30, 0.5, 1e308, "", "made", "GENE1", "\x00", "\ud83d", "a" * 5_000, [], {},
    [[[]]], ["made"] * 100, {"genome_id": "made"}, {"genome_id": None, "stable_id": 1}, {"a": {"b": {"c": []}}},
]  # fmt: skip
NAMES = [
    "genome",
    "gene",
    "transcript",
    "product",
    "query",
    "genome_ids",
    "page",
    "per_page",
    "keyword",
    "payload",
]


def damaged(rng: random.Random, text: str) -> str:
    """A text with a few pieces put in, taken out, doubled or swapped."""
    for _ in range(rng.randint(1, 6)):
        at, length = rng.randrange(len(text) + 1), rng.randint(1, 40)
        middle = text[at : at + length]
        changed = rng.choice(
            ["", middle * 2, middle[::-1], rng.choice(PIECES), f" {rng.choice(PIECES)} {middle}"]
        )
        text = text[:at] + changed + text[at + length :]
    return text


@pytest.mark.parametrize("seed", range(6))
def test_damaged_queries(world: World, client: Client, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        query = damaged(rng, rng.choice(OPERATIONS))
        variables = {name: rng.choice(VALUES) for name in rng.sample(NAMES, rng.randint(0, len(NAMES)))}
        body = {"query": query, "variables": variables, "operationName": rng.choice([None, "GeneView", ""])}
        response = client.post("/graphql", json.dumps(body), content_type="application/json")
        assert response.status_code in {200, 400}, (query, variables, response.content)
        answer = json.loads(response.content)
        assert "data" in answer or answer["errors"]
        for error in answer.get("errors", ()):
            assert error["message"] and "Traceback" not in error["message"]


@pytest.mark.parametrize("seed", range(3))
def test_whole_queries_with_odd_variables(world: World, client: Client, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(60):
        operation = rng.choice(OPERATIONS)
        variables = {name: rng.choice(VALUES) for name in NAMES}
        body = json.dumps({"query": operation, "variables": variables})
        response = client.post("/graphql", body, content_type="application/json")
        assert response.status_code in {200, 400}, (operation, variables, response.content)


def test_random_bytes(client: Client) -> None:
    rng = random.Random(0)
    whole = json.dumps(
        {"query": "{ version { api { major } } }", "variables": {"a": [1, {"b": None}]}}
    ).encode()
    for number in range(200):
        body = bytearray(rng.randbytes(rng.randint(1, 300)) if number % 2 else whole)
        for _ in range(rng.randint(1, 5)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        response = client.post("/graphql", bytes(body), content_type="application/json")
        assert response.status_code in {200, 400}, (bytes(body), response.content)
        assert json.loads(response.content)
        target = "/graphql?query=" + "".join(f"%{byte:02x}" for byte in body[:60])
        assert client.get(target).status_code in {200, 400}, target
