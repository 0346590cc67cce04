"""Runs one query: parse, check, validate, execute.

The schema is built once. Documents that passed every check are kept in the process, because clients send few different
ones. An error that is no fault of the client ends the whole query and is raised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from graphql import (
    DocumentNode,
    ExecutionContext,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationType,
    build_schema,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.execute import assume_not_awaitable
from graphql.pyutils import Path as AnswerPath
from graphql.validation import MaxIntrospectionDepthRule

from annotation_app.context import Context, too_many_rows, too_slow
from annotation_app.errors import Code, QueryRefused
from annotation_app.limits import DocumentLimits, check
from annotation_app.types.query import Query
from catalogue.queries.annotation import StoredGenome, TimeExceeded, TooManyRows, snapshot
from catalogue.queries.cache import Cache

#: Upper bounds of the tokens of a document, and of the errors that are told.
MAX_TOKENS: Final = 10_000
MAX_ERRORS: Final = 20

_RULES: Final = (*specified_rules, MaxIntrospectionDepthRule)
#: Bytes of kept documents; a parsed one takes about this many times the bytes of its text.
_CACHE_BYTES: Final = 32 << 20
_PARSED: Final = 150
_documents = Cache("GraphQL documents", _CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class Asked:
    """One query as a client sends it."""

    query: str
    operation: str | None = None
    variables: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The response to a query. Unless `executed`, the query was refused before anything was looked up.

    `private` are the genomes in it that not everybody may see.
    """

    content: dict[str, object]
    executed: bool
    private: tuple[StoredGenome, ...] = ()


@cache
def schema() -> GraphQLSchema:
    """Return the schema, from the files in `schema/`."""
    files = sorted((Path(__file__).parent / "schema").glob("*.graphql"))
    return build_schema("\n".join(file.read_text("utf-8") for file in files))


def run(asked: Asked, *, context: Context, limits: DocumentLimits) -> Result:
    """Answer a query. Raises what is no fault of the client: a database that does not answer, a bug."""
    try:
        document = _document(asked.query, limits)
        execution = _Execution.build(
            schema(),
            document,
            root_value=Query(context),
            context_value=context,
            raw_variable_values=dict(asked.variables or {}),
            operation_name=asked.operation,
            field_resolver=_resolve,
            is_awaitable=assume_not_awaitable,
        )
        if isinstance(execution, list):
            return _refused(_with_code(error, Code.BAD_USER_INPUT) for error in execution)
        if execution.operation.operation is not OperationType.QUERY:
            kind = execution.operation.operation.value
            raise QueryRefused(Code.VALIDATION_FAILED, f"only queries are answered here, no {kind}")
    except QueryRefused as refusal:
        return _refused([_refusal(refusal)])
    except _Invalid as invalid:
        return _refused(invalid.errors)
    return _executed(cast(_Execution, execution), context)


class _Invalid(Exception):
    """A document that is no query of this schema."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("the document is invalid")
        self.errors = errors


def _document(query: str, limits: DocumentLimits) -> DocumentNode:
    """Return a document that passed every check. Raises QueryRefused and _Invalid."""
    known = _documents.get((query, limits))
    if known is not None:
        return cast(DocumentNode, known)
    try:
        document = parse(query, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        raise _Invalid([_with_code(error, Code.PARSE_FAILED)]) from None
    except RecursionError:
        raise QueryRefused(Code.TOO_DEEP, "the query is nested too deeply") from None
    check(document, limits)
    errors = validate(schema(), document, _RULES, max_errors=MAX_ERRORS)
    if errors:
        raise _Invalid([_with_code(error, Code.VALIDATION_FAILED) for error in errors])
    _documents.put((query, limits), document, _PARSED * len(query))
    return document


def _executed(execution: "_Execution", context: Context) -> Result:
    try:
        with snapshot(seconds=context.limits.seconds):
            data = execution.execute_operation(execution.operation, execution.root_value)
            private = context.private_genomes()
    except TooManyRows:
        return _stopped(too_many_rows(context.limits.max_rows))
    except TimeExceeded:
        return _stopped(too_slow(context.limits.seconds))
    except QueryRefused as refusal:
        return _stopped(refusal)
    except GraphQLError as error:
        # A field that cannot be null failed, and with it every parent up to the root.
        execution.collected_errors.add(error, None)
        return Result({"data": None, "errors": _told(execution.collected_errors.errors)}, executed=True)
    content: dict[str, object] = {"data": data}
    if errors := execution.collected_errors.errors:
        content["errors"] = _told(errors)
    return Result(content, executed=True, private=private)


class _Execution(ExecutionContext):
    """Counts the values of an answer, and ends the query at an error that is not an answer to the client."""

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_nodes: list[FieldNode],
        path: AnswerPath,
    ) -> Any:
        """Execute one field of one object."""
        self.context_value.spend_value()
        return super().execute_field(parent_type, source, field_nodes, path)

    def handle_field_error(
        self, error: GraphQLError, return_type: GraphQLOutputType, path: AnswerPath
    ) -> None:
        """Make the field null, or let its parent fail; raise an error that is no GraphQLError."""
        original = error.original_error
        if original is not None and not isinstance(original, GraphQLError):
            raise original
        super().handle_field_error(error, return_type, path)


def _resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """Return the attribute of the field's name; a field with arguments is a method."""
    value = getattr(source, info.field_name)
    return value(**arguments) if callable(value) else value


def _refused(errors: Iterable[GraphQLError]) -> Result:
    return Result({"errors": _told(errors)}, executed=False)


def _stopped(refusal: QueryRefused) -> Result:
    return Result({"data": None, "errors": _told([_refusal(refusal)])}, executed=True)


def _refusal(refusal: QueryRefused) -> GraphQLError:
    return GraphQLError(str(refusal), extensions={"code": refusal.code.value})


def _told(errors: Iterable[GraphQLError]) -> list[object]:
    return [error.formatted for error in errors]


def _with_code(error: GraphQLError, code: Code) -> GraphQLError:
    error.extensions = {**(error.extensions or {}), "code": code.value}
    return error
