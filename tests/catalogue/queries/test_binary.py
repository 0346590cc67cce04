"""Rows in PostgreSQL's binary format."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from catalogue.queries.binary import binary_rows

pytestmark = pytest.mark.django_db


def test_values_are_those_of_python(django_assert_num_queries: Any) -> None:
    values = (7, "é", b"\0\xff" * 50_000, datetime(2026, 1, 2, tzinfo=UTC), None)
    with django_assert_num_queries(1):
        rows = binary_rows("SELECT %s::bigint, %s::text, %s::bytea, %s::timestamptz, %s::text", values)
    assert rows == [values]


def test_errors_are_those_of_django() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        binary_rows("SELECT %s::bigint / 0", (1,))
