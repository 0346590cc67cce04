"""`manage.py rename_file`: gives the files of an id another one."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.errors import CatalogueError
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.changes import Change
from catalogue.ingest.files.rename import RenameFile, release_id
from catalogue.management.change_command import ChangeCommand
from catalogue.models import DataFile, FormerId


class Command(ChangeCommand):
    help = (
        "Rename an id, in all its formats. The old id redirects to the new one, or is retired; no file can have it"
        " again until --release makes it free."
    )
    done = "renamed"
    takes_filters = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", metavar="ID")
        parser.add_argument("new", nargs="?", metavar="NEW", help="the new id")
        parser.add_argument(
            "--kind", choices=[kind.value for kind in FileKind], help="where both kinds have the id"
        )
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--redirect", action="store_true", help="the old id answers as the new one")
        what.add_argument("--retire", action="store_true", help="the old id is not found any more")
        what.add_argument("--release", action="store_true", help="make a former id free for other files")

    def handle(self, **options: Any) -> None:
        """Rename or release. Raises CommandError."""
        if options["release"]:
            self._release(options)
        elif options["new"] is None:
            raise CommandError("Give the new id after the old one.")
        else:
            super().handle(**options)

    def change(self, options: dict[str, Any]) -> Change:
        kind = _kind_of(options["id"], options["kind"], former=False)
        return RenameFile(
            DataFile.objects.all(), kind, options["id"], options["new"], redirect=options["redirect"]
        )

    def _release(self, options: dict[str, Any]) -> None:
        if options["new"] is not None:
            raise CommandError("--release takes one id: the former one.")
        kind = _kind_of(options["id"], options["kind"], former=True)
        if options["dry_run"]:
            summary = f"Dry run, nothing is done: {kind}/{options['id']} would be free for other files."
        else:
            try:
                summary = release_id(kind, options["id"])
            except CatalogueError as error:
                raise CommandError(str(error)) from error
        document = {"dry_run": options["dry_run"], "released": f"{kind}/{options['id']}"}
        self.report(summary, document, failed=False, as_json=options["json"])


def _kind_of(htsget_id: str, kind: str | None, *, former: bool) -> FileKind:
    """Return the kind of an id. Raises CommandError for an unknown id, and where both kinds have it."""
    if kind is not None:
        return FileKind(kind)
    model = FormerId if former else DataFile
    rows = model.objects.filter(htsget_id=htsget_id) if "\0" not in htsget_id else model.objects.none()
    kinds = sorted(set(rows.values_list("kind", flat=True)))
    if len(kinds) == 1:
        return FileKind(kinds[0])
    if not kinds:
        raise CommandError(
            f"{htsget_id!r} is no former id." if former else f"No file has the id {htsget_id!r}."
        )
    raise CommandError(f"There are reads and variants with the id {htsget_id!r}; say which with --kind.")
