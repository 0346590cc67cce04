"""`manage.py verify_files`: verifies that stored files are as they were registered."""

from typing import Any

from django.core.management.base import CommandParser

from catalogue.ingest.files.changes import Change
from catalogue.ingest.files.verify import VerifyFiles
from catalogue.ingest.outcomes import IngestResult, Outcome
from catalogue.management.change_command import ChangeCommand
from catalogue.management.files_command import jobs_option
from catalogue.management.reporting import counted
from catalogue.management.selection import selected_files


class Command(ChangeCommand):
    help = (
        "Verify files: that each exists with the registered size, ETag, header and end, that its index fits, and what"
        " a conversion lacks. Sets the state of each file. All files without filters."
    )
    done = "ready again"
    job_options = ("deep",)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--deep",
            action="store_true",
            help="read all of each file: every block, the order of records, and whether the index finds each",
        )
        jobs_option(parser)

    def change(self, options: dict[str, Any]) -> Change:
        return VerifyFiles(selected_files(options), deep=options["deep"], processes=options["jobs"])

    def summarise(self, result: IngestResult) -> str:
        counts = result.outcomes
        sound = counts[Outcome.UNCHANGED] + counts[Outcome.CHANGED]
        said = [f"{counted(len(result.inputs), 'file')} verified: {sound:,} sound"]
        said += [f"{counts[Outcome.CHANGED]:,} of them ready again"] if counts[Outcome.CHANGED] else []
        said += [f"{counts[Outcome.FAILED]:,} not"] if counts[Outcome.FAILED] else []
        if records := result.count("records"):
            said.append(f"{records:,} records in {result.count('bytes'):,} bytes read")
        return ", ".join(said)
