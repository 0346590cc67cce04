"""`manage.py remove_orphans`: removes objects that the site made and that no row refers to."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.errors import CatalogueError
from catalogue.ingest.orphans import OWN_STORAGES, remove_orphans
from catalogue.jobs.maintenance import REMOVE_ORPHANS
from catalogue.management.background import background_option, queue_job
from catalogue.management.progress import ProgressLine
from catalogue.management.reporting import ReportingCommand, counted


class Command(ReportingCommand):
    help = (
        "Remove copies, indexes, residues and uploads that nothing refers to, as killed ingests leave them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--storage",
            action="append",
            default=[],
            metavar="NAME",
            help="another storage that --copy wrote into; none that a site with another database writes into",
        )
        parser.add_argument(
            "--older-than",
            type=float,
            default=24.0,
            metavar="HOURS",
            help="since it was written (default: 24)",
        )
        parser.add_argument("--dry-run", action="store_true", help="print what would be removed")
        background_option(parser)

    def handle(self, *, storage: list[str], older_than: float, dry_run: bool, **options: Any) -> None:
        if not 0 <= older_than < 1e6:
            raise CommandError("--older-than: expected a number of hours, 0 or more")
        if options["background"]:
            arguments = {"older_than": older_than, "storages": storage}
            queue_job(self, REMOVE_ORPHANS, arguments, {**options, "dry_run": dry_run})
            return
        names = list(dict.fromkeys((*OWN_STORAGES, *storage)))
        with ProgressLine(unit="objects", size=1) as line:
            line.start("objects", None)
            try:
                found = remove_orphans(
                    storages=names, older_than=older_than * 3600, dry_run=dry_run, observer=line.advance
                )
            except CatalogueError as error:
                raise CommandError(str(error)) from error
        if dry_run or options["verbosity"] > 1:
            for ref in found.objects:
                self.stderr.write(str(ref))
        summary = (
            f"{counted(len(found.objects), 'object')} of {found.bytes:,} bytes, "
            f"{counted(found.uploads, 'unfinished upload')} and {counted(found.folders, 'staging folder')} "
        ) + ("would be removed" if dry_run else "removed")
        document = {
            "dry_run": dry_run,
            "objects": [str(ref) for ref in found.objects],
            "bytes": found.bytes,
            "uploads": found.uploads,
            "folders": found.folders,
        }
        self.report(summary, document, failed=False, as_json=options["json"])
