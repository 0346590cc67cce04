"""Joins what the protocols say of their operations to one OpenAPI 3.1 document."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ga4gh.protocol import Protocol, protocols

Json = dict[str, Any]
_REFERENCE = re.compile(r"#/components/(\w+)/")


def described() -> Json:
    """Return the paths and components of every protocol; names of components begin with that of their protocol."""
    found: Json = {"paths": {}, "components": {}}
    for protocol in protocols():
        found = joined(found, _of(protocol))
        for service in protocol.services:
            described_so = {"get": _service_info(protocol, service.kind)}
            found["paths"].setdefault(f"{service.path}/service-info", described_so)
    return found


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    """Return a document with the paths and components of both."""
    result = deepcopy(dict(one))
    result["paths"] = {**result.get("paths", {}), **other.get("paths", {})}
    components = result.setdefault("components", {})
    for kind, named in other.get("components", {}).items():
        components[kind] = {**components.get(kind, {}), **named}
    return result


def _of(protocol: Protocol) -> Json:
    given = protocol.openapi()
    text = _REFERENCE.sub(rf"#/components/\1/{protocol.name}.", json.dumps(given))
    renamed = json.loads(text)
    for path, methods in renamed.get("paths", {}).items():
        for method, described in methods.items():
            described["operationId"] = "_".join([protocol.name, method, *re.findall(r"\w+", path)])
            described["tags"] = [protocol.name]
    components = {
        kind: {f"{protocol.name}.{name}": content for name, content in named.items()}
        for kind, named in renamed.get("components", {}).items()
    }
    return {"paths": renamed.get("paths", {}), "components": components}


def _service_info(protocol: Protocol, kind: str) -> Json:
    summary = f"The service {kind or protocol.name} (GA4GH service-info 1.0.0)"
    answer = {"description": summary, "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "operationId": f"{kind or protocol.name}_service_info",
        "summary": summary,
        "tags": [protocol.name],
        "responses": {"200": answer, **not_found()},
    }


def not_found() -> Json:
    """Return the responses of a conditional request, and of any that is refused."""
    return {
        "304": {"description": "The client has it"},
        "4XX": {"description": "The request is wrong or refused"},
        "503": {"description": "The data cannot be read at the moment"},
    }


def operation(
    summary: str, content: Mapping[str, Any], *parameters: Json, more: Mapping[str, Any] | None = None
) -> Json:
    """Return an operation that answers with one of some media types; `more` are further responses."""
    answer = {
        "description": summary,
        "content": {name: {"schema": schema} for name, schema in content.items()},
    }
    return {
        "summary": summary,
        "parameters": list(parameters),
        "security": [{"bearer": []}, {}],
        "responses": {"200": answer, **(more or {}), **not_found()},
    }


def parameter(name: str, about: str, *, schema: Json | None = None, place: str = "query") -> Json:
    """Return a parameter; those in the path are required."""
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": about,
        "schema": schema or {"type": "string"},
    }
