"""Declares the catalogue API: its paths, and its errors as problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from catalogue.queries.file_search import FilterRefusedError
from catalogue.queries.listings import CursorRefusedError
from catalogue.stewardship import NotAllowed, Unusable, WriteConflict
from ga4gh.errors import Row
from ga4gh.protocol import Protocol

#: Each path below `/api/`.
_NAMES: Final = (
    "schema",
    "docs",
    "datasets",
    "files",
    "contigs",
    "samples",
    "sequences",
    "aliases",
    "authorities",
    "collections",
    "genomes",
    "runs",
    "inputs",
    "grants",
)
#: Bytes of a body: a manifest of some 100,000 files.
MAX_BODY: Final = 16 << 20
PROBLEM: Final = "application/problem+json"


def problem(error: Exception, status: HTTPStatus, message: str) -> Mapping[str, object]:
    """Build the problem document of an error."""
    return {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": message}


PROTOCOL: Final = Protocol(
    name="api",
    paths=tuple(f"/api/{name}" for name in _NAMES),
    errors=(
        Row(FilterRefusedError, HTTPStatus.BAD_REQUEST),
        Row(CursorRefusedError, HTTPStatus.BAD_REQUEST),
        Row(Unusable, HTTPStatus.BAD_REQUEST),
        Row(NotAllowed, HTTPStatus.FORBIDDEN),
        Row(WriteConflict, HTTPStatus.CONFLICT),
    ),
    error_document=problem,
    error_type=PROBLEM,
    methods="GET, HEAD, POST, PATCH, DELETE, OPTIONS",
    max_body=MAX_BODY,
)
