"""Declares refget: its paths, its service and its errors (refget 2.0.0, "Errors", "Service info")."""

from collections.abc import Mapping
from http import HTTPStatus

from django.conf import settings

from catalogue import queries
from catalogue.errors import AmbiguousAlias
from ga4gh.errors import Row, plain_error
from ga4gh.protocol import Protocol
from ga4gh.service_info import Service
from refget_app.openapi import openapi

VERSIONS = ("0.2", "1.0.0", "1.0.1", "2.0.0")
ALGORITHMS = ("md5", "trunc512", "ga4gh")


def capabilities() -> dict[str, object]:
    """Return what service-info has about refget in every version; `subsequence_limit` is in residues."""
    return {
        "circular_supported": True,
        "algorithms": list(ALGORITHMS),
        "subsequence_limit": settings.REFGET_SUBSEQUENCE_LIMIT,
        "supported_api_versions": list(VERSIONS),
    }


def _details() -> Mapping[str, object]:
    # Every key is always there, so that clients need not test for it.
    return {
        "contactUrl": settings.SERVICE_CONTACT_URL,
        "refget": {**capabilities(), "identifier_types": queries.authorities()},
    }


def _error_document(error: Exception, status: HTTPStatus, message: str) -> Mapping[str, object]:
    content = plain_error(error, status, message)
    return {**content, "candidates": list(error.candidates)} if isinstance(error, AmbiguousAlias) else content


REFGET = Service(
    artifact="refget",
    version=VERSIONS[-1],
    documentation_url="https://samtools.github.io/hts-specs/refget.html",
    details=_details,
)

PROTOCOL = Protocol(
    name="refget",
    paths=("/sequence/", "/md5/", "/service-info"),
    services=(REFGET,),
    errors=(Row(AmbiguousAlias, HTTPStatus.MULTIPLE_CHOICES),),
    error_document=_error_document,
    openapi=openapi,
)
