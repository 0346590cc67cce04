"""`manage.py ingest_fasta`: registers the sequences of FASTA files."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from catalogue.formats.fasta_names import is_authority_name
from catalogue.ingest.fasta.ingest import (
    COUNTS,
    FASTA_SUFFIXES,
    FastaOptions,
    FastaResult,
    FileResult,
    ingest_fasta,
)
from catalogue.ingest.sources import Source, SourceFault, find_sources
from catalogue.management.progress import ProgressLine
from catalogue.management.words import many
from catalogue.models import IngestedFile, SequenceCollection

_LONGEST_COLLECTION = int(SequenceCollection._meta.get_field("name").max_length or 1)
# What a count is called in the summary; what is counted, once and several times.
_CHANGES: Final = {
    "sequences": ("sequence added", "sequences added"),
    "filled": ("known sequence filled in", "known sequences filled in"),
    "made_circular": ("sequence made circular", "sequences made circular"),
    "aliases": ("name added", "names added"),
    "stripped": ("character stripped", "characters stripped"),
}


class Command(BaseCommand):
    """Each file on its own: what fails is told on standard error, and the command ends with status 1."""

    help = "Register the sequences of FASTA files (plain, gzip or bgzip; DNA, RNA or protein)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The names are fixed: scripts outside rely on them."""
        parser.add_argument(
            "files",
            nargs="+",
            metavar="FASTA",
            help="a file, a folder, a glob, - for standard input, or storage:prefix",
        )
        parser.add_argument(
            "--authority", metavar="NAME", help="who gives the names of the records (made when it is new)"
        )
        parser.add_argument(
            "--circular",
            action="append",
            default=[],
            metavar="NAME",
            help="this record is circular; may be given several times",
        )
        parser.add_argument(
            "--collection",
            metavar="NAME",
            help="keep the records of all the files, in their order, as this set",
        )
        parser.add_argument(
            "--strip",
            action="store_true",
            help="remove *, -, . and digits among the residues, and count them",
        )
        parser.add_argument("--dry-run", action="store_true", help="read and check everything, write nothing")

    def handle(self, *, files: list[str], **options: Any) -> None:
        """Raises CommandError when anything failed, after everything else was done."""
        wanted = FastaOptions(
            authority=checked_authority(options["authority"]),
            circular=frozenset(options["circular"]),
            collection=_checked_collection(options["collection"]),
            strip=options["strip"],
            dry_run=options["dry_run"],
        )
        try:
            sources = find_sources(files, suffixes=FASTA_SUFFIXES)
        except SourceFault as nothing:
            raise CommandError(str(nothing)) from None
        with ProgressLine() as line:
            result = ingest_fasta(
                sources, options=wanted, observer=_Telling(self, line, options["verbosity"])
            )
        for fault in result.faults:
            self.stderr.write(self.style.ERROR(fault))
        self.stdout.write(_summary(result, dry_run=wanted.dry_run))
        if result.failed:
            raise CommandError("not everything was ingested")


class _Telling:
    """Shows how far an ingest is, and each file that failed (with -v 2 every file)."""

    def __init__(self, command: Command, line: ProgressLine, verbosity: int) -> None:
        self._command = command
        self._line = line
        self._verbosity = verbosity
        self._source: Source | None = None

    def reading(self, source: Source, count: int) -> None:
        if source is not self._source:
            self._source = source
            self._line.start(source.name, source.size)
        self._line.advance(count)

    def finished(self, result: FileResult) -> None:
        if result.outcome == IngestedFile.Outcome.FAILED:
            self._line.wipe()
            self._command.stderr.write(self._command.style.ERROR(result.message))
        elif self._verbosity > 1:
            self._line.wipe()
            self._command.stdout.write(f"{result.source}: {result.outcome.label}, {_counts(result.counts)}")


def checked_authority(name: str | None) -> str | None:
    """The value of an option that names an authority. Raises CommandError for one that none can have."""
    if name is not None and not is_authority_name(name):
        raise CommandError(
            f"--authority: {name!r} is not a word of at most 64 letters, digits, '.', '_' and '-'"
        )
    return name


def _checked_collection(name: str | None) -> str | None:
    if name is not None and not 0 < len(name) <= _LONGEST_COLLECTION:
        raise CommandError(f"--collection: expected a name of 1 to {_LONGEST_COLLECTION} characters")
    return name


def _counts(counts: Mapping[str, int]) -> str:
    """The counts of a file or of all in words, without those that are 0, apart from what was read."""
    records, residues = counts.get("records", 0), counts.get("residues", 0)
    said = [f"{many(records, 'record')} with {many(residues, 'residue')} read"]
    said += [many(counts[name], *words) for name, words in _CHANGES.items() if counts.get(name)]
    return "; ".join(said)


def _summary(result: FastaResult, *, dry_run: bool) -> str:
    """The last line of the command: what happened, in figures."""
    outcomes = Counter(file.outcome for file in result.files)
    files = ", ".join(
        f"{outcomes[outcome]:,} {outcome.label}" for outcome in IngestedFile.Outcome if outcomes[outcome]
    )
    said = [
        f"{many(len(result.files), 'file')}: {files}",
        _counts({name: result.total(name) for name in COUNTS}),
    ]
    if result.collection is not None:
        said.append(f"collection {result.collection.label}")
    said.append(f"{result.seconds:.1f} s")
    return ("Dry run, nothing is written. " if dry_run else "") + "; ".join(said)
