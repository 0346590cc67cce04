"""Queries that are compiled once give what their querysets give."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from catalogue.models import Sequence
from catalogue.queries.compiled import CompiledQuery
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db


def of_md5_and_length(md5: bytes, length: int) -> QuerySet[Any, Any]:
    return Sequence.objects.filter(md5=md5, length__lte=length, molecule="").values_list(
        "pk", "md5", "circular"
    )


def test_rows_are_those_of_the_queryset() -> None:
    query = CompiledQuery(of_md5_and_length, md5=b"stand-in", length=-1)
    for residues in (b"ACGT", b"ACGTACGT", b"100%s"):
        row = make_sequence(residues)
        for length in (4, 8):
            expected = list(of_md5_and_length(bytes(row.md5), length))
            assert query.rows(md5=bytes(row.md5), length=length) == expected


def test_it_is_one_statement_and_compiled_once() -> None:
    made: list[int] = []

    def make(length: int) -> QuerySet[Any, Any]:
        made.append(length)
        return Sequence.objects.filter(length=length).values_list("pk")

    query = CompiledQuery(make, length=-1)
    with CaptureQueriesContext(connection) as asked:
        assert query.rows(length=1) == query.rows(length=2) == []
    assert made == [-1] and len(asked) == 2


def test_a_stand_in_that_the_query_does_not_use_is_refused() -> None:
    with pytest.raises(AssertionError):
        CompiledQuery(lambda length: Sequence.objects.values_list("pk"), length=-1).rows(length=1)
