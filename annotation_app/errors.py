"""The errors of queries: GraphQL errors with a code in `extensions.code`, which clients tell them apart by."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from graphql import GraphQLError


class Code(StrEnum):
    """The codes besides those of things that were not found, such as GENE_NOT_FOUND."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    TOO_DEEP = "QUERY_TOO_DEEP"
    TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
    OVERLAPS_EXCEEDED = "SLICE_RESULT_LIMIT_EXCEEDED"
    TIMEOUT = "QUERY_TIMEOUT"


class QueryRefused(Exception):
    """The whole query is refused, before or while it runs."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def not_found(kind: str, **ids: object) -> GraphQLError:
    """Return the error for what no genome that the viewer may see has; code and message are those of Ensembl."""
    told = ", ".join(f"{name}={value}" for name, value in ids.items())
    return GraphQLError(
        f"Failed to find {kind} with ids: {told}", extensions={"code": f"{kind.upper()}_NOT_FOUND", **ids}
    )


def bad_input(message: str) -> GraphQLError:
    """Return the error for arguments that make no sense."""
    return GraphQLError(message, extensions={"code": Code.BAD_USER_INPUT.value})


def overlaps_exceeded(max_overlaps: int) -> GraphQLError:
    """Return the error for a part of a region with too many features; code and message are those of Ensembl."""
    return GraphQLError(
        f"Slice query met size limit of {max_overlaps}", extensions={"code": Code.OVERLAPS_EXCEEDED.value}
    )


#: Codes of requests that are refused before there is a query.
_CODES: Final = {
    HTTPStatus.TOO_MANY_REQUESTS: "TOO_MANY_REQUESTS",
    HTTPStatus.SERVICE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
}


def error_document(error: Exception, status: HTTPStatus, message: str) -> Mapping[str, object]:
    """Build the document of a request that is refused: the form of a GraphQL response with one error."""
    code = "INTERNAL_SERVER_ERROR" if status is HTTPStatus.INTERNAL_SERVER_ERROR else "BAD_REQUEST"
    return {"errors": [{"message": message, "extensions": {"code": _CODES.get(status, code)}}]}
