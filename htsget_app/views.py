"""The resources of htsget in Django: each view parses, asks `tickets` or `delivery`, and answers."""

from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError

from catalogue.audit import Kind
from catalogue.metrics import TICKET_PARTS
from catalogue.rate_limits import Charge, TooMany, count_failure, ticket_charge
from catalogue.request_context import current_context
from ga4gh.exchange import CACHE_NEVER, Answer, json_answer
from ga4gh.views import GuardedView, site_url
from htsget_app import audit, params, tickets
from htsget_app.delivery import stored
from htsget_app.delivery.urls import part_urls
from htsget_app.errors import DataUrlAltered, PayloadTooLarge
from htsget_app.media_types import ticket_type
from htsget_app.planning.parts import Inline, Limits, StoredRange
from htsget_app.protocol import PROTOCOL

#: What the kinds of parts are counted as; all others are derived.
_PART_KINDS: Final[dict[type, str]] = {Inline: "inline", StoredRange: "stored"}
#: This many regions of a request count as one additional ticket.
REGIONS_PER_TICKET: Final = 50


class TicketView(GuardedView):
    """`/reads/<id>` and `/variants/<id>`."""

    protocol = PROTOCOL
    event = Kind.TICKET
    charge: Charge | None = None

    def check_throttles(self, request: Any) -> None:
        """Leave the count of the rate to the statement that looks up the file."""
        self.charge = ticket_charge(self.asked.viewer.holder)

    def handle_exception(self, exc: Exception) -> Answer:  # type: ignore[override]
        """Count a request that is refused before its file is looked up, too."""
        try:
            if self.charge is not None and not self.charge.is_made and (wait := self.charge.make()):
                exc = TooMany(wait)
        except DatabaseError as error:
            exc = error
        return super().handle_exception(exc)

    def get(self, request: Any, kind: str, id: str) -> Answer:
        """Return a ticket for the query."""
        return self._ticket(params.from_query(kind=kind, id=id, query=self.asked.query))

    def post(self, request: Any, kind: str, id: str) -> Answer:
        """Return a ticket for the body."""
        body = self.body(max_bytes=settings.HTSGET_MAX_POST_BYTES)
        return self._ticket(params.from_body(kind=kind, id=id, query=self.asked.query, body=body))

    def _ticket(self, asked: params.TicketRequest) -> Answer:
        regions = len(asked.regions or ())
        if regions > settings.HTSGET_MAX_REGIONS:
            raise PayloadTooLarge(f"more than {settings.HTSGET_MAX_REGIONS} regions are asked for at once")
        if self.charge is not None:
            self.charge.weight += regions // REGIONS_PER_TICKET
        limits = Limits(
            inline=settings.HTSGET_INLINE_BYTES,
            max_part_bytes=settings.HTSGET_MAX_BLOCK_BYTES,
            max_derived=settings.HTSGET_DERIVED_BYTES,
        )
        ticket = tickets.ticket(asked, viewer=self.asked.viewer, limits=limits, charge=self.charge)
        for part in ticket.parts:
            TICKET_PARTS.labels(_PART_KINDS.get(type(part), "derived")).inc()
        audit.ticket_given(ticket, asked, viewer=self.asked.viewer)
        body = ticket.json(part_urls(ticket.file, data_url=f"{site_url(self.request)}/data/"))
        return json_answer(
            self.asked, body, content_type=ticket_type(self.asked.accept), headers=[CACHE_NEVER]
        )


class DataView(GuardedView):
    """`/data/<token>`."""

    protocol = PROTOCOL
    event = Kind.DELIVERY

    def target(self, **parts: str) -> str:
        """Return a constant, because the token in the path opens data."""
        return "a data URL"

    def audit_target(self, error: Exception) -> str:
        """Record why; what the URL was for is not told, because it may open something to others."""
        return str(error)

    def get(self, request: Any, token: str) -> Answer:
        """Return the bytes of a part."""
        try:
            return stored.deliver(self.asked, token)
        except DataUrlAltered:
            count_failure(current_context().address, settings.THROTTLE_FAILURES)
            raise
