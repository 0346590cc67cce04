"""Django's PostgreSQL backend, which starts the embedded server before it connects."""

from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.utils import OperationalError

from htsgetsite.embedded.server import PORT, USER, EmbeddedServer
from htsgetsite.postgresql import base


@cache
def embedded_server() -> EmbeddedServer:
    """Return the embedded server, one object for this process."""
    home: Path = settings.HTSGETSITE_HOME
    return EmbeddedServer(home)


class DatabaseWrapper(base.DatabaseWrapper):
    """Start the server at the first connection, and again after a crash of the server."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return parameters for the server's local socket; does not start the server."""
        params: dict[str, Any] = super().get_connection_params()
        return {**params, "host": str(embedded_server().socket_folder), "port": PORT, "user": USER}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Start the server if needed and connect. Raises OperationalError, also if the server cannot be started."""
        server = embedded_server()
        server.join()
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError:
            if not server.revive():
                raise
            return super().get_new_connection(conn_params)


__all__ = ["DatabaseWrapper", "OperationalError", "embedded_server"]
