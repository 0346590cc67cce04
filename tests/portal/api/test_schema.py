"""The OpenAPI document: valid, complete, and true of what the site answers, with and without tokens."""

import io
import json
import random
import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command, get_commands
from django.test import Client
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from catalogue import api_tokens
from portal.api.resources import RESOURCES
from portal.api.schema import openapi
from tests.portal.conftest import Portal

#: Values that a parameter may hold by its name, besides those of its schema and text of every kind.
LIKELY = {
    "slug": ["open", "closed"],
    "collection": ["lab-1.0"],
    "sample": ["s"],
    "identifier": ["lab:chrA", "chrB", "0" * 32],
    "reference": ["lab-1.0", "chrA"],
}
ODD = [
    "",
    "0",
    "1",
    "-1",
    "9" * 30,
    "%00",
    "%ff",
    "ü",
    "*?",
    "' OR 1=1",
    "a/b",
    "..",
    "W10",
    "WyJzbHVnIiwgMV0",
    "%F0%9F%A7%AC",
]


def requests(path: str, operation: dict[str, Any], chance: random.Random) -> str:
    """A random path and query of an operation."""
    query = []
    for each in operation.get("parameters", []):
        schema = each["schema"]
        choices = [*map(str, schema.get("enum", [])), *LIKELY.get(each["name"], []), *ODD]
        value = chance.choice(choices)
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", value or "x")
        elif each["in"] == "query" and (each.get("required") or chance.random() < 0.3):
            query.append(f"{each['name']}={value}")
    return path + ("?" + "&".join(query) if query else "")


def documented(operation: dict[str, Any], status: int) -> dict[str, Any] | None:
    responses: dict[str, Any] = operation["responses"]
    return responses.get(str(status)) or responses.get(f"{status // 100}XX")


def test_the_document_is_valid_and_has_every_protocol(client: Client) -> None:
    response = client.get("/api/schema/")
    document = json.loads(response.content)
    validate(document)
    assert document["openapi"].startswith("3.1")
    paths = set(document["paths"])
    assert {f"/api/{each.name}/" for each in RESOURCES} <= paths
    assert {
        "/sequence/{identifier}",
        "/reads/{id}",
        "/variants/{id}",
        "/collection/{digest}",
        "/graphql",
    } <= paths
    assert {"/service-info", "/reads/service-info", "/seqcol/service-info", "/api/collections/"} <= paths
    again = client.get("/api/schema", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_the_command_writes_the_same_document_without_a_warning(capsys: Any) -> None:
    written = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)
    assert yaml.safe_load(written.getvalue()) == json.loads(json.dumps(openapi()))
    assert "generateschema" not in get_commands()


def test_redirects_from_names_are_documented(portal: Portal, client: Client) -> None:
    for path in ("/collection/{digest}", "/comparison/{a}/{b}", "/comparison/{a}"):
        (method,) = openapi()["paths"][path]
        sent: Any = getattr(client, method)(re.sub(r"\{\w+\}", "lab-1.0", path))
        assert sent.status_code == 307 and "Location" in sent.headers
        assert "307" in openapi()["paths"][path][method]["responses"]


@pytest.mark.parametrize("who", ["nobody", "reader", "garbage"])
def test_answers_are_as_documented(portal: Portal, client: Client, settings: Any, who: str) -> None:
    settings.RATE_LIMIT_TICKETS = 0
    token = api_tokens.issue(user=portal.reader, name="n", scopes=["reads", "variants", "sequences"])[1]
    headers = {
        "nobody": {},
        "reader": {"Authorization": f"Bearer {token}"},
        "garbage": {"Authorization": "Bearer x"},
    }
    document, chance, seen = openapi(), random.Random(who), set()
    wrong: list[Any] = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for _ in range(12 if path.startswith("/api/") else 4):
                asked = requests(path, operation, chance)
                send = getattr(client, method)
                more = {"data": "{}", "content_type": "application/json"} if method == "post" else {}
                response = send(asked, headers=headers[who], **more)
                described = documented(operation, response.status_code)
                seen.add(response.status_code)
                if response.status_code >= 500 or described is None:
                    wrong.append((method, asked, response.status_code))
                elif fault := shape_fault(document, described, response):
                    wrong.append((method, asked, fault))
    assert not wrong, wrong
    assert {200, 400, 404} <= seen if who != "garbage" else 401 in seen


def shape_fault(document: dict[str, Any], described: dict[str, Any], response: Any) -> str | None:
    if "content" not in described:
        return None
    kind = response.headers["Content-Type"].partition(";")[0]
    if kind not in described["content"]:
        return f"undocumented media type {kind}"
    if not kind.endswith("json"):
        return None
    schema = {**described["content"][kind]["schema"], "components": document["components"]}
    faults = Draft202012Validator(schema).iter_errors(json.loads(response.content))
    return next((fault.message for fault in faults), None)


def test_the_page_has_everything_from_this_site(client: Client) -> None:
    response = client.get("/api/docs/")
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    addresses = re.findall(r'(?:href|src|data-schema)="([^"]+)"', response.content.decode())
    assert addresses and all(
        address.startswith("/") and not address.startswith("//") for address in addresses
    )
