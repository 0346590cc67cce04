"""The option `--background` of commands: queue a job instead of doing it."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from catalogue import jobs
from catalogue.errors import CatalogueError
from catalogue.management.reporting import ReportingCommand, site_url
from catalogue.models.violations import told


def background_option(parser: CommandParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--background",
        action="store_true",
        help="queue it for the workers (`manage.py work`), and print the number of the job",
    )


def queue_job(
    command: ReportingCommand,
    kind: str,
    arguments: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    attachment: Mapping[str, Any] | None = None,
) -> None:
    """Queue a job and print its number and where it can be followed. Raises CommandError."""
    try:
        run = jobs.start(kind, arguments, attachment=attachment, dry_run=options.get("dry_run", False))
    except (CatalogueError, DatabaseError) as error:
        raise CommandError(told(error)) from error
    url = site_url(f"admin/runs/{run.pk}/")
    summary = f"Job {run.pk} is queued; workers (`manage.py work`) do it: {url}"
    document = {"job": run.pk, "outcome": run.outcome, "url": url}
    command.report(summary, document, failed=False, as_json=options["json"])
