"""The whole answer to each refget request: status, headers and body, without a framework.

refget 2.0.0, "API Methods". Positions are 0-based and half-open. What a digest names never changes, so residues asked
for by digest may be cached for ever; names can be given anew, and metadata can gain names.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import chain

from catalogue import queries
from catalogue.errors import NotFound
from catalogue.queries import StoredSequence
from refget_app import audit
from refget_app.body_layout import PLAIN, BodyLayout, writing
from refget_app.errors import EXPECTED, error_answer, logger, refusal
from refget_app.exchange import Answer, Request, answer, document
from refget_app.media_types import DOCUMENT, SEQUENCE, Form, Representation, acceptable, choose
from refget_app.outcome import Refuse, Serve, decide
from refget_app.params import SequenceParams, sequence_params
from refget_app.redirects import redirect_url
from refget_app.service_info import Service, service_info

#: Up to so many residues are read before the answer begins; more are streamed.
AT_ONCE = 256 * 1024

_FOR_EVER = ("Cache-Control", "public, max-age=31536000, immutable")
_FOR_A_WHILE = ("Cache-Control", "public, max-age=300")
_FOR_NOBODY_ELSE = ("Cache-Control", "private, no-store")
_BY_RANGES = ("Accept-Ranges", "bytes")
_NO_RANGES = ("Accept-Ranges", "none")


def sequence(
    request: Request,
    *,
    limit: int | None,
    redirect_above: int | None = None,
    record: StoredSequence | None = None,
) -> Answer:
    """`/sequence/<id>`: residues, where they are, or why there are none.

    `limit` is the most residues that a part may have; a whole sequence of more than `redirect_above` is fetched from
    its storage where that can be. `record` spares the look-up where a digest is known already.
    """
    try:
        permanent = record is not None or queries.is_digest(request.identifier)
        if record is None:
            record = queries.sequence(request.identifier, viewer=request.viewer)
        if record.residues is None:
            raise NotFound(
                f"the sequence {request.identifier!r} is known here, but its residues are not held"
            )
        given = _sequence(request, record, permanent, limit=limit, redirect_above=redirect_above)
        if not record.public:
            audit.private_sequence(request, record, what="residues", status=given.status)
        return given
    except EXPECTED as error:
        return error_answer(request, error)


def metadata(request: Request) -> Answer:
    """`/sequence/<id>/metadata`: checksums, length and names, in the union of what all versions define."""
    try:
        record = queries.sequence(request.identifier, viewer=request.viewer)
        form = _chosen_document(request)
        if form is None:
            return _not_acceptable(request, DOCUMENT)
        content = {"metadata": _metadata(request.identifier, record, legacy=form.legacy)}
        if record.public:
            return _document(request, form, content)
        audit.private_sequence(request, record, what="metadata", status=HTTPStatus.OK)
        return _document(request, form, content, caching=_FOR_NOBODY_ELSE)
    except EXPECTED as error:
        return error_answer(request, error)


def service(request: Request, described: Service) -> Answer:
    """`/sequence/service-info`: the layout of version 1 for those who name it, else GA4GH service-info."""
    try:
        form = _chosen_document(request)
        if form is None:
            return _not_acceptable(request, DOCUMENT)
        return _document(request, form, service_info(described, queries.authorities(), legacy=form.legacy))
    except EXPECTED as error:
        return error_answer(request, error)


def not_found(request: Request, message: str) -> Answer:
    """404 for a path that can name no sequence."""
    return refusal(request, status=HTTPStatus.NOT_FOUND, message=message)


def _sequence(
    request: Request,
    record: StoredSequence,
    permanent: bool,
    *,
    limit: int | None,
    redirect_above: int | None,
) -> Answer:
    params = sequence_params(query=request.query, range_header=request.range)
    form = choose(SEQUENCE, request.accept if params.accept is None else params.accept)
    if form is None:
        return _not_acceptable(request, SEQUENCE)
    etag = _sequence_etag(record, params, form)
    if request.range is not None and request.if_range is not None and request.if_range.strip() != etag:
        # The client's part is of something else, so it gets the whole (RFC 9110, section 13.1.5).
        params = sequence_params(query=request.query, range_header=None)
    outcome = decide(params, length=record.length, circular=record.circular, limit=limit)
    if isinstance(outcome, Refuse):
        unsatisfied = {"Content-Range": f"bytes */{record.length}"} if outcome.by_range else None
        return refusal(request, status=outcome.status, message=outcome.message, headers=unsatisfied)
    lasting = _FOR_EVER if permanent else _FOR_A_WHILE
    validity = [("ETag", etag), lasting if record.public else _FOR_NOBODY_ELSE]
    if request.if_none_match is not None and _matches(request.if_none_match, etag):
        return answer(request, status=HTTPStatus.NOT_MODIFIED, headers=validity)
    large = redirect_above is not None and record.length > redirect_above
    if large and (url := redirect_url(request, record, outcome, form)):
        there = [("Content-Length", "0"), ("Location", url), ("Cache-Control", "no-store")]
        return answer(request, status=HTTPStatus.TEMPORARY_REDIRECT, headers=there)
    shape, size = _body_shape(request.identifier, record, outcome, form)
    headers = [
        ("Content-Type", form.content_type),
        ("Content-Length", str(size)),
        *validity,
        _NO_RANGES if outcome.by_query else _BY_RANGES,
    ]
    if outcome.status is HTTPStatus.PARTIAL_CONTENT:
        headers.append(("Content-Range", f"bytes {outcome.start}-{outcome.end - 1}/{record.length}"))
    body = _no_body(record, outcome) if request.method == "HEAD" else _body(record, outcome, shape)
    return answer(request, status=outcome.status, headers=headers, body=body)


def _sequence_etag(record: StoredSequence, params: SequenceParams, form: Representation) -> str:
    """Names the whole representation: a Range header selects from it, start and end make it another."""
    part = f"-{_text(params.start)}-{_text(params.end)}" if params.by_query else ""
    return f'"{record.md5.hex()}{part}-{form.tag}"'


def _text(position: int | None) -> str:
    return "" if position is None else str(position)


def _body_shape(
    identifier: str, record: StoredSequence, outcome: Serve, form: Representation
) -> tuple[BodyLayout, int]:
    residues = outcome.residues(record.length)
    if form.form is Form.PLAIN:
        return PLAIN, residues
    # A name may hold what the header line of FASTA cannot.
    name = identifier if identifier.isascii() and identifier.isprintable() and " " not in identifier else None
    last = outcome.end - 1 if outcome.status is HTTPStatus.PARTIAL_CONTENT else outcome.end
    shape = writing(
        form.form, identifier=name or record.md5.hex(), start=outcome.start, end=outcome.end, last=last
    )
    return shape, shape.size(residues)


def _body(record: StoredSequence, outcome: Serve, shape: BodyLayout) -> bytes | Iterator[bytes]:
    """The body, read or begun: what is missing shows before the answer has a status."""
    pieces = outcome.pieces(record.length)
    if outcome.residues(record.length) <= AT_ONCE:
        if shape is PLAIN and len(pieces) == 1:
            start, end = pieces[0]
            return queries.read_residues(record, start, end) if start < end else b""
        return b"".join(
            shape.write(queries.read_residues(record, *piece) for piece in pieces if piece[0] < piece[1])
        )
    streams = [queries.stream_residues(record, *piece) for piece in pieces]
    return _watched(record, shape.write(chain.from_iterable(streams)))


def _no_body(record: StoredSequence, outcome: Serve) -> bytes:
    """Nothing, after a look at whether there would be a body."""
    for start, end in outcome.pieces(record.length):
        if start < end:
            queries.read_residues(record, end - 1, end)
    return b""


def _watched(record: StoredSequence, body: Iterator[bytes]) -> Iterator[bytes]:
    """Says in the log what broke a body; the server breaks the connection, so that no client takes it for whole."""
    try:
        yield from body
    except EXPECTED as error:
        logger.error("the body of %s broke off: %s", record.md5.hex(), error, exc_info=error)
        raise


def _metadata(identifier: str, record: StoredSequence, *, legacy: bool) -> dict[str, object]:
    ga4gh = record.ga4gh
    aliases = [
        {"alias": name, "naming_authority": authority} for authority, name in queries.aliases(record.pk)
    ]
    if legacy and ga4gh is not None:
        aliases.insert(0, {"alias": f"ga4gh:{ga4gh}", "naming_authority": "ga4gh"})
    return {
        "id": identifier,
        "md5": record.md5.hex(),
        "trunc512": None if record.sha512t24u is None else record.sha512t24u.hex(),
        "ga4gh": ga4gh,
        "length": record.length,
        "aliases": aliases,
    }


def _chosen_document(request: Request) -> Representation | None:
    accept = sequence_params(query=request.query, range_header=None).accept
    return choose(DOCUMENT, request.accept if accept is None else accept)


def _document(
    request: Request,
    form: Representation,
    content: Mapping[str, object],
    *,
    caching: tuple[str, str] = _FOR_A_WHILE,
) -> Answer:
    body = json.dumps(content).encode("ascii")
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}-{form.tag}"'
    validity = [("ETag", etag), caching]
    if request.if_none_match is not None and _matches(request.if_none_match, etag):
        return answer(request, status=HTTPStatus.NOT_MODIFIED, headers=validity)
    return document(
        request, status=HTTPStatus.OK, content=content, content_type=form.content_type, headers=validity
    )


def _not_acceptable(request: Request, offers: tuple[Representation, ...]) -> Answer:
    return refusal(
        request,
        status=HTTPStatus.NOT_ACCEPTABLE,
        message=f"nothing that is accepted can be sent; this can: {acceptable(offers)}",
    )


def _matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison with a list of entity tags (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
