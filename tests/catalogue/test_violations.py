"""Errors of the database are told in words: no name of a constraint, no row that violates it."""

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from catalogue.models import Alias, Dataset, Genome, NamingAuthority, SequenceCollection
from catalogue.models.violations import explain, reason_of, told

pytestmark = pytest.mark.django_db

_STATES = {"u": "23505", "p": "23505", "f": "23503", "c": "23514", "n": "23502", "t": "23514", "x": "23P01"}


def constraints() -> list[tuple[str, str, str]]:
    """The tables of the site with their constraints and unique indexes: table, name, and the error of a violation."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conrelid::regclass::text, conname, contype FROM pg_constraint
             WHERE conrelid::regclass::text ~ '^(catalogue|auth)_'
            UNION SELECT indrelid::regclass::text, indexrelid::regclass::text, 'u' FROM pg_index
             WHERE indisunique AND indrelid::regclass::text ~ '^(catalogue|auth)_'"""
        )
        return [(table, name, _STATES[kind]) for table, name, kind in cursor.fetchall()]


def violated(table: str, constraint: str, state: str) -> DatabaseError:
    """The error that the database raises for a constraint."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f'DO $$ BEGIN RAISE EXCEPTION \'new row for "{table}" violates constraint "{constraint}"\' USING'
            f" ERRCODE = '{state}', TABLE = '{table}', CONSTRAINT = '{constraint}',"
            " DETAIL = 'Key (no such column, other)=(hidden, value) is there.'; END $$"
        )
    return caught.value


def test_no_constraint_of_any_table_is_quoted() -> None:
    found = constraints()
    assert len(found) > 150
    for table, name, state in found:
        error = violated(table, name, state)
        for said in (explain(error), told(error), reason_of(error)):
            assert said.endswith(".") and said[0].isupper(), (name, said)
            assert not any(word in said for word in (name, table, "onstraint", "violat", "hidden")), (
                name,
                said,
            )


def test_what_is_unique_is_named_by_its_fields() -> None:
    Dataset.objects.create(slug="trio")
    SequenceCollection.objects.create(name="GRCh38")
    User.objects.create_user("ada")
    for write, said in (
        (lambda: Dataset.objects.create(slug="trio"), "There is a dataset with this slug already."),
        (
            lambda: SequenceCollection.objects.create(name="GRCh38"),
            "There is a sequence collection with this name already.",
        ),
        (lambda: User.objects.create_user("ada"), "There is a user with this username already."),
        (lambda: Genome.objects.create(genome_id="x", genes=1, transcripts=1), "A value is missing."),
        (lambda: Dataset.objects.create(slug="x" * 101), "A text is too long."),
        (
            lambda: Alias.objects.bulk_create(
                [Alias(authority=NamingAuthority(pk=0), name="x", sequence_id=0)]
            ),
            "Something else still needs this, or what this needs is gone.",
        ),
    ):
        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            write()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert explain(caught.value) == said


def test_other_errors_keep_their_words() -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DO $$ BEGIN RAISE EXCEPTION 'out of paper' USING ERRCODE = '53000', DETAIL = 'x'; END $$"
        )
    assert explain(caught.value) == told(caught.value) == "out of paper"
    assert told(ValueError("as it is")) == "as it is"
    assert reason_of(ValueError("as it is")) == "ValueError: as it is"
