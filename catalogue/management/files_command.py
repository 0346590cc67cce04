"""The base of `ingest_bam` and `ingest_vcf`."""

import argparse
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.core.management.base import CommandParser

from catalogue.formats.spec import FileKind
from catalogue.ingest.files.dataset import WantedDataset
from catalogue.ingest.files.ingest import ingest_files
from catalogue.ingest.files.options import COMMANDS, FilesOptions
from catalogue.ingest.outcomes import IngestResult, Observer
from catalogue.management.ingest_command import IngestCommand, outcomes_in_words

# Upper bound of the contigs without a known sequence that the last line names.
_MAX_UNLINKED: Final = 5
_DESCRIBING = ("title", "description", "licence", "contact")


class IngestFilesCommand(IngestCommand):
    """Registers files of one kind."""

    input_help = "a path, a folder, a glob, STORAGE:key or STORAGE:prefix/"
    unit = ("files", 1)
    kind: ClassVar[FileKind]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
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
            "--copy",
            action="store_true",
            help="copy the files into a storage (`files` unless --storage is given)",
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
        jobs_option(parser)

    def ingest(self, files: list[str], options: dict[str, Any], observer: Observer) -> IngestResult:
        return ingest_files(files, options=self._wanted(options), observer=observer)

    def job(self, files: list[str], options: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        wanted = self._wanted(options)
        return COMMANDS[self.kind], {**wanted.recorded(), "files": files}

    def _wanted(self, options: dict[str, Any]) -> FilesOptions:
        return FilesOptions(
            kind=self.kind,
            dataset=WantedDataset(
                slug=options["dataset"],
                public=options["public"],
                **{name: options[name] for name in (*_DESCRIBING, "collection")},
            ),
            storage=options["storage"],
            copy=options["copy"],
            htsget_id=options["id"],
            id_prefix=options["id_prefix"],
            build_index=not options["no_build_index"],
            fetch_for_index=options["build_index"],
            replace=options["replace"],
            processes=options["jobs"],
            dry_run=options["dry_run"],
        )

    def describe(self, result: IngestResult, options: dict[str, Any]) -> list[str]:
        said = [f"{outcomes_in_words(result)} in dataset {options['dataset']}"]
        if contigs := result.count("contigs"):
            text = f"{result.count('linked'):,} of {contigs:,} contigs linked to known sequences"
            if result.unlinked:
                more = ", …" if len(result.unlinked) > _MAX_UNLINKED else ""
                text += f" (not {', '.join(result.unlinked[:_MAX_UNLINKED])}{more})"
            said.append(text)
        return said


def jobs_option(parser: CommandParser) -> None:
    """Add the option of how many files are read at a time."""
    parser.add_argument(
        "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="files read at a time"
    )


def _jobs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError("expected a number from 1 to 256")
    return int(text)
