"""The options by which commands select registered files."""

from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from catalogue.errors import CatalogueError
from catalogue.formats.headers import FileFormat
from catalogue.formats.spec import FileKind
from catalogue.models import DataFile
from catalogue.queries.file_search import FileFilter, current_id, matching_files
from catalogue.queries.text import storable

_FILTERS: Final = ("datasets", "kinds", "formats", "states", "storages", "samples", "references")


def add_filters(parser: CommandParser) -> None:
    """Add the options; several values of one are alternatives, several options have to match together."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="an id, or a pattern with * and ?")

    def add(
        option: str, field: str, metavar: str | None, text: str, choices: Sequence[str] | None = None
    ) -> None:
        parser.add_argument(
            option, dest=field, action="append", default=[], metavar=metavar, help=text, choices=choices
        )

    add("--dataset", "datasets", "SLUG", "in this dataset")
    add("--kind", "kinds", None, "reads or variants", [kind.value for kind in FileKind])
    add("--format", "formats", None, "stored in this format", [form.value for form in FileFormat])
    add("--state", "states", None, "in this state", DataFile.State.values)
    add("--storage", "storages", "NAME", "in this storage")
    add("--sample", "samples", "NAME", "with this sample")
    add("--reference", "references", "NAME", "made with this collection, or on this sequence")
    parser.add_argument(
        "--search", default="", metavar="TEXT", help="with this part of an id, path, sample or checksum"
    )


def chosen_filter(options: dict[str, Any]) -> dict[str, Any]:
    """Return the filters that are given, as fields of `FileFilter`."""
    given = {name: options[name] for name in ("ids", *_FILTERS) if options[name]}
    return {**given, **({"text": options["search"]} if options["search"] else {})}


def selected_files(options: dict[str, Any], *, required: bool = False) -> QuerySet[DataFile]:
    """Return the files that the options select: all, without options, unless `required`.

    Raises CommandError for a filter that cannot be read, and for an id (no pattern) of no selected file.
    """
    filters = {name: options[name] for name in ("ids", *_FILTERS)}
    if required and not (options["search"] or any(filters.values()) or options.get("all")):
        raise CommandError("Say which files: by ids or by filters, or --all for all of them.")
    try:
        files = matching_files(FileFilter(text=options["search"], **filters), within=DataFile.objects.all())
    except CatalogueError as error:
        raise CommandError(str(error)) from error
    for htsget_id in options["ids"]:
        if not {"*", "?"} & set(htsget_id) and not files.filter(htsget_id=htsget_id).exists():
            raise CommandError(_unknown(htsget_id))
    return files


def _unknown(htsget_id: str) -> str:
    kinds = [kind.value for kind in FileKind] if storable(htsget_id) else []
    former = [f"{kind}/{target}" for kind in kinds if (target := current_id(kind, htsget_id))]
    hint = f"; it is a former id of {' and '.join(former)}" if former else ""
    return f"No file has the id {htsget_id!r} and matches the filters{hint}."
