"""How many tickets somebody may ask for: by account or subject where they say who they are, else by address."""

from typing import Any

from django.conf import settings
from rest_framework.throttling import BaseThrottle

from catalogue import rate_limits
from catalogue.access import ANONYMOUS
from catalogue.request_context import current_context


class TicketThrottle(BaseThrottle):
    """Counts in the database, for all processes together."""

    def __init__(self) -> None:
        self._wait: int | None = None

    def allow_request(self, request: Any, view: Any) -> bool:
        """Counts the request, and says whether it is within the rate."""
        viewer = request.auth or ANONYMOUS
        if viewer.name is None:
            key, rate = f"tickets of {current_context().address}", settings.THROTTLE_TICKETS_ADDRESS
        else:
            key, rate = f"tickets of {viewer.holder.hex()}", settings.THROTTLE_TICKETS_USER
        self._wait = None if rate is None else rate_limits.count(key, rate)
        return self._wait is None

    def wait(self) -> float | None:
        """Seconds until the next request may come."""
        return self._wait
