"""`manage.py ingest_manifest FILE…`: registers the files that manifests name."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.ingest.manifests.ingest import COMMAND, ingest_manifests
from catalogue.ingest.manifests.plan import ManifestOptions
from catalogue.ingest.manifests.rows import Manifest, ManifestRefusedError
from catalogue.ingest.outcomes import IngestResult, Observer
from catalogue.ingest.sources import STDIN
from catalogue.management.files_command import jobs_option
from catalogue.management.ingest_command import IngestCommand, outcomes_in_words


class Command(IngestCommand):
    help = (
        "Register the files of manifests (CSV, TSV, JSON lines, lists of paths, locations of htsget-rs), and change "
        "those that are registered already."
    )
    input_help = "a manifest, or - for standard input"
    unit = ("files", 1)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dataset", metavar="SLUG", help="of rows without one; made when it is new")
        parser.add_argument(
            "--id-prefix", default="", metavar="P", help="put before ids that are made from file names"
        )
        parser.add_argument("--storage", metavar="NAME", help="where the files lie or, with --copy, are put")
        parser.add_argument("--copy", action="store_true", help="copy the files into a storage")
        parser.add_argument(
            "--replace", action="store_true", help="take over ids under which other files are registered"
        )
        parser.add_argument(
            "--publish",
            action="store_true",
            help="let files move into a dataset that is more open than theirs",
        )
        parser.add_argument(
            "--no-build-index", action="store_true", help="serve a file without an index as a whole"
        )
        jobs_option(parser)

    def portable(self, file: str) -> str:
        return file

    def job(self, files: list[str], options: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return COMMAND, {**_wanted(options).recorded(), "files": files}

    def attachment(self, files: list[str]) -> Mapping[str, Any] | None:
        # The text goes along, so that workers need not see the manifest, only what it names.
        return {"manifests": [manifest.as_json() for manifest in _read(files)]}

    def ingest(self, files: list[str], options: dict[str, Any], observer: Observer) -> IngestResult:
        return ingest_manifests(_read(files), options=_wanted(options), observer=observer)

    def describe(self, result: IngestResult, options: dict[str, Any]) -> list[str]:
        return [outcomes_in_words(result)]


def _read(files: list[str]) -> list[Manifest]:
    manifests = []
    for file in files:
        try:
            if file == STDIN:
                manifests.append(Manifest("standard input", sys.stdin.read(), os.getcwd()))
            else:
                manifests.append(Manifest.read(Path(file)))
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        except ManifestRefusedError as error:
            raise CommandError(str(error)) from error
    return manifests


def _wanted(options: dict[str, Any]) -> ManifestOptions:
    return ManifestOptions(
        build_index=not options["no_build_index"],
        processes=options["jobs"],
        **{
            name: options[name]
            for name in ("dataset", "id_prefix", "storage", "copy", "replace", "publish", "dry_run")
        },
    )
