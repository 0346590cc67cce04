"""`manage.py remove_genome`: removes genomes with their genes; sequences and names stay."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from catalogue.errors import CatalogueError
from catalogue.ingest.annotation.removal import remove_genomes
from catalogue.management.reporting import ReportingCommand, counted
from catalogue.models.violations import told


class Command(ReportingCommand):
    help = "Remove genomes with their genes, transcripts and products, all of those given or none."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("genomes", nargs="+", metavar="ID", help="the id of a genome")
        parser.add_argument("--dry-run", action="store_true", help="do everything, and undo it")

    def handle(self, *, genomes: list[str], dry_run: bool, **options: Any) -> None:
        ids = list(dict.fromkeys(genomes))
        try:
            genes = remove_genomes(ids, dry_run=dry_run)
        except (CatalogueError, DatabaseError) as error:
            raise CommandError(told(error)) from error
        verb = "would be removed" if dry_run else "removed"
        summary = f"{counted(len(ids), 'genome')} with {counted(genes, 'gene')} {verb}"
        document = {"dry_run": dry_run, "genomes": ids, "genes": genes}
        self.report(summary, document, failed=False, as_json=options["json"])
