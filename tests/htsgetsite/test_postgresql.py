"""Lost connections are noticed without a statement, with a pool and without."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from htsgetsite.postgresql.base import DatabaseWrapper, is_open
from tests.live import PATIENCE

pytestmark = pytest.mark.django_db


@pytest.fixture
def terminate() -> Iterator[Any]:
    """Ends a connection from the side of the server, and waits until this side was told."""

    def end(lost: "psycopg.Connection[Any]") -> None:
        process = lost.info.backend_pid
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [process])
        deadline = time.monotonic() + PATIENCE
        while is_open(lost):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    yield end


def wrapper(**changes: Any) -> DatabaseWrapper:
    """Another wrapper for the database of the tests."""
    settings = {**connection.settings_dict, "OPTIONS": dict(connection.settings_dict["OPTIONS"])}
    settings["OPTIONS"] |= changes.pop("OPTIONS", {})
    made = type(connections["default"])({**settings, **changes}, alias="other")
    assert isinstance(made, DatabaseWrapper)
    return made


def test_an_open_connection_is_not_asked() -> None:
    connection.ensure_connection()
    with CaptureQueriesContext(connection) as asked:
        assert connection.is_usable()
    assert not asked.captured_queries


def test_a_notice_does_not_close_a_connection() -> None:
    listener, sender = wrapper(), wrapper()
    try:
        with listener.cursor() as cursor:
            cursor.execute("LISTEN news")
        with sender.cursor() as cursor:
            cursor.execute("SELECT pg_notify('news', repeat('x', 4000))")
        assert listener.is_usable()
        with listener.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        listener.close()
        sender.close()


def test_a_connection_that_the_server_ended_is_made_again(terminate: Any) -> None:
    other = wrapper(CONN_HEALTH_CHECKS=True)
    try:
        other.ensure_connection()
        terminate(other.connection)
        assert not other.is_usable()
        other.close_if_unusable_or_obsolete()
        other.close_if_health_check_failed()
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        other.close()


def test_a_pool_hands_out_no_connection_that_the_server_ended(terminate: Any) -> None:
    pooled = {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {"pool": {"min_size": 0, "max_size": 3}},
    }
    other = wrapper(**pooled)
    try:
        # Three connections of three threads go back to the pool, and are ended there.
        lost: list[Any] = []
        together = threading.Barrier(3)

        def use() -> None:
            own = wrapper(**pooled)
            own.ensure_connection()
            lost.append(own.connection)
            together.wait(PATIENCE)
            own.close()

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in lost:
            terminate(each)
        for _ in range(4):
            with other.cursor() as cursor:
                cursor.execute("SELECT 1")
            assert other.connection not in lost
            other.close()
    finally:
        other.close()
        other.close_pool()
