import pytest
from django.db import connection


@pytest.mark.django_db
def test_connects() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select version()")
        assert "PostgreSQL 18" in cursor.fetchone()[0]
