"""Reads a query from a request (GraphQL over HTTP, "Request"). Faults are RequestErrors."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn

from annotation_app.execution import Asked
from ga4gh.errors import RequestError
from ga4gh.parameters import query_parameters

_MEDIA_TYPE: Final = "application/json"


def from_body(content_type: str, body: bytes) -> Asked:
    """Read the body of a POST: one JSON object."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media_type != _MEDIA_TYPE:
        raise RequestError(
            f"send the query as {_MEDIA_TYPE}, not as {media_type or 'no media type at all'}",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    if any(
        name == "charset" and value.strip('"') not in {"utf-8", "utf8"}
        for name, _, value in (parameter.partition("=") for parameter in parameters)
    ):
        raise RequestError("send the query in UTF-8", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    given = _json("the body", body)
    if isinstance(given, list):
        raise RequestError("send one query a request; several in an array are not answered")
    if not isinstance(given, dict):
        raise RequestError('the body is no JSON object such as {"query": "…"}')
    return _asked(given)


def from_query(query: str) -> Asked:
    """Read the query string of a GET, still percent-encoded; variables and extensions are JSON."""
    given: dict[str, Any] = query_parameters(query)
    for name in ("variables", "extensions"):
        if text := given.get(name):
            given[name] = _json(name, text)
        else:
            given.pop(name, None)
    return _asked(given)


def _asked(given: Mapping[str, Any]) -> Asked:
    query = given.get("query")
    if not isinstance(query, str):
        raise RequestError("query is missing, or no string")
    operation = given.get("operationName")
    if operation is not None and not isinstance(operation, str):
        raise RequestError("operationName is no string")
    for name in ("variables", "extensions"):
        if not isinstance(given.get(name), dict | None):
            raise RequestError(f"{name} is no JSON object")
    # An empty name is what forms send for none.
    return Asked(query, operation or None, given.get("variables"))


def _json(what: str, text: bytes | str) -> Any:
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        given = json.loads(decoded, parse_constant=_refuse)
        # Half a character can be written in JSON, but not in UTF-8.
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RequestError(f"{what} is not JSON in UTF-8") from None
    return given


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
