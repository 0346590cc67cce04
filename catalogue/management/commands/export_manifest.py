"""`manage.py export_manifest`: writes registered files as a manifest."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.formats.manifests import ManifestForm, write_manifest
from catalogue.jobs.changes import EXPORT_MANIFEST
from catalogue.management.background import background_option, queue_job
from catalogue.management.reporting import ReportingCommand
from catalogue.models import DataFile, Dataset
from catalogue.queries.manifests import manifest_rows


class Command(ReportingCommand):
    """Prints the manifest; `ingest_manifest` reads it again."""

    help = "Print the registered files as a manifest, which can be edited and ingested again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--dataset",
            action="append",
            default=[],
            metavar="SLUG",
            help="only the files of this dataset; may be given several times",
        )
        parser.add_argument(
            "--format",
            choices=[form.value for form in ManifestForm],
            default=ManifestForm.CSV.value,
            help="default: csv",
        )
        parser.add_argument(
            "--json",
            action="store_const",
            dest="format",
            const=ManifestForm.JSONL.value,
            help="as --format jsonl",
        )
        background_option(parser)

    def handle(self, *, dataset: list[str], format: str, background: bool = False, **_: Any) -> None:
        """Print a row a file."""
        files = DataFile.objects.all()
        if dataset:
            known = set(Dataset.objects.filter(slug__in=dataset).values_list("slug", flat=True))
            if missing := [slug for slug in dataset if slug not in known]:
                raise CommandError(f"there is no dataset {missing[0]!r}")
            files = files.filter(dataset__slug__in=dataset)
        if background:
            wanted = {"format": format, **({"filter": {"datasets": dataset}} if dataset else {})}
            queue_job(self, EXPORT_MANIFEST, wanted, {"json": format == ManifestForm.JSONL})
            return
        for text in write_manifest(manifest_rows(files), ManifestForm(format)):
            self.stdout.write(text, ending="")
