"""How many tickets somebody may ask for: by account or subject where they say who they are, else by address."""

from typing import Any

from rest_framework.throttling import BaseThrottle

from catalogue import rate_limits
from catalogue.access import ANONYMOUS


class TicketThrottle(BaseThrottle):
    """Counts in the database, for all processes together."""

    def __init__(self) -> None:
        self._wait: int | None = None

    def allow_request(self, request: Any, view: Any) -> bool:
        """Counts the request, and says whether it is within the rate."""
        self._wait = rate_limits.count_tickets((request.auth or ANONYMOUS).holder)
        return self._wait is None

    def wait(self) -> float | None:
        """Seconds until the next request may come."""
        return self._wait
