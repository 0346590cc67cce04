"""Rate limits, counted in the database, so that all processes and machines share the counts."""

import ipaddress
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from catalogue.errors import CatalogueError
from catalogue.request_context import current_context


class TooMany(CatalogueError):
    """A rate limit is exceeded; `wait` is the number of seconds until the next request is allowed."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many requests; please wait {wait} seconds")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `max_events` in any span of `seconds`; spans begin at whole multiples since 1970."""

    max_events: int
    seconds: int


#: Adds to a count and returns it, given key, span and weight. Concurrent additions are all counted.
COUNT = """
INSERT INTO catalogue_usage AS u (key, span, count) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE
   SET count = EXCLUDED.count + CASE WHEN u.span = EXCLUDED.span THEN u.count ELSE 0 END, span = EXCLUDED.span
RETURNING count
"""


class Charge:
    """An addition to a count, made once: by `make`, or by a statement that does more than count.

    A request that begins within the rate is allowed whatever its weight; the weight counts against later ones.
    """

    def __init__(self, key: str, rate: Rate, *, weight: int = 1) -> None:
        self._key = counter(key, rate.seconds)
        self._rate = rate
        self._span, into = divmod(time.time(), rate.seconds)
        self._wait = max(1, int(rate.seconds - into))
        self.weight = weight
        self.is_made = False

    def parameters(self) -> tuple[str, int, int]:
        """Return the parameters of `COUNT`, for a statement that is executed next: the charge then counts as made."""
        self.is_made = True
        return self._key, int(self._span), self.weight

    def wait(self, used: int) -> int | None:
        """Return None if the count that `COUNT` returned is within the rate, else the seconds until the next span."""
        return None if used - self.weight < self._rate.max_events else self._wait

    def make(self) -> int | None:
        """Count now, and return the same as `wait`."""
        with connection.cursor() as cursor:
            cursor.execute(COUNT, self.parameters())
            (used,) = cursor.fetchone() or (0,)
        return self.wait(used)


def count(key: str, rate: Rate, *, weight: int = 1) -> int | None:
    """Add `weight` to the count of `key`. Return None within the rate, else the seconds until the next span begins."""
    return Charge(key, rate, weight=weight).make()


def ticket_charge(holder: bytes) -> Charge | None:
    """Return the charge of a ticket by `Viewer.holder`, or by address for an anonymous viewer; None without a rate."""
    rates = settings.THROTTLE_TICKETS_USER, settings.THROTTLE_TICKETS_ADDRESS
    return _charge("tickets", holder, *rates)


def count_queries(holder: bytes, *, weight: int = 1) -> int | None:
    """Count GraphQL queries, by whom tickets are counted. Return the same as `count`."""
    rates = settings.THROTTLE_GRAPHQL_USER, settings.THROTTLE_GRAPHQL_ADDRESS
    charge = _charge("queries", holder, *rates, weight=weight)
    return None if charge is None else charge.make()


def _charge(
    what: str, holder: bytes, of_holder: Rate | None, of_address: Rate | None, *, weight: int = 1
) -> Charge | None:
    known = any(holder)
    who, rate = (holder.hex(), of_holder) if known else (network_of(current_context().address), of_address)
    return None if rate is None else Charge(f"{what} of {who}", rate, weight=weight)


def network_of(address: str | None) -> str | None:
    """Return the key of an address for rate limits: an IPv4 address, or the /64 network of an IPv6 one.

    Whoever has one address of a /64 has all of them. An IPv4 address written as an IPv6 one is itself.
    """
    if address is None or ":" not in address:
        return address
    whole = ipaddress.IPv6Address(address.partition("%")[0])
    if whole.ipv4_mapped is not None:
        return str(whole.ipv4_mapped)
    return str(ipaddress.IPv6Network((whole, 64), strict=False))


def count_failure(address: str | None, rate: Rate | None) -> None:
    """Counts one more failure to show who one is from an address. Raises TooMany beyond the rate; None is no limit."""
    if rate is not None and (wait := count(f"failures {network_of(address)}", rate)) is not None:
        raise TooMany(wait)


def forget_past() -> None:
    """Removes counts of long ago, which mean nothing any more."""
    with connection.cursor() as cursor:
        # A key ends with the length of its spans in seconds.
        cursor.execute(
            "DELETE FROM catalogue_usage WHERE (span + 2) * substring(key FROM '[0-9]+$')::bigint < %s",
            (int(time.time()),),
        )


def counter(key: str, seconds: int) -> str:
    """Return the key of a count in spans of `seconds`."""
    return f"{key}/{seconds}"
