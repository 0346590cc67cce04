"""The face that `ingest_bam` and `ingest_vcf` share: options in, progress and one line of summary out."""

import argparse
import os
import time
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from catalogue.errors import CatalogueError
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.dataset import WantedDataset
from catalogue.ingest.files.discovery import Wanted
from catalogue.ingest.files.ingest import Became, FileOutcome, FilesWanted, Progress, ingest_files
from catalogue.management.progress import ProgressLine


class IngestFilesCommand(BaseCommand):
    """Registers files of one kind. Exits with 1 when any could not be registered; the others stay."""

    kind: ClassVar[FileKind]
    command: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files",
            nargs="+",
            metavar="FILE",
            help="a path, a folder, a glob, STORAGE:key or STORAGE:prefix/",
        )
        parser.add_argument("--dataset", required=True, metavar="SLUG", help="made when it is new")
        parser.add_argument("--public", action="store_true", help="a new dataset is public, not controlled")
        for name in _DESCRIBING:
            parser.add_argument(f"--{name}", metavar="TEXT", help="of the dataset")
        parser.add_argument(
            "--collection",
            metavar="NAME",
            help="the assembly of the dataset: links contigs without an md5 by name and length",
        )
        ids = parser.add_mutually_exclusive_group()
        ids.add_argument("--id", metavar="ID", help="for one file, or one in several formats")
        ids.add_argument("--id-prefix", default="", metavar="P", help="put before every id as it is")
        parser.add_argument("--storage", metavar="NAME", help="where the files lie or, with --copy, are put")
        parser.add_argument(
            "--copy", action="store_true", help="copy the files into a storage (`files` if not told)"
        )
        indexes = parser.add_mutually_exclusive_group()
        indexes.add_argument(
            "--no-build-index",
            action="store_true",
            help="serve a file without an index as a whole, instead of building one",
        )
        indexes.add_argument(
            "--build-index",
            action="store_true",
            help="build missing indexes of objects in buckets as well, which reads them whole",
        )
        parser.add_argument(
            "--replace", action="store_true", help="take over ids under which other files are registered"
        )
        parser.add_argument(
            "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="files read at a time"
        )
        parser.add_argument("--dry-run", action="store_true", help="read and check everything, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        wanted = FilesWanted(
            inputs=Wanted(
                kind=self.kind,
                storage=options["storage"],
                copy=options["copy"],
                htsget_id=options["id"],
                id_prefix=options["id_prefix"],
            ),
            dataset=WantedDataset(
                slug=options["dataset"],
                public=options["public"],
                **{name: options[name] for name in (*_DESCRIBING, "collection")},
            ),
            build_index=not options["no_build_index"],
            fetch_for_index=options["build_index"],
            replace=options["replace"],
            processes=options["jobs"],
            dry_run=options["dry_run"],
        )
        recorded = {name: options[name] for name in _RECORDED if options[name]}
        with ProgressLine(unit="files", size=1) as line:

            def report(outcome: FileOutcome, progress: Progress) -> None:
                self._tell(outcome, line, verbosity=options["verbosity"])
                if progress.done == 1:
                    line.start(wanted.dataset.slug, progress.total)
                line.advance(progress.done)

            try:
                progress = ingest_files(
                    self.command, options["files"], wanted, options=recorded, report=report
                )
            except (CatalogueError, DatabaseError) as error:
                raise CommandError(str(error)) from error
        summary = self._summary(progress, wanted, seconds=time.monotonic() - begun)
        if progress.outcomes[Became.FAILED]:
            raise CommandError(summary)
        self.stdout.write(summary)

    def _tell(self, outcome: FileOutcome, line: ProgressLine, *, verbosity: int) -> None:
        """What failed, and what a steward should know of; every file with -v 2."""
        failed = outcome.became is Became.FAILED
        worth_it = failed or (outcome.message and outcome.became is not Became.PASSED_OVER)
        if worth_it or verbosity > 1:
            line.wipe()
            style = self.style.ERROR if failed else self.style.WARNING
            text = f"{outcome.source}: {outcome.became}" + f": {outcome.message}" * bool(outcome.message)
            self.stderr.write(text, style if worth_it else str)

    def _summary(self, progress: Progress, wanted: FilesWanted, *, seconds: float) -> str:
        told = ", ".join(
            f"{progress.outcomes[became]} {became}"
            for became in Became
            if progress.outcomes[became] or became is Became.ADDED
        )
        rehearsed = " (dry run: nothing was written)" if wanted.dry_run else ""
        return f"{told} in dataset {wanted.dataset.slug}, {seconds:.1f} s{rehearsed}"


_DESCRIBING = ("title", "description", "licence", "contact")
_RECORDED = (
    "dataset",
    "storage",
    "copy",
    "id",
    "id_prefix",
    "collection",
    "public",
    "no_build_index",
    "build_index",
    "replace",
)


def _jobs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("expected a number from 1 to 256")
    return int(text)
