"""`manage.py restore`: bring a site back from a backup, into an empty database and storages of the same names."""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from catalogue.errors import CatalogueError
from catalogue.ingest.backups import put_objects_back, register_states
from catalogue.management.progress import ProgressLine
from catalogue.management.reporting import ReportingCommand, counted
from htsgetsite.database_dump import DumpFailed, restore_database
from htsgetsite.health import unapplied_migrations
from htsgetsite.management.commands.backup import DUMP, KEY, STATEMENT


class Command(ReportingCommand):
    """Restore: first the objects, so that no row is there without its bytes, then the database, then the key."""

    help = "Bring the site back from a backup, into an empty database."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--objects-only",
            action="store_true",
            help="put back objects that are missing or damaged, for a database that is restored already",
        )

    def handle(self, *, folder: Path, objects_only: bool, **options: Any) -> None:
        """Restore. Raises CommandError where anything is missing."""
        try:
            statement = json.loads((folder / STATEMENT).read_text(encoding="utf-8"))
            (folder / DUMP).stat()
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{folder} has no complete backup: {STATEMENT} or {DUMP} is missing."
            ) from error
        try:
            with ProgressLine(unit="objects", size=1) as line:
                line.start("objects", statement["objects"])
                copies = put_objects_back(folder, observer=line.advance)
            if not objects_only:
                restore_database(folder / DUMP)
            register_states(folder)
            _restore_key(folder)
        except (DumpFailed, CatalogueError, OSError) as error:
            raise CommandError(f"Not restored: {error}") from error
        for problem in copies.problems:
            self.stderr.write(self.style.ERROR(problem))
        summary = (
            f"Restored {'' if objects_only else 'the database and '}{counted(copies.objects, 'object')} "
            f"of {copies.bytes:,} bytes ({copies.copied:,} put back now)"
        )
        if copies.problems:
            summary += f"; {counted(len(copies.problems), 'object')} could not be put back"
        if missing := unapplied_migrations():
            summary += (
                f". The backup is of an earlier version ({len(missing)} migrations are missing): run migrate"
            )
        document = {
            **statement,
            "put_back": copies.copied,
            "problems": copies.problems,
            "migrations": missing,
        }
        self.report(summary, document, failed=bool(copies.problems), as_json=options["json"])


def _restore_key(folder: Path) -> None:
    """Put the secret key of the backup into the home, unless the environment has the key."""
    kept = Path(settings.HTSGETSITE_HOME) / KEY
    if (folder / KEY).exists() and kept.exists() and "SECRET_KEY" not in os.environ:
        draft = kept.with_name(f"{KEY}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write((folder / KEY).read_text(encoding="ascii"))
        draft.replace(kept)
