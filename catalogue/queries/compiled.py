"""Queries that are compiled once a process: Django takes longer to compile a query than PostgreSQL to answer it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet
from psycopg import Binary

#: The value of a parameter.
Value = str | bytes | int


class _Parameter(NamedTuple):
    name: str


class CompiledQuery:
    """A query whose SQL is made once, from a queryset with stand-ins for its parameters.

        by_name = CompiledQuery(lambda name: Alias.objects.filter(name=name).values_list("sequence"), name="stand-in")
        by_name.rows(name="chr1")

    The queryset is one of `values_list`. Each stand-in differs from the others and from every constant in the query.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Any]], **stand_ins: Value) -> None:
        self._make = make
        self._stand_ins = stand_ins

    def rows(self, **values: Value) -> list[tuple[Any, ...]]:
        """Return the rows for the parameters, with columns as psycopg gives them."""
        sql, parameters = self._statement
        with connection.cursor() as cursor:
            cursor.execute(
                sql, [values[each.name] if isinstance(each, _Parameter) else each for each in parameters]
            )
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    @cached_property
    def _statement(self) -> tuple[str, list[Any]]:
        sql, values = self._make(**self._stand_ins).query.sql_with_params()
        names = {value: _Parameter(name) for name, value in self._stand_ins.items()}
        plain = [value.obj if isinstance(value, Binary) else value for value in values]
        parameters = [names.get(value, value) for value in plain]
        assert {each for each in parameters if isinstance(each, _Parameter)} == set(names.values())
        return sql, parameters
