"""The operations of refget in OpenAPI 3.1."""

from typing import Any, Final

from ga4gh.openapi import operation, parameter

_ID: Final = parameter("identifier", "A digest, or an alias", place="path")
_POSITION: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"type": "string"}
_MORE: Final = {
    "206": {"description": "A part of the residues"},
    "300": {"description": "The name means several sequences"},
    "302": {"description": "The residues are in a storage"},
    "307": {"description": "The residues are in a storage"},
}


def openapi() -> dict[str, Any]:
    """Return the paths of refget, for the OpenAPI document of the site."""
    residues = operation(
        "The residues of a sequence",
        {"text/vnd.ga4gh.refget.v2.0.0+plain": _TEXT, "text/plain": _TEXT},
        _ID,
        parameter("start", "The first residue, counted from 0", schema=_POSITION),
        parameter("end", "The first residue after the part", schema=_POSITION),
        parameter("Range", "Bytes instead of start and end", place="header"),
        more=_MORE,
    )
    documents: dict[str, Any] = {
        "application/vnd.ga4gh.refget.v2.0.0+json": {"type": "object"},
        "application/vnd.ga4gh.refget.v1.0.1+json": {"type": "object"},
        "application/json": {"type": "object"},
    }
    metadata = operation(
        "Digests, length and names of a sequence",
        documents,
        _ID,
        more={"300": _MORE["300"]},
    )
    info = operation("The service", documents)
    return {
        "paths": {
            "/sequence/{identifier}": {"get": residues},
            "/sequence/{identifier}/metadata": {"get": metadata},
            "/sequence/service-info": {"get": info},
            "/service-info": {"get": {**info}},
        }
    }
