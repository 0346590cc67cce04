"""Sends queries as clients do."""

import json
from typing import Any

from django.test import Client


def ask(
    client: Client, query: str, headers: dict[str, str] | None = None, /, **variables: Any
) -> dict[str, Any]:
    """Send a query by POST, and return the whole response, whose status must be 200."""
    body = json.dumps({"query": query, "variables": variables})
    response = client.post("/graphql", body, content_type="application/json", headers=headers)
    assert response.status_code == 200, (response.status_code, response.content)
    answer: dict[str, Any] = json.loads(response.content)
    return answer


def data(
    client: Client, query: str, headers: dict[str, str] | None = None, /, **variables: Any
) -> dict[str, Any]:
    """Send a query that must have no errors, and return its data."""
    answer = ask(client, query, headers, **variables)
    assert "errors" not in answer, answer["errors"]
    found: dict[str, Any] = answer["data"]
    return found
