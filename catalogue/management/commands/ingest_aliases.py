"""`manage.py ingest_aliases`: names for sequences that are there already."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.formats.alias_tables import TableFormat
from catalogue.formats.fasta_names import is_authority_name
from catalogue.ingest.aliases import TABLE_SUFFIXES, AliasOptions, TableResult, ingest_aliases
from catalogue.ingest.sources import Source, SourceFault, find_sources
from catalogue.management.words import many

#: So many rows that name no sequence are told one by one, of each table.
_TOLD = 10


class Command(BaseCommand):
    """Each table on its own; a table with a bad row adds nothing, and the command ends with status 1."""

    help = "Register names for sequences: TSV (sequence, authority, alias), NCBI's assembly report, UCSC's chromAlias."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The names are fixed: scripts outside rely on them."""
        parser.add_argument(
            "files", nargs="+", metavar="FILE", help="a file, a folder, a glob, or - for standard input"
        )
        parser.add_argument(
            "--format",
            choices=[form.value for form in TableFormat],
            help="which table the files are (default: seen from their first lines)",
        )
        parser.add_argument(
            "--assembly", metavar="NAME", help="the authority of the names that the assembly gives itself"
        )
        parser.add_argument(
            "--create-authorities", action="store_true", help="make naming authorities that are not there yet"
        )
        parser.add_argument("--dry-run", action="store_true", help="read and check everything, write nothing")

    def handle(self, *, files: list[str], **options: Any) -> None:
        """Raises CommandError when a table failed, after the others were registered."""
        assembly = options["assembly"]
        if assembly is not None and not is_authority_name(assembly):
            raise CommandError(f"--assembly: {assembly!r} is not a word of letters, digits, '.', '_' and '-'")
        wanted = AliasOptions(
            format=options["format"] and TableFormat(options["format"]),
            assembly=assembly,
            create_authorities=options["create_authorities"],
            dry_run=options["dry_run"],
        )
        try:
            sources = find_sources(files, suffixes=TABLE_SUFFIXES)
        except SourceFault as nothing:
            raise CommandError(str(nothing)) from None
        results = ingest_aliases(sources, options=wanted, observer=_Telling(self))
        self.stdout.write(_summary(results, dry_run=wanted.dry_run))
        if any(result.failed for result in results):
            raise CommandError("not everything was ingested")


class _Telling:
    """Tells the first rows of each table that name no sequence, and why a table failed."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._told: Counter[str] = Counter()

    def unused(self, source: Source, line: int, reason: str) -> None:
        self._told[source.name] += 1
        if self._told[source.name] <= _TOLD:
            self._command.stderr.write(f"{source.name}, line {line}: {reason}")

    def finished(self, result: TableResult) -> None:
        if (more := self._told[result.source] - _TOLD) > 0:
            self._command.stderr.write(f"{result.source}: {many(more, 'more row', 'more rows')} like these")
        if result.message:
            style = self._command.style.ERROR if result.failed else self._command.style.WARNING
            self._command.stderr.write(style(result.message))


def _summary(results: list[TableResult], *, dry_run: bool) -> str:
    """The last line of the command: what happened, in figures."""
    counts = [result.counts for result in results]
    failed = sum(result.failed for result in results)
    said = [
        many(len(results), "table") + (f" ({failed:,} failed)" if failed else ""),
        many(sum(count.rows for count in counts), "row"),
        many(sum(count.unmatched for count in counts), "matches nothing", "match nothing"),
    ]
    if ambiguous := sum(count.ambiguous for count in counts):
        said.append(many(ambiguous, "matches several sequences", "match several sequences"))
    if contradicting := sum(count.contradicting for count in counts):
        said.append(many(contradicting, "contradicts what is known", "contradict what is known"))
    said.append(many(sum(count.aliases for count in counts), "name added", "names added"))
    return ("Dry run, nothing is written. " if dry_run else "") + "; ".join(said)
