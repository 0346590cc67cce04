"""Declares annotation by GraphQL: its path and its service."""

from collections.abc import Mapping
from typing import Final

from annotation_app.errors import error_document
from annotation_app.openapi import openapi
from annotation_app.types.query import VERSION
from ga4gh.protocol import Protocol
from ga4gh.service_info import Service

PATH: Final = "/graphql"


def _details() -> Mapping[str, object]:
    return {"graphql": {"introspection": True, "batching": False, "subscriptions": False}}


PROTOCOL: Final = Protocol(
    name="annotation",
    paths=(PATH,),
    services=(
        Service(
            group="org.ensembl",
            artifact="graphql-core",
            version=".".join(VERSION),
            documentation_url="https://github.com/Ensembl/ensembl-thoas",
            path=PATH,
            kind="annotation",
            about="Genes, transcripts and proteins by GraphQL, in the shape that Ensembl publishes.",
            details=_details,
        ),
    ),
    error_document=error_document,
    openapi=openapi,
    methods="GET, HEAD, POST, OPTIONS",
)
