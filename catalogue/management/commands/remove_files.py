"""`manage.py remove_files`: removes files from the catalogue."""

from typing import Any

from django.core.management.base import CommandParser

from catalogue.ingest.files.changes import Change
from catalogue.ingest.files.remove import RemoveFiles
from catalogue.management.change_command import ChangeCommand
from catalogue.management.selection import selected_files


class Command(ChangeCommand):
    help = (
        "Remove files from the catalogue. Copies and indexes that the site made are deleted with the last file that"
        " needs them; files that are served where they lie stay there."
    )
    done = "removed"
    job_options = ("retire",)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--retire", action="store_true", help="let no other file have the ids until they are released"
        )

    def change(self, options: dict[str, Any]) -> Change:
        return RemoveFiles(selected_files(options, required=True), retire=options["retire"])
