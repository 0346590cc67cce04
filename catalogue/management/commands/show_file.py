"""`manage.py show_file`: shows all that the catalogue has about the files of an id."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.formats.spec import FileKind
from catalogue.management.reporting import ReportingCommand, site_url
from catalogue.queries.registered_files import RegisteredFile, registered_files


class Command(ReportingCommand):
    help = "Show the files of an id, or of a former id: what they are, where they lie, and what they lack."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID")
        parser.add_argument("--kind", choices=[kind.value for kind in FileKind], help="only these")
        super().add_arguments(parser)

    def handle(self, *, id: str, kind: str | None, **options: Any) -> None:
        """Print every format and kind of the id. Raises CommandError for an unknown id."""
        kinds = [FileKind(kind)] if kind else list(FileKind)
        found = [details for each in kinds for details in registered_files(kind=each, htsget_id=id)]
        if not found:
            raise CommandError(f"No file has the id {id!r}.")
        if not options["json"]:
            for details in found:
                self.stdout.write(_text(details))
        documents = [_document(details) for details in found]
        self.report(f"{len(found)} shown", {"files": documents}, failed=False, as_json=options["json"])


def _document(details: RegisteredFile) -> dict[str, Any]:
    found = details._asdict()
    return {"id": found.pop("htsget_id"), **found, "url": site_url(f"{details.kind}/{details.htsget_id}")}


def _text(details: RegisteredFile) -> str:
    lines = [f"{details.kind}/{details.htsget_id} ({details.format})"]
    for name, value in _document(details).items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if shown not in ("", None):
            lines.append(f"  {name.replace('_', ' '):22} {shown}")
    return "\n".join(lines)
