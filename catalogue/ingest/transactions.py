"""Transactions and advisory locks of ingests that run at the same time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

_MAX_ATTEMPTS = 5

T = TypeVar("T")


@contextmanager
def write_transaction(*, dry_run: bool) -> Iterator[None]:
    """Run the body in a transaction, which a dry run rolls back, so that it fails where the real run would."""
    with transaction.atomic():
        yield
        if dry_run:
            # Also check deferred constraints.
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)


def retry_on_deadlock(transact: Callable[[], T]) -> T:
    """Return the result of `transact`; repeat it if the database ended its transaction to break a deadlock."""
    for _ in range(_MAX_ATTEMPTS - 1):
        try:
            return transact()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
                raise
    return transact()


def advisory_lock(*names: str) -> None:
    """Take the advisory locks of these names, and hold them until the transaction ends. Call it in a transaction."""
    with connection.cursor() as cursor:
        # Always in the same order, so that transactions cannot deadlock.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name",
            [sorted(names)],
        )
