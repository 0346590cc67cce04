"""`manage.py serve`: run the site on Granian, in one or more worker processes."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from htsgetsite.server import CannotServe, serve


class Command(BaseCommand):
    """Check that the database is ready, and serve until SIGTERM or SIGINT."""

    help = "Serve the site over HTTP until told to stop."
    #: For other commands; not an option of the command line.
    stealth_options = ("when_ready",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options; the default of `--port` is a setting."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="default: PORT, or 8000")
        parser.add_argument("--workers", type=int, default=1, help="number of worker processes (default: 1)")

    def handle(
        self,
        *,
        host: str,
        port: int,
        workers: int,
        when_ready: Callable[[str], None] | None = None,
        **_: Any,
    ) -> None:
        """Serve; call `when_ready` once with the URL when the server answers requests."""
        if not 1 <= port <= 65535:
            raise CommandError("--port: expected a number from 1 to 65535")
        if workers < 1:
            raise CommandError("--workers: expected at least 1")
        try:
            serve(host=host, port=port, workers=workers, when_ready=when_ready or self._announce)
        except CannotServe as problem:
            raise CommandError(str(problem)) from problem

    def _announce(self, address: str) -> None:
        self.stdout.write(f"Serving on {address}")
        self.stdout.flush()
