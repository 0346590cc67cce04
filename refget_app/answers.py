"""Builds the complete answer to each refget request, without a framework: status, headers and body.

refget 2.0.0, "API Methods". Positions are 0-based and half-open. What a digest names never changes, so residues asked
for by digest may be cached for ever; names can be given to other sequences, and metadata can gain names. Errors are
raised; the views and the fast path answer them by `PROTOCOL.error_answer`.
"""

from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain

from django.conf import settings

from catalogue import audit, queries
from catalogue.audit import Event, Kind
from catalogue.errors import NotFound
from catalogue.queries import StoredSequence
from ga4gh.errors import RequestError, log_broken_body
from ga4gh.etags import precondition, range_header
from ga4gh.exchange import (
    CACHE_BRIEFLY,
    CACHE_FOR_EVER,
    CACHE_NEVER,
    CACHE_PRIVATE,
    Answer,
    Header,
    Request,
    answer,
    document,
)
from ga4gh.protocol import root_details
from ga4gh.ranges import content_range, unsatisfied_range
from refget_app.body_layout import PLAIN, BodyLayout, body_layout
from refget_app.media_types import DOCUMENT, SEQUENCE, Form, Representation, chosen
from refget_app.outcome import Refuse, Serve, decide
from refget_app.params import SequenceParams, sequence_params
from refget_app.protocol import REFGET, capabilities
from refget_app.redirects import redirect_url

#: Upper bound of the residues read before the answer begins; longer answers are streamed.
MAX_READ_AT_ONCE = 256 * 1024

_BY_RANGES = ("Accept-Ranges", "bytes")
_NO_RANGES = ("Accept-Ranges", "none")


def sequence(request: Request, *, known: StoredSequence | None = None) -> Answer:
    """Answer `/sequence/<id>` with residues or a redirect to them.

    `known` spares the look-up of a digest. Raises what `queries.sequence` does, RequestError and StorageError.
    """
    permanent = known is not None or queries.is_digest(request.target)
    record = known or queries.sequence(request.target, viewer=request.viewer)
    if record.residues is None:
        raise NotFound(f"the sequence {request.target!r} is known here, but its residues are not held")
    try:
        given = _residues_answer(request, record, permanent)
    except RequestError as refused:
        _record_private(request, record, what="residues", status=refused.status)
        raise
    _record_private(request, record, what="residues", status=given.status)
    return given


def metadata(request: Request) -> Answer:
    """Answer `/sequence/<id>/metadata` with checksums, length and names, in the fields of all versions of refget."""
    record = queries.sequence(request.target, viewer=request.viewer)
    form = _document_form(request)
    content = {"metadata": _metadata(request, record, legacy=form.legacy)}
    _record_private(request, record, what="metadata", status=HTTPStatus.OK)
    caching = CACHE_BRIEFLY if record.public else CACHE_PRIVATE
    return document(request, content, content_type=form.content_type, tag=form.tag, caching=caching)


def service_info(request: Request) -> Answer:
    """Answer `/service-info` with GA4GH service-info, or with the layout of version 1 to clients that name it.

    The document of the site's root tells of other protocols too.
    """
    form = _document_form(request)
    about_others = root_details() if request.path.startswith("/service-info") else {}
    content = {"service": capabilities()} if form.legacy else REFGET.info() | about_others
    return document(request, content, content_type=form.content_type, tag=form.tag)


def _residues_answer(request: Request, record: StoredSequence, permanent: bool) -> Answer:
    wanted_range = request.header("HTTP_RANGE")
    params = sequence_params(query=request.query, range_header=wanted_range)
    form = chosen(SEQUENCE, request.accept if params.accept is None else params.accept)
    etag = _etag(record, params, form)
    if wanted_range is not None and range_header(request.environ, etag) is None:
        params = sequence_params(query=request.query, range_header=None)
    outcome = _served_part(params, record)
    caching = CACHE_FOR_EVER if permanent else CACHE_BRIEFLY
    validity = (("ETag", etag), caching if record.public else CACHE_PRIVATE)
    if status := precondition(request.environ, etag):
        return answer(status, validity)
    if url := redirect_url(request, record, outcome, form):
        there = (("Content-Length", "0"), ("Location", url), CACHE_NEVER)
        return answer(HTTPStatus.TEMPORARY_REDIRECT, there)
    return _served(request, record, outcome, form, validity)


def _served_part(params: SequenceParams, record: StoredSequence) -> Serve:
    """Return which residues to serve. Raises RequestError."""
    limit = settings.REFGET_SUBSEQUENCE_LIMIT
    outcome = decide(params, length=record.length, circular=record.circular, limit=limit)
    if isinstance(outcome, Refuse):
        headers = [unsatisfied_range(record.length)] if outcome.by_range else []
        raise RequestError(outcome.message, status=outcome.status, headers=headers)
    return outcome


def _served(
    request: Request,
    record: StoredSequence,
    outcome: Serve,
    form: Representation,
    validity: tuple[Header, ...],
) -> Answer:
    layout = _layout(request.target, record, outcome, form)
    headers = [
        ("Content-Type", form.content_type),
        ("Content-Length", str(layout.size(outcome.residues(record.length)))),
        *validity,
        _NO_RANGES if outcome.by_query else _BY_RANGES,
    ]
    if outcome.status is HTTPStatus.PARTIAL_CONTENT:
        headers.append(content_range(outcome.start, outcome.end, record.length))
    if request.method == "HEAD":
        _check_held(record, outcome)
        return answer(outcome.status, headers)
    return answer(outcome.status, headers, _body(record, outcome, layout))


def _etag(record: StoredSequence, params: SequenceParams, form: Representation) -> str:
    """Return the ETag of a representation: `start` and `end` make another one, a Range header only selects from it."""
    part = f"-{_text(params.start)}-{_text(params.end)}" if params.by_query else ""
    return f'"{record.md5.hex()}{part}-{form.tag}"'


def _text(position: int | None) -> str:
    return "" if position is None else str(position)


def _layout(identifier: str, record: StoredSequence, outcome: Serve, form: Representation) -> BodyLayout:
    if form.form is Form.PLAIN:
        return PLAIN
    # A name may hold what the header line of FASTA cannot.
    name = identifier if identifier.isascii() and identifier.isprintable() and " " not in identifier else None
    last = outcome.end - 1 if outcome.status is HTTPStatus.PARTIAL_CONTENT else outcome.end
    return body_layout(
        form.form, identifier=name or record.md5.hex(), start=outcome.start, end=outcome.end, last=last
    )


def _body(record: StoredSequence, outcome: Serve, layout: BodyLayout) -> bytes | Iterator[bytes]:
    """Read the body, or begin to stream it, so that errors occur before the status is sent."""
    pieces = outcome.pieces(record.length)
    if outcome.residues(record.length) <= MAX_READ_AT_ONCE:
        if layout is PLAIN and len(pieces) == 1:
            start, end = pieces[0]
            return queries.read_residues(record, start, end) if start < end else b""
        return b"".join(
            layout.write(queries.read_residues(record, *piece) for piece in pieces if piece[0] < piece[1])
        )
    streams = [queries.stream_residues(record, *piece) for piece in pieces]
    return log_broken_body(layout.write(chain.from_iterable(streams)), f"the body of {record.md5.hex()}")


def _check_held(record: StoredSequence, outcome: Serve) -> None:
    """Read the last residue of each piece, so that HEAD fails where GET would. Raises StorageError."""
    for start, end in outcome.pieces(record.length):
        if start < end:
            queries.read_residues(record, end - 1, end)


def _metadata(request: Request, record: StoredSequence, *, legacy: bool) -> dict[str, object]:
    ga4gh = record.ga4gh
    aliases = [
        {"alias": name, "naming_authority": authority}
        for authority, name in queries.aliases(record, viewer=request.viewer)
    ]
    if legacy and ga4gh is not None:
        aliases.insert(0, {"alias": f"ga4gh:{ga4gh}", "naming_authority": "ga4gh"})
    return {
        "id": request.target,
        "md5": record.md5.hex(),
        "trunc512": None if record.sha512t24u is None else record.sha512t24u.hex(),
        "ga4gh": ga4gh,
        "length": record.length,
        "aliases": aliases,
    }


def _document_form(request: Request) -> Representation:
    accept = sequence_params(query=request.query, range_header=None).accept
    return chosen(DOCUMENT, request.accept if accept is None else accept)


def _record_private(request: Request, record: StoredSequence, *, what: str, status: HTTPStatus) -> None:
    """Record in the audit that an answer about a private sequence is about to leave; public ones are not recorded."""
    if record.public:
        return
    asked_range = request.header("HTTP_RANGE")
    detail = {
        "what": what,
        "md5": record.md5.hex(),
        "status": status.value,
        **({"part": request.query[:100]} if request.query else {}),
        **({"range": asked_range[:100]} if asked_range else {}),
    }
    audit.record(Event(Kind.SEQUENCE, target=request.target, detail=detail), viewer=request.viewer)
