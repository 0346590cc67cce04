"""`manage.py backup`: copy the database, the objects of the site's own storages, and its secret key to a folder."""

import json
import os
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from catalogue.errors import CatalogueError
from catalogue.ingest.backups import copy_objects, objects_of_rows
from catalogue.ingest.orphans import OWN_STORAGES
from catalogue.management.progress import ProgressLine
from catalogue.management.reporting import ReportingCommand, counted
from htsgetsite import __version__
from htsgetsite.database_dump import DumpFailed, dump_database, snapshot

#: Written last: a folder without it is no complete backup.
STATEMENT: Final = "backup.json"
DUMP: Final = "database.dump"
KEY: Final = "secret_key"


class Command(ReportingCommand):
    """Back up into a folder; a second backup into the same folder copies new objects only."""

    help = "Copy the database, the objects of the site's own storages and its secret key to a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--storage",
            action="append",
            default=[],
            metavar="NAME",
            help="another storage, whose files are copied too",
        )

    def handle(self, *, folder: Path, storage: list[str], **options: Any) -> None:
        """Back up. Raises CommandError unless everything is in the folder."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / STATEMENT).unlink(missing_ok=True)
            with snapshot() as moment:
                dump_database(folder / DUMP, snapshot=moment)
                refs = objects_of_rows(tuple(dict.fromkeys((*OWN_STORAGES, *storage))))
            with ProgressLine(unit="objects", size=1) as line:
                line.start("objects", len(refs))
                copies = copy_objects(refs, folder, observer=line.advance)
            _copy_key(folder)
        except (DumpFailed, CatalogueError, OSError) as error:
            raise CommandError(f"No backup was made: {error}") from error
        for problem in copies.problems:
            self.stderr.write(self.style.ERROR(problem))
        statement = {
            "version": __version__,
            "made": timezone.now().isoformat(),
            "objects": copies.objects,
            "bytes": copies.bytes,
            "problems": len(copies.problems),
        }
        (folder / STATEMENT).write_text(json.dumps(statement, indent=2) + "\n", encoding="utf-8")
        summary = (
            f"Backed up the database and {counted(copies.objects, 'object')} of {copies.bytes:,} bytes "
            f"({copies.copied:,} copied now)"
        )
        if copies.problems:
            summary += f"; {counted(len(copies.problems), 'object')} could not be copied"
        document = {**statement, "copied": copies.copied, "problems": copies.problems}
        self.report(summary, document, failed=bool(copies.problems), as_json=options["json"])


def _copy_key(folder: Path) -> None:
    """Copy the secret key that the site made for itself; one from the environment is the operator's to keep."""
    kept = Path(settings.HTSGETSITE_HOME) / KEY
    if kept.exists() and kept.read_text(encoding="ascii").strip() == settings.SECRET_KEY:
        descriptor = os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(settings.SECRET_KEY + "\n")
