"""Django's PostgreSQL backend, which notices a lost connection by its socket and not by asking the server.

Django asks at every request that uses the database, which costs as much as many a look-up.
"""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base


def is_open(connection: "psycopg.Connection[Any]") -> bool:
    """Return whether the server has not ended a connection, as far as this machine was told."""
    if connection.closed:
        return False
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    try:
        # Unasked, a server sends notices, or that it ends the connection.
        while socket.poll(0):
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return False
    return not connection.broken


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend; a pool needs CONN_HEALTH_CHECKS off, by which it would ask the server after all."""

    def is_usable(self) -> bool:
        """Return whether the connection can be used."""
        return self.connection is not None and is_open(self.connection)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, or take a connection from the pool that is open. Raises OperationalError."""
        connection = super().get_new_connection(conn_params)
        while (pool := self.pool) is not None and not is_open(connection):
            connection.close()
            # The pool replaces what comes back closed.
            pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


__all__ = ["DatabaseWrapper", "is_open"]
