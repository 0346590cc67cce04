"""`/graphql`: queries (GraphQL over HTTP), and for browsers a page to write them."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.template.loader import render_to_string

from annotation_app import params
from annotation_app.context import Context, Limits
from annotation_app.execution import Asked, Result, run
from annotation_app.limits import DocumentLimits
from annotation_app.protocol import PATH, PROTOCOL
from catalogue import audit
from catalogue.audit import Event, Kind
from catalogue.rate_limits import TooMany, count_queries
from ga4gh.accept import Offer, choose
from ga4gh.errors import RequestError
from ga4gh.etags import precondition
from ga4gh.exchange import CACHE_BRIEFLY, CACHE_NEVER, CACHE_PRIVATE, Answer, answer, json_answer
from ga4gh.views import GuardedView, site_url

_JSON: Final = Offer(media_type="application/json", charset="utf-8")
_RESPONSE: Final = Offer(media_type="application/graphql-response+json", charset="utf-8")
_PAGE: Final = Offer(media_type="text/html", charset="utf-8", explicit=True)
#: The page uses the scripts and styles of this site alone, and asks this site alone.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
#: This many values of an answer count as one additional query.
VALUES_PER_QUERY: Final = 5_000


class GraphQLView(GuardedView):
    """`/graphql`."""

    protocol = PROTOCOL
    event = Kind.REQUEST

    def target(self, **parts: str) -> str:
        """Return the name of the resource, which has no parts."""
        return "graphql"

    def audit_target(self, error: Exception) -> None:
        """Record no refusal: genomes that the viewer may not see are as if they did not exist."""

    def initial(self, request: Any, *args: Any, **parts: str) -> None:
        """Identify the viewer, and limit the rate of queries."""
        super().initial(request, *args, **parts)
        if request.method in {"GET", "HEAD", "POST"}:
            wait = count_queries(self.asked.viewer.holder)
            if wait is not None:
                raise TooMany(wait)

    def get(self, request: Any) -> Answer:
        """Answer the query in the URL; browsers get the page."""
        offer = self._offer(_JSON, _RESPONSE, _PAGE)
        if offer is _PAGE:
            return self._page()
        return self._answer(params.from_query(self.asked.query), offer)

    head = get

    def post(self, request: Any) -> Answer:
        """Answer the query in the body."""
        offer = self._offer(_JSON, _RESPONSE)
        body = self.body(max_bytes=settings.GRAPHQL_MAX_BODY_BYTES)
        content_type = self.asked.header("CONTENT_TYPE") or ""
        return self._answer(params.from_body(content_type, body), offer)

    def _offer(self, *offers: Offer) -> Offer:
        offer = choose(offers, self.asked.accept)
        if offer is None:
            named = ", ".join(offer.media_type for offer in offers)
            raise RequestError(f"this is sent as {named}", status=HTTPStatus.NOT_ACCEPTABLE)
        return offer

    def _answer(self, asked: Asked, offer: Offer) -> Answer:
        context = Context(self.asked.viewer, _limits())
        result = run(asked, context=context, limits=_document_limits())
        if weight := context.values_spent // VALUES_PER_QUERY:
            count_queries(self.asked.viewer.holder, weight=weight)
        caching = CACHE_PRIVATE if self._given_out(result) else CACHE_NEVER
        return json_answer(
            self.asked,
            result.content,
            status=_status(result, offer),
            content_type=offer.content_type,
            headers=[caching],
        )

    def _given_out(self, result: Result) -> bool:
        """Record the private genomes that the answer tells of; return whether there are any."""
        for genome in result.private:
            target = f"graphql/{genome.genome_id}"
            event = Event(Kind.REQUEST, dataset=genome.collection_name, target=target)
            audit.record(event, viewer=self.asked.viewer)
        return bool(result.private)

    def _page(self) -> Answer:
        static = f"{settings.STATIC_URL}annotation_app/graphiql"
        content: Mapping[str, object] = {
            "static": static,
            "url": site_url(self.request) + PATH,
            "name": settings.SERVICE_NAME,
        }
        body = render_to_string("annotation_app/graphiql.html", content).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}-html"'
        validity = (("ETag", etag), CACHE_BRIEFLY, ("Content-Security-Policy", _POLICY))
        if status := precondition(self.asked.environ, etag):
            return answer(status, validity)
        headers = (("Content-Type", _PAGE.content_type), ("Content-Length", str(len(body))), *validity)
        return answer(HTTPStatus.OK, headers, b"" if self.asked.method == "HEAD" else body)


def _status(result: Result, offer: Offer) -> HTTPStatus:
    """Return the status (GraphQL over HTTP, "Status Codes"): a refused query is 400 in the new media type only."""
    return HTTPStatus.OK if result.executed or offer is _JSON else HTTPStatus.BAD_REQUEST


def _limits() -> Limits:
    return Limits(
        max_rows=settings.GRAPHQL_MAX_ROWS,
        max_values=settings.GRAPHQL_MAX_VALUES,
        max_page_size=settings.GRAPHQL_MAX_PAGE_SIZE,
        max_overlaps=settings.GRAPHQL_MAX_OVERLAPS,
        seconds=settings.GRAPHQL_SECONDS,
    )


def _document_limits() -> DocumentLimits:
    return DocumentLimits(
        max_depth=settings.GRAPHQL_MAX_DEPTH,
        max_fields=settings.GRAPHQL_MAX_FIELDS,
        max_aliases=settings.GRAPHQL_MAX_ALIASES,
    )
