"""The operations of htsget in OpenAPI 3.1."""

from typing import Any, Final

from ga4gh.openapi import operation, parameter
from htsget_app.media_types import VERSIONS
from htsget_app.params import FORMATS

_NUMBER: Final = {"type": "integer", "minimum": 0}
_JSON: Final = f"application/vnd.ga4gh.htsget.v{VERSIONS[0]}+json"
_REGION: Final = {
    "type": "object",
    "properties": {"referenceName": {"type": "string"}, "start": _NUMBER, "end": _NUMBER},
    "required": ["referenceName"],
}


def openapi() -> dict[str, Any]:
    """Return the paths and components."""
    services = operation("The services of the site", {"application/json": {"type": "array"}})
    paths = {f"/{kind}/{{id}}": _ticket(kind) for kind in FORMATS}
    return {
        "paths": {**paths, "/services": {"get": services}},
        "components": {"schemas": {"Ticket": _TICKET}},
    }


_TICKET: Final = {
    "type": "object",
    "properties": {
        "htsget": {
            "type": "object",
            "properties": {
                "format": {"type": "string"},
                "urls": {"type": "array", "items": {"type": "object", "required": ["url"]}},
            },
            "required": ["format", "urls"],
        }
    },
    "required": ["htsget"],
}


def _ticket(kind: str) -> dict[str, Any]:
    formats = [format.value for format in FORMATS[kind]]
    content = {_JSON: {"$ref": "#/components/schemas/Ticket"}}
    ident = parameter("id", "The id of the file", place="path")
    by_region = operation(
        f"A ticket for {kind} of one region",
        content,
        ident,
        parameter("format", "The format", schema={"enum": formats, "type": "string"}),
        parameter("class", "The header alone", schema={"enum": ["header"], "type": "string"}),
        parameter("referenceName", "The contig"),
        parameter("start", "The first position, counted from 0", schema=_NUMBER),
        parameter("end", "The first position after the region", schema=_NUMBER),
        parameter("fields", "Fields of records, with commas"),
        parameter("tags", "Tags to have, with commas"),
        parameter("notags", "Tags to leave out, with commas"),
    )
    by_regions = operation(f"A ticket for {kind} of several regions", content, ident)
    schema = {
        "type": "object",
        "properties": {
            "format": {"enum": formats, "type": "string"},
            "regions": {"type": "array", "items": _REGION},
        },
    }
    by_regions["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return {"get": by_region, "post": by_regions}
