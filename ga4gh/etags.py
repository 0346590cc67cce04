"""Conditional requests: If-Match, If-None-Match and If-Range against the ETag of an answer (RFC 9110, section 13).

ETags here are strong and include their quotes.
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.utils.http import parse_etags

from ga4gh.ranges import RangeHeader, parse_range


def content_etag(content: bytes, tag: str) -> str:
    """Return the ETag of content; `tag` names the representation."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}-{tag}"'


def write_precondition(environ: Mapping[str, Any], etag: str) -> HTTPStatus | None:
    """Return 428 for a write without If-Match (RFC 6585, section 3), 412 if that is not the ETag, else None."""
    wanted = environ.get("HTTP_IF_MATCH")
    if wanted is None:
        return HTTPStatus.PRECONDITION_REQUIRED
    return None if _any_matches(parse_etags(wanted), etag) else HTTPStatus.PRECONDITION_FAILED


def precondition(environ: Mapping[str, Any], etag: str) -> HTTPStatus | None:
    """Return 412 or 304 if the conditions of a GET or HEAD require it, else None."""
    wanted = environ.get("HTTP_IF_MATCH")
    if wanted is not None and not _any_matches(parse_etags(wanted), etag):
        return HTTPStatus.PRECONDITION_FAILED
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known is not None and _any_matches([tag.removeprefix("W/") for tag in parse_etags(known)], etag):
        return HTTPStatus.NOT_MODIFIED
    return None


def range_header(environ: Mapping[str, Any], etag: str) -> str | None:
    """Return the Range header; None if it is absent, or if If-Range has another ETag.

    A date in If-Range never matches, because answers have no Last-Modified.
    """
    if_range = environ.get("HTTP_IF_RANGE")
    if if_range is not None and if_range.strip() != etag:
        return None
    return environ.get("HTTP_RANGE")


def requested_range(environ: Mapping[str, Any], etag: str, *, method: str) -> RangeHeader | None:
    """Return the range that a GET requests; None for the whole body.

    Ignores the header for other methods, and if it is malformed, inverted or has several ranges (RFC 9110 §14.2).
    """
    header = range_header(environ, etag) if method == "GET" else None
    asked = None if header is None else parse_range(header)
    return None if asked is None or asked.is_inverted else asked


def _any_matches(tags: list[str], etag: str) -> bool:
    return "*" in tags or etag in tags
