"""The base of all commands: numbers in sentences, `--json`, the last line, exit codes, and Control-C."""

import json
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from catalogue.checks import STORAGES
from catalogue.ingest.sentences import counted as counted

#: The exit status after Control-C, as in shells.
INTERRUPTED: Final = 130


def site_url(path: str) -> str:
    """Return the URL of a path of the site (without its first slash); only the path if PUBLIC_URL is not set."""
    return f"{settings.PUBLIC_URL}/{quote(path, safe='/:')}"


class ReportingCommand(BaseCommand):
    """A command with `--json`, whose last line says what happened.

    Its exit status is 1 on any failure, and 130 after Control-C.
    """

    # The other checks need all URLs and pages, and loading these takes longer than many a command.
    requires_system_checks: tuple[str, ...] = (STORAGES,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as one JSON document")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:
            raise CommandError(self.interrupted(), returncode=INTERRUPTED) from None

    def interrupted(self) -> str:
        """Return the line that is printed after Control-C."""
        return "Interrupted."

    def report(self, summary: str, document: dict[str, Any], *, failed: bool, as_json: bool) -> None:
        """Print the result. Raises CommandError with the summary when anything failed."""
        if as_json:
            self.stdout.write(json.dumps(document, indent=2, default=str))
        if failed:
            raise CommandError(summary)
        if not as_json:
            self.stdout.write(summary)
