"""Transactions beside those of other ingests."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected, SerializationFailure

# Two ingests wait for each other; the database breaks what still becomes a cycle, and trying again helps.
_TRIES = 5

T = TypeVar("T")


def retry_on_deadlock(transact: Callable[[], T]) -> T:
    """What the transaction gives; it is tried again when the database broke a deadlock with it."""
    for _ in range(_TRIES - 1):
        try:
            return transact()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
    return transact()


def advisory_lock(*names: str) -> None:
    """Lets the transaction go on when no other one is alone with any of these names, and keeps others waiting.

    Needs a transaction, whose end ends it.
    """
    with connection.cursor() as cursor:
        # In one order everywhere, so that two never wait for each other.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name",
            [sorted(names)],
        )
