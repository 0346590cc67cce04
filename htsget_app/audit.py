"""What the audit is told of tickets and of the deliveries behind them."""

from typing import Any

from catalogue import audit
from catalogue.access import NO_LEASE, OPEN, Viewer
from catalogue.audit import Event, Kind
from catalogue.queries import StoredFile
from htsget_app.delivery.tokens import FileSlice
from htsget_app.errors import row_of
from htsget_app.params import TicketRequest
from htsget_app.tickets import Ticket

#: Regions of a request that are written down; of more, their number.
_MAX_REGIONS = 20


def ticket_given(ticket: Ticket, asked: TicketRequest, *, viewer: Viewer) -> None:
    """A ticket is about to leave."""
    detail = {**_asked(asked), "grants": [number for number, _ in ticket.file.permission.lease.grants]}
    target = f"{asked.kind}/{asked.id}"
    event = Event(Kind.TICKET, dataset=ticket.file.dataset, target=target, detail=detail)
    audit.record(event, viewer=viewer, public=ticket.file.permission is OPEN)


def ticket_refused(error: Exception, *, target: str, viewer: Viewer) -> None:
    """There was no ticket, for whatever reason."""
    audit.record(
        Event(Kind.TICKET, audit.outcome_of(error, status=row_of(error).status), target=target), viewer=viewer
    )


def delivered(file: StoredFile, piece: FileSlice, *, range: str, status: int, viewer: Viewer) -> None:
    """The bytes of a slice, or what a Range header asks of it, are about to leave."""
    detail = {
        "first": piece.where.begin,
        "length": piece.where.length,
        "format": file.format.value,
        "status": status,
        "grants": [number for number, _ in piece.lease.grants],
        **({"range": range[:100]} if range else {}),
    }
    target = f"{file.kind}/{file.htsget_id}"
    event = Event(Kind.DELIVERY, dataset=file.dataset, target=target, detail=detail)
    audit.record(event, viewer=_holder(piece, viewer), public=piece.lease == NO_LEASE)


def delivery_refused(error: Exception, *, viewer: Viewer) -> None:
    """A data URL opened nothing. What it was is not written down: it may be good again elsewhere."""
    audit.record(
        Event(Kind.DELIVERY, audit.outcome_of(error, status=row_of(error).status), target=str(error)),
        viewer=viewer,
    )


def _holder(piece: FileSlice, viewer: Viewer) -> Viewer:
    """Whom a delivery is to: whoever shows it in the request, else whom the URL was given to."""
    if viewer.name is not None or piece.lease.holder == bytes(8):
        return viewer
    return Viewer(name=f"holder {piece.lease.holder.hex()}", user=piece.lease.user, credential="data URL")


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
