"""Bounds what one request reads: rows, and time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from psycopg.errors import QueryCanceled

from catalogue.errors import CatalogueError

Row = TypeVar("Row")


class TooManyRows(CatalogueError):
    """A look-up found more rows than its caller allows; `max_rows` is what it allows."""

    def __init__(self, max_rows: int) -> None:
        super().__init__(f"there are more than {max_rows:,} rows")
        self.max_rows = max_rows


class TimeExceeded(CatalogueError):
    """A statement took longer than `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"a look-up took longer than {seconds} seconds")
        self.seconds = seconds


def bounded(rows: QuerySet[Any, Row], max_rows: int) -> list[Row]:
    """Return all rows. Raises TooManyRows."""
    found = list(rows[: max_rows + 1])
    if len(found) > max_rows:
        raise TooManyRows(max_rows)
    return found


@contextmanager
def snapshot(*, seconds: int) -> Iterator[None]:
    """Answer all queries of the block from one state of the database: a new release never mixes with an old one.

    Raises TimeExceeded when a statement takes longer than `seconds`. Nothing can be written in the block. Inside an
    outer transaction only the time limit applies.
    """
    is_outermost = not connection.in_atomic_block
    isolation = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; " if is_outermost else ""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"{isolation}SET LOCAL statement_timeout = {seconds * 1000}")
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TimeExceeded(seconds) from error
        raise
