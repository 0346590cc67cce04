"""Requests that schemathesis makes of the OpenAPI document, sent to the site in this process."""

from collections.abc import Mapping
from typing import Any

import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from schemathesis import checks
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi import checks as openapi_checks

#: No 5xx, and no status, media type or shape that is not in the document.
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]


def generated(document: Mapping[str, Any]) -> Any:
    """Return the schema of schemathesis, which makes good and bad requests of each operation."""
    generation = GenerationConfig(
        modes=[schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE], deterministic=True,
        with_security_parameters=False,
    )  # fmt: skip
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    schema = schemathesis.openapi.from_dict(dict(document), config=config)
    schema.app = WSGIHandler()
    return schema
