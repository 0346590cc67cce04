"""Limit the rate of ticket requests: per account or subject of an issuer, or per address without credentials."""

from typing import Any

from rest_framework.throttling import BaseThrottle

from catalogue import rate_limits
from catalogue.access import ANONYMOUS


class TicketThrottle(BaseThrottle):
    """Count requests in the database, so that all processes share one limit."""

    def __init__(self) -> None:
        self._wait: int | None = None

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request; return whether it is within the rate."""
        charge = rate_limits.ticket_charge((request.auth or ANONYMOUS).holder)
        self._wait = None if charge is None else charge.make()
        return self._wait is None

    def wait(self) -> float | None:
        """Return the seconds until the next request is allowed."""
        return self._wait
