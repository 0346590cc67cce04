"""`manage.py index_files`: reads or builds the index of registered files again."""

from typing import Any

from django.core.management.base import CommandParser

from catalogue.ingest.files.changes import Change
from catalogue.ingest.files.reindex import ReindexFiles
from catalogue.management.change_command import ChangeCommand
from catalogue.management.files_command import jobs_option
from catalogue.management.selection import selected_files


class Command(ChangeCommand):
    help = "Read the index next to each file again, or build one where there is none."
    done = "indexed"
    job_options = ("build",)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--build", action="store_true", help="build an index whatever lies next to the file"
        )
        jobs_option(parser)

    def change(self, options: dict[str, Any]) -> Change:
        files = selected_files(options, required=True)
        return ReindexFiles(files, build=options["build"], processes=options["jobs"])
