"""`manage.py verify_sequences`: whether what is stored is still what was registered."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.errors import CatalogueError
from catalogue.ingest.verify import total_residues, verify_sequences
from catalogue.management.progress import ProgressLine
from catalogue.management.words import many


class Command(BaseCommand):
    """Tells each difference on standard error, and ends with status 1 when there was one."""

    help = "Read stored sequences again and compare their checksums with the catalogue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Everything is verified when neither identifiers nor a sample are given."""
        parser.add_argument("identifiers", nargs="*", metavar="IDENTIFIER", help="a checksum or a name")
        parser.add_argument("--sample", type=int, metavar="N", help="only so many sequences, at random")

    def handle(self, *, identifiers: list[str], sample: int | None, **_: Any) -> None:
        """Raises CommandError for any difference, and for what cannot be looked at."""
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
            f"{many(found.sequences, 'sequence')} with {many(found.residues, 'residue')} read",
            many(len(found.differences), "difference"),
        ]
        if found.unheld:
            said.append(f"{found.unheld:,} known but not held")
        self.stdout.write("; ".join(said))
        if found.differences:
            raise CommandError("what is stored is not what was registered")
