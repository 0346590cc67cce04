"""`manage.py verify_sequences`: compares stored residues with their checksums."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.errors import CatalogueError
from catalogue.ingest.verify import total_residues, verify_sequences
from catalogue.jobs.maintenance import VERIFY_SEQUENCES
from catalogue.management.background import background_option, queue_job
from catalogue.management.progress import ProgressLine
from catalogue.management.reporting import ReportingCommand, counted


class Command(ReportingCommand):
    help = "Read stored sequences again and compare their checksums with the catalogue."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "identifiers", nargs="*", metavar="IDENTIFIER", help="a checksum or a name; all when none"
        )
        background_option(parser)
        parser.add_argument("--sample", type=int, metavar="N", help="only this many sequences, at random")

    def handle(self, *, identifiers: list[str], sample: int | None, **options: Any) -> None:
        """Raise CommandError for any difference, and for what cannot be read."""
        if options["background"]:
            if identifiers or sample:
                raise CommandError(
                    "--background: a job verifies all sequences; leave out identifiers and --sample"
                )
            queue_job(self, VERIFY_SEQUENCES, {}, options)
            return
        if sample is not None and sample < 1:
            raise CommandError("--sample: expected a number of at least 1")
        with ProgressLine() as line:
            line.start("residues", None if identifiers or sample else total_residues())
            try:
                found = verify_sequences(identifiers=identifiers, sample=sample, observer=line.advance)
            except CatalogueError as error:
                raise CommandError(str(error)) from None
        for difference in found.differences:
            self.stderr.write(self.style.ERROR(f"{difference.name}: {difference.problem}"))
        said = [
            f"{counted(found.sequences, 'sequence')} with {counted(found.residues, 'residue')} read",
            counted(len(found.differences), "difference"),
        ]
        if found.unheld:
            said.append(f"{found.unheld:,} known but not held")
        self.report("; ".join(said), asdict(found), failed=bool(found.differences), as_json=options["json"])
