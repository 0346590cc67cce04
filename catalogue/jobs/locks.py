"""The lock of a part: whoever works on a part holds it, in the session of the database connection.

A lock ends with its connection, so that the part of a killed worker, or of one that lost the database, is free at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

from catalogue.models import RunPart

# The first of the two numbers of the advisory lock; the second is the part's.
_LOCK_CLASS: Final = 0x70617274
_MAX_LOCKS: Final = 500
_REMOVE_FREE: Final = """
    DELETE FROM catalogue_runpart
    WHERE id = ANY(%s) AND pg_try_advisory_xact_lock(%s, (id %% 2147483648)::integer)"""


class LockLost(BaseException):
    """The session that held the lock of the part has ended, and another worker may be at it.

    Derived as KeyboardInterrupt is, so that nobody takes it for the error of an input.
    """


class Session:
    """The session of this thread's database connection, which Django replaces by a new one after errors."""

    def __init__(self) -> None:
        self._session = connection.connection

    @property
    def goes_on(self) -> bool:
        """Whether statements still go to this session."""
        return connection.connection is self._session

    def verify(self) -> None:
        """Raise LockLost unless statements still go to this session."""
        if not self.goes_on:
            raise LockLost


@contextmanager
def part_lock(pk: int) -> Iterator[Session | None]:
    """Hold the lock of a part for the block; give the session that holds it, None if another connection has it."""
    held = _query("SELECT pg_try_advisory_lock(%s, %s)", pk)
    session = Session()
    try:
        yield session if held else None
    finally:
        # With its session the lock is gone already.
        if held and session.goes_on and not connection.needs_rollback and connection.is_usable():
            _query("SELECT pg_advisory_unlock(%s, %s)", pk)


def remove_free_parts(run: int) -> None:
    """Remove the parts of a run that no worker works on."""
    parts = list(RunPart.objects.filter(run=run).values_list("pk", flat=True))
    for begin in range(0, len(parts), _MAX_LOCKS):
        # The server has room for a limited number of locks at a time.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_REMOVE_FREE, [parts[begin : begin + _MAX_LOCKS], _LOCK_CLASS])


def _query(sql: str, pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [_LOCK_CLASS, pk % 2**31])
        (answer,) = cursor.fetchone()
        return answer is True
