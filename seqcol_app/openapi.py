"""The OpenAPI 3.1 description of these paths ("OpenAPI documentation")."""

from typing import Any, Final

from catalogue.queries.collections import ATTRIBUTES, TRANSIENT
from seqcol_app.params import MAX_PAGE_SIZE, PAGE_SIZE
from seqcol_app.protocol import SCHEMA, VERSION

Json = dict[str, Any]

_DIGEST: Final = {"type": "string", "pattern": "^[0-9A-Za-z_-]{32}$"}
_KEPT: Final = [name for name in ATTRIBUTES if name not in TRANSIENT]


def _parameter(name: str, schema: Json, description: str, *, place: str = "query") -> Json:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": description,
    }


def _path_digest(name: str, description: str = "A digest of a collection, or its name") -> Json:
    return _parameter(name, {"type": "string"}, description, place="path")


def _operation(summary: str, schema: Json, *parameters: Json, named: bool = False, **more: Any) -> Json:
    """Return an operation; if collections may be `named` in its path, it redirects from names to digests."""
    error = {"$ref": "#/components/responses/Error"}
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": schema}}},
            **({"307": {"$ref": "#/components/responses/Redirect"}} if named else {}),
            "400": error,
            "404": error,
        },
        **more,
    }


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_COUNTS: Final = {"type": "object", "additionalProperties": {"type": "integer"}}
_NAMES: Final = {"type": "array", "items": {"type": "string"}}
_COMPARISON: Final = _object(
    digests=_object(a=_DIGEST, b={"type": ["string", "null"]}),
    attributes=_object(a_only=_NAMES, b_only=_NAMES, a_and_b=_NAMES),
    array_elements=_object(
        a_count=_COUNTS,
        b_count=_COUNTS,
        a_and_b_count=_COUNTS,
        a_and_b_same_order={"type": "object", "additionalProperties": {"type": ["boolean", "null"]}},
    ),
)
_PAGINATION: Final = _object(
    page={"type": "integer"}, page_size={"type": "integer"}, total={"type": "integer"}
)
_COLLECTION: Final = {key: SCHEMA[key] for key in ("description", "type", "properties", "required")}
_PAGES: Final = (
    _parameter("page", {"type": "integer", "minimum": 0, "default": 0}, "From 0"),
    _parameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
        "Entries on a page",
    ),
)
_LEVEL: Final = _parameter(
    "level", {"type": "integer", "enum": [1, 2], "default": 2}, "1 for digests of attributes, 2 for arrays"
)
_COLLATED: Final = _parameter(
    "collated", {"type": "boolean", "default": True}, "False for one object for each sequence"
)
_ATTRIBUTE_NAME: Final = _parameter(
    "attribute", {"type": "string", "enum": list(ATTRIBUTES)}, "An attribute", place="path"
)
_KEPT_NAME: Final = _parameter(
    "attribute", {"type": "string", "enum": _KEPT}, "An attribute that is not transient", place="path"
)
_BODY: Final = {"required": True, "content": {"application/json": {"schema": _ref("Collection")}}}

OPENAPI: Final[Json] = {
    "openapi": "3.1.0",
    "info": {"title": "Refget sequence collections", "version": VERSION},
    "paths": {
        "/service-info": {
            "get": _operation("The service and the schema of its collections", {"type": "object"})
        },
        "/collection/{digest}": {
            "get": _operation(
                "A collection",
                {"type": ["object", "array"]},
                _path_digest("digest"),
                _LEVEL,
                _COLLATED,
                named=True,
            )
        },
        "/comparison/{a}/{b}": {
            "get": _operation(
                "Compare two collections", _COMPARISON, _path_digest("a"), _path_digest("b"), named=True
            )
        },
        "/comparison/{a}": {
            "post": _operation(
                "Compare a collection with your own",
                _COMPARISON,
                _path_digest("a"),
                named=True,
                requestBody=_BODY,
            )
        },
        "/list/collection": {
            "get": _operation(
                "Digests of collections",
                _ref("Digests"),
                *_PAGES,
                *(
                    _parameter(name, _DIGEST, f"Only collections with this digest of {name}")
                    for name in ATTRIBUTES
                ),
            )
        },
        "/list/attributes/{attribute}": {
            "get": _operation("Digests of an attribute", _ref("Digests"), _ATTRIBUTE_NAME, *_PAGES)
        },
        "/attribute/collection/{attribute}/{digest}": {
            "get": _operation(
                "The array of an attribute",
                {"type": "array"},
                _KEPT_NAME,
                _path_digest("digest", "A digest of the attribute"),
            )
        },
    },
    "components": {
        "schemas": {
            "Collection": _COLLECTION,
            "Digests": _object(results={"type": "array", "items": _DIGEST}, pagination=_PAGINATION),
        },
        "responses": {
            "Redirect": {
                "description": "The same with the digest of the collection in place of its name",
                "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
            },
            "Error": {
                "description": "What is wrong",
                "content": {
                    "application/json": {
                        "schema": _object(
                            status={"type": "integer"}, error={"type": "string"}, message={"type": "string"}
                        )
                    }
                },
            },
        },
    },
}


def site_openapi() -> Json:
    """Return the same for the document of the whole site, which has service-info already."""
    paths = {path: methods for path, methods in OPENAPI["paths"].items() if path != "/service-info"}
    others = {
        "4XX": {"description": "The request is refused"},
        "503": {"description": "Please try again later"},
    }
    answered = {
        path: {
            method: {**operation, "responses": {**operation["responses"], **others}}
            for method, operation in methods.items()
        }
        for path, methods in paths.items()
    }
    return {"paths": answered, "components": OPENAPI["components"]}
