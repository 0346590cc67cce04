"""The declaration of a protocol, and the registry of all protocols of the site."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from ga4gh.errors import COMMON, Row, error_answer, log_failure, plain_error, row_of
from ga4gh.exchange import Answer, Request, request_id
from ga4gh.service_info import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One protocol, as its `urls` module declares it under the name `PROTOCOL`.

    `paths` are URL path prefixes of this protocol alone. Below `shared_paths`, where pages are, it has the paths that
    end with one of `shared_suffixes`. `errors` are rows in addition to the common ones, and
    `error_document` builds the body of an error, of the media type `error_type`, from the exception, the status and the
    message. `methods` are allowed for pages of other origins.
    `max_body` is the size in bytes of the largest body that its views read, where that is over the limit of pages.
    `root_details` is this protocol's part of the service-info document of the site's root; `openapi` has its
    `paths` and `components` in OpenAPI 3.1.
    """

    name: str
    paths: tuple[str, ...]
    shared_paths: tuple[str, ...] = ()
    shared_suffixes: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    errors: tuple[Row, ...] = ()
    error_document: Callable[[Exception, HTTPStatus, str], Mapping[str, object]] = field(default=plain_error)
    error_type: str = "application/json"
    methods: str = "GET, HEAD, OPTIONS"
    max_body: int = 0
    root_details: Callable[[], Mapping[str, object]] = field(default=dict)
    openapi: Callable[[], Mapping[str, Any]] = field(default=dict)

    def has(self, path: str) -> bool:
        """Return whether a path is one of this protocol."""
        return path.startswith(self.paths) or (
            path.startswith(self.shared_paths) and path.endswith(self.shared_suffixes)
        )

    def row_of(self, error: Exception) -> Row:
        """Return the row of an exception: one of the protocol's own, else a common one."""
        return row_of(error, (*self.errors, *COMMON))

    def error_answer(self, request: Request, error: Exception) -> Answer:
        """Log a server failure, and answer with the protocol's error document."""
        row = self.row_of(error)
        log_failure(error, row, request)
        message = row.told or str(error)
        if row.status >= 500:
            # The operator finds the failure in the log by this id.
            message += f" (request {request_id(request.environ)})"
        content = self.error_document(error, row.status, message)
        return error_answer(request, error, row, content, content_type=self.error_type)


@cache
def protocols() -> tuple[Protocol, ...]:
    """Return the protocols of `settings.PROTOCOLS`, in that order."""
    return tuple(import_string(f"{app}.urls.PROTOCOL") for app in settings.PROTOCOLS)


@cache
def protocol_paths() -> tuple[str, ...]:
    """Return the path prefixes that belong to one protocol only."""
    return tuple(path for protocol in protocols() for path in protocol.paths)


@cache
def _sharing() -> tuple[Protocol, ...]:
    return tuple(protocol for protocol in protocols() if protocol.shared_paths)


def is_protocol_path(path: str) -> bool:
    """Return whether a path is one of a protocol."""
    return path.startswith(protocol_paths()) or any(protocol.has(path) for protocol in _sharing())


def root_details() -> dict[str, object]:
    """Return the parts of all protocols in the service-info document of the site's root."""
    return {name: detail for protocol in protocols() for name, detail in protocol.root_details().items()}


def protocol_at(path: str) -> Protocol | None:
    """Return the protocol of a path; None if no protocol has it."""
    return next((protocol for protocol in protocols() if protocol.has(path)), None)
