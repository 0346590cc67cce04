"""The operation of annotation in OpenAPI 3.1; GraphQL describes the rest itself."""

from typing import Any, Final

from ga4gh.openapi import operation

_RESULT: Final = {"type": "object"}
_QUERY: Final = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "variables": {"type": ["object", "null"]},
        "operationName": {"type": ["string", "null"]},
    },
    "required": ["query"],
}


def openapi() -> dict[str, Any]:
    """Return the path of GraphQL, for the OpenAPI document of the site."""
    content = {"application/json": _RESULT, "application/graphql-response+json": _RESULT}
    query = operation("Query annotation by GraphQL", content)
    query["requestBody"] = {"required": True, "content": {"application/json": {"schema": _QUERY}}}
    return {"paths": {"/graphql": {"post": query}}}
