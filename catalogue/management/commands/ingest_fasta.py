"""`manage.py ingest_fasta`: registers the sequences of FASTA files."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from catalogue.formats.fasta_names import is_authority_name
from catalogue.ingest.fasta.ingest import COMMAND, FASTA_SUFFIXES, FastaOptions, ingest_fasta
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer
from catalogue.ingest.sources import find_sources
from catalogue.management.ingest_command import IngestCommand, outcomes_in_words
from catalogue.management.reporting import counted
from catalogue.models import SequenceCollection

_MAX_COLLECTION: Final = int(SequenceCollection._meta.get_field("name").max_length or 1)
# The name of each count, singular and plural.
_CHANGES: Final = {
    "sequences": ("sequence added", "sequences added"),
    "filled": ("known sequence filled in", "known sequences filled in"),
    "made_circular": ("sequence made circular", "sequences made circular"),
    "aliases": ("name added", "names added"),
    "stripped": ("character stripped", "characters stripped"),
}


class Command(IngestCommand):
    help = "Register the sequences of FASTA files (uncompressed, gzip or bgzip; DNA, RNA or protein)."
    metavar = "FASTA"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
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

    def job(self, files: list[str], options: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return COMMAND, {**_wanted(options).recorded(), "files": files}

    def ingest(self, files: list[str], options: dict[str, Any], observer: Observer) -> IngestResult:
        sources = find_sources(files, suffixes=FASTA_SUFFIXES)
        return ingest_fasta(sources, options=_wanted(options), observer=observer)

    def describe_input(self, result: InputResult) -> str:
        return _in_words(result.counts)

    def describe(self, result: IngestResult, options: dict[str, Any]) -> list[str]:
        said = [
            f"{counted(len(result.inputs), 'file')}: {outcomes_in_words(result)}",
            _in_words(result.counts()),
        ]
        if result.collection is not None:
            said.append(f"collection {result.collection}")
        return said


def _wanted(options: Mapping[str, Any]) -> FastaOptions:
    authority, collection = options["authority"], options["collection"]
    if authority is not None and not is_authority_name(authority):
        raise CommandError(
            f"--authority: {authority!r} is not a word of at most 64 letters, digits, '.', '_' and '-'"
        )
    if collection is not None and not 0 < len(collection) <= _MAX_COLLECTION:
        raise CommandError(f"--collection: expected a name of 1 to {_MAX_COLLECTION} characters")
    return FastaOptions(
        authority=authority,
        circular=frozenset(options["circular"]),
        collection=collection,
        strip=options["strip"],
        dry_run=options["dry_run"],
    )


def _in_words(counts: Mapping[str, int]) -> str:
    """Return the counts in words: what was read, and the others that are not 0."""
    records, residues = counts.get("records", 0), counts.get("residues", 0)
    said = [f"{counted(records, 'record')} with {counted(residues, 'residue')} read"]
    said += [counted(counts[name], *words) for name, words in _CHANGES.items() if counts.get(name)]
    return "; ".join(said)
