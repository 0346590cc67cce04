"""`manage.py list_files`: lists registered files."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.errors import CatalogueError
from catalogue.management.reporting import ReportingCommand, counted, site_url
from catalogue.management.selection import add_filters, selected_files
from catalogue.queries.file_search import MAX_PAGE, FileListing, file_page


class Command(ReportingCommand):
    help = "List registered files in the order of their ids, one a line; all of them without filters."

    def add_arguments(self, parser: CommandParser) -> None:
        add_filters(parser)
        parser.add_argument("--limit", type=int, metavar="N", help="only the first N")
        parser.add_argument(
            "--after", metavar="TEXT", help="what `next` of an earlier list with --limit says"
        )
        super().add_arguments(parser)

    def handle(self, *, limit: int | None, after: str | None, **options: Any) -> None:
        """Print page after page, so that the memory does not depend on the number of files."""
        if limit is not None and limit < 1:
            raise CommandError("--limit: expected a number of at least 1")
        files = selected_files(options)
        count, as_json = 0, options["json"]
        if as_json:
            self.stdout.write('{"files": [')
        while True:
            size = MAX_PAGE if limit is None else min(MAX_PAGE, limit - count)
            try:
                page = file_page(files, after=after, limit=size)
            except CatalogueError as error:
                raise CommandError(str(error)) from error
            for file in page.files:
                line = json.dumps(document(file), default=str) if as_json else _line(file)
                self.stdout.write((",\n" if as_json and count else "") + line, ending="" if as_json else "\n")
                count += 1
            after = page.next
            if after is None or count == limit:
                break
        if as_json:
            self.stdout.write(f'\n], "count": {count}, "next": {json.dumps(after)}}}')
        else:
            more = f"; more with --after {after}" if after else ""
            self.stdout.write(f"{counted(count, 'file')}{more}")


def document(file: FileListing) -> dict[str, Any]:
    """Return a file of a list as JSON."""
    found = {**file._asdict(), "url": site_url(f"{file.kind}/{file.htsget_id}")}
    found["id"] = found.pop("htsget_id")
    found.pop("pk")
    return found


def _line(file: FileListing) -> str:
    samples = ",".join(file.samples) + ("…" if file.sample_count > len(file.samples) else "")
    name = f"{file.kind}/{file.htsget_id}"
    return "\t".join(
        (name, file.format, file.dataset, file.state, str(file.size), file.storage, file.key, samples)
    )
