"""`manage.py move_files`: moves files to another dataset."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.ingest.files.changes import Change
from catalogue.ingest.files.move import MoveFiles
from catalogue.management.change_command import ChangeCommand
from catalogue.management.selection import selected_files
from catalogue.models import Dataset


class Command(ChangeCommand):
    help = "Move files to another dataset. Ids and stored bytes stay; who may fetch them changes with the dataset."
    done = "moved"
    job_options = ("to", "publish")

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--to", required=True, metavar="SLUG", help="an existing dataset")
        parser.add_argument(
            "--publish",
            action="store_true",
            help="also into a dataset that is more open than the present one",
        )

    def change(self, options: dict[str, Any]) -> Change:
        to = Dataset.objects.filter(slug=options["to"]).first() if "\0" not in options["to"] else None
        if to is None:
            raise CommandError(f"There is no dataset {options['to']!r}.")
        return MoveFiles(selected_files(options, required=True), to=to, publish=options["publish"])
