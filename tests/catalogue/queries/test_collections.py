"""The arrays of collections, which are read by COPY."""

import pytest
from django.db import DataError, transaction
from psycopg.sql import SQL

from catalogue.queries import collections

pytestmark = pytest.mark.django_db


def test_an_error_among_the_rows_of_a_copy_is_an_error_of_django(monkeypatch: pytest.MonkeyPatch) -> None:
    # It comes after the first rows, as that of a database that goes away.
    failing = SQL(
        "COPY (SELECT 1 / (900 - number) FROM generate_series(1, 1000) AS number) TO STDOUT (FORMAT BINARY)"
    )
    monkeypatch.setattr(collections, "_ARRAYS", failing)
    with pytest.raises(DataError), transaction.atomic():
        collections._rows_of_arrays(1, ("names",), 0)
