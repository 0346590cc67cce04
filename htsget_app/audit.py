"""Records tickets and deliveries in the audit. Views record refusals: see `ga4gh.audit`."""

from typing import Any

from catalogue import audit
from catalogue.access import NO_LEASE, OPEN, Viewer
from catalogue.audit import Event, Kind
from catalogue.queries import StoredFile
from htsget_app.delivery.tokens import SignedPart
from htsget_app.params import TicketRequest
from htsget_app.tickets import Ticket

#: Upper bound of the regions recorded for a request; of more, only the number is recorded.
_MAX_REGIONS = 20


def ticket_given(ticket: Ticket, asked: TicketRequest, *, viewer: Viewer) -> None:
    """Record a ticket before it is sent."""
    detail = {**_asked(asked), "grants": [number for number, _ in ticket.file.permission.lease.grants]}
    target = f"{asked.kind}/{asked.id}"
    event = Event(Kind.TICKET, dataset=ticket.file.dataset, target=target, detail=detail)
    audit.record(event, viewer=viewer, public=ticket.file.permission is OPEN)


def delivered(file: StoredFile, part: SignedPart, *, status: int, viewer: Viewer) -> None:
    """Record a delivery before its first byte is sent.

    Repeats within an hour are counted (see `catalogue.audit.record`), per part, or for a public file per file.
    """
    public = part.lease == NO_LEASE
    detail: dict[str, Any] = {"format": file.format.value, "status": status}
    if not public:
        detail |= {
            "first": part.byte_range.begin,
            "length": part.byte_range.length,
            "grants": [number for number, _ in part.lease.grants],
        }
    event = Event(Kind.DELIVERY, dataset=file.dataset, target=f"{file.kind}/{file.htsget_id}", detail=detail)
    audit.record(event, viewer=_holder(part, viewer), public=public, repeats=True)


def _holder(part: SignedPart, viewer: Viewer) -> Viewer:
    """Return the receiver of a delivery: the viewer of the request, else the viewer that the URL was given to."""
    if viewer.name is not None or part.lease.holder == bytes(8):
        return viewer
    return Viewer(name=f"holder {part.lease.holder.hex()}", user=part.lease.user, credential="data URL")


def _asked(asked: TicketRequest) -> dict[str, Any]:
    detail: dict[str, Any] = {"format": asked.format.value}
    if asked.header_only:
        detail["class"] = "header"
    if asked.regions is not None:
        detail["regions"] = [
            [region.name or region.md5, region.start, region.end] for region in asked.regions[:_MAX_REGIONS]
        ]
        detail["region_count"] = len(asked.regions)
    if asked.unplaced:
        detail["unplaced"] = True
    return detail
