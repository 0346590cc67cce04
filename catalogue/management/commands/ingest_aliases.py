"""`manage.py ingest_aliases`: registers aliases of sequences from tables."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalogue.formats.alias_tables import TableFormat
from catalogue.formats.fasta_names import is_authority_name
from catalogue.ingest.aliases import COMMAND, TABLE_SUFFIXES, AliasOptions, ingest_aliases
from catalogue.ingest.outcomes import IngestResult, Observer, Outcome
from catalogue.ingest.sources import find_sources
from catalogue.management.ingest_command import IngestCommand
from catalogue.management.reporting import counted


class Command(IngestCommand):
    help = "Register names for sequences: TSV (sequence, authority, alias), NCBI's assembly report, UCSC's chromAlias."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--format",
            choices=[form.value for form in TableFormat],
            help="the format of the tables (default: recognised by their first lines)",
        )
        parser.add_argument(
            "--assembly", metavar="NAME", help="the authority of the names that the assembly gives itself"
        )
        parser.add_argument(
            "--create-authorities", action="store_true", help="make naming authorities that do not exist"
        )
        parser.add_argument(
            "--allow-unmatched", action="store_true", help="rows that match no sequence are no failure"
        )

    def job(self, files: list[str], options: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return COMMAND, {**_wanted(options).recorded(), "files": files}

    def ingest(self, files: list[str], options: dict[str, Any], observer: Observer) -> IngestResult:
        sources = find_sources(files, suffixes=TABLE_SUFFIXES)
        return ingest_aliases(sources, options=_wanted(options), observer=observer)

    def describe(self, result: IngestResult, options: dict[str, Any]) -> list[str]:
        failed = result.outcomes[Outcome.FAILED]
        said = [
            counted(len(result.inputs), "table") + (f" ({failed:,} failed)" if failed else ""),
            counted(result.count("rows"), "row"),
            counted(result.count("unmatched"), "matches nothing", "match nothing"),
        ]
        if ambiguous := result.count("ambiguous"):
            said.append(counted(ambiguous, "matches several sequences", "match several sequences"))
        if contradicting := result.count("contradicting"):
            said.append(counted(contradicting, "contradicts what is known", "contradict what is known"))
        return [*said, counted(result.count("aliases"), "name added", "names added")]


def _wanted(options: Mapping[str, Any]) -> AliasOptions:
    assembly = options["assembly"]
    if assembly is not None and not is_authority_name(assembly):
        raise CommandError(f"--assembly: {assembly!r} is not a word of letters, digits, '.', '_' and '-'")
    return AliasOptions(
        format=options["format"] and TableFormat(options["format"]),
        assembly=assembly,
        create_authorities=options["create_authorities"],
        allow_unmatched=options["allow_unmatched"],
        dry_run=options["dry_run"],
    )
