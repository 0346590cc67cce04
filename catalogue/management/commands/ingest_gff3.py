"""`manage.py ingest_gff3`: registers an annotation release with the sequences of its transcripts and proteins."""

import argparse
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from catalogue.formats.annotation.codes import is_genetic_code
from catalogue.ingest.annotation.ingest import ANNOTATION_SUFFIXES, COMMAND, ingest_annotation
from catalogue.ingest.annotation.options import AnnotationOptions
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer
from catalogue.ingest.sources import find_sources
from catalogue.management.ingest_command import IngestCommand, outcomes_in_words
from catalogue.management.reporting import counted
from catalogue.models import Genome

# Options that are stored as they are given: name, metavar, help.
_TEXTS: Final = (
    ("genome_id", "ID", "what clients ask for (default: made from collection, accession and release)"),
    ("assembly_accession", "ACC", "of the assembly, for example GCA_000001405.29"),
    ("assembly_name", "NAME", "of the assembly, for example GRCh38.p14"),
    ("scientific_name", "NAME", "of the species"),
    ("common_name", "NAME", "of the species"),
    ("release", "NAME", "of the annotation, for example 110"),
    ("provider", "NAME", "who made the annotation: Ensembl, GENCODE, NCBI, Prokka, Bakta or another"),
    ("authority", "NAME", "who gives the ids of transcripts and proteins (default: by the provider)"),
)
# The name of each count, singular and plural.
_COUNTS: Final = {
    "genes": ("gene", "genes"),
    "transcripts": ("transcript", "transcripts"),
    "proteins": ("protein", "proteins"),
    "sequences": ("sequence added", "sequences added"),
    "filled": ("known sequence filled in", "known sequences filled in"),
    "aliases": ("name added", "names added"),
    "published_equal": ("published sequence equal", "published sequences equal"),
}
_REGION_CODE: Final = re.compile(r"(.+)=(\d{1,2})")


class Command(IngestCommand):
    help = "Register the genes, transcripts and proteins of an annotation (GFF3 or GTF, also gzip or bgzip)."
    metavar = "GFF3"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--collection", required=True, metavar="NAME", help="the sequences that the genes lie on"
        )
        for name, metavar, text in _TEXTS:
            parser.add_argument(f"--{name.replace('_', '-')}", default="", metavar=metavar, help=text)
        parser.add_argument("--release-date", type=_date, metavar="YYYY-MM-DD", help="of the annotation")
        parser.add_argument("--taxon-id", type=_number, metavar="N", help="of the species, NCBI's number")
        parser.add_argument("--reference", action="store_true", help="the reference genome of its species")
        parser.add_argument(
            "--genetic-code",
            type=_table,
            metavar="N",
            help="translation table of coding sequences that name none (default 1; Prokka and Bakta 11)",
        )
        parser.add_argument(
            "--genetic-code-of",
            type=_region_code,
            action="append",
            default=[],
            metavar="SEQID=N",
            help="translation table of one sequence, for example MT=2; may be given several times",
        )
        parser.add_argument(
            "--check-fasta",
            nargs="+",
            default=[],
            metavar="FASTA",
            help="compare with these published cDNA, coding sequences and proteins",
        )

    def job(self, files: list[str], options: dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
        wanted = _wanted(options | {"check_fasta": [self.portable(file) for file in options["check_fasta"]]})
        return COMMAND, {**wanted.recorded(), "files": files}

    def ingest(self, files: list[str], options: dict[str, Any], observer: Observer) -> IngestResult:
        sources = find_sources(files, suffixes=ANNOTATION_SUFFIXES)
        return ingest_annotation(sources, options=_wanted(options), observer=observer)

    def describe_input(self, result: InputResult) -> str:
        return _in_words(result.counts)

    def describe(self, result: IngestResult, options: dict[str, Any]) -> list[str]:
        said = [
            f"{counted(len(result.inputs), 'file')}: {outcomes_in_words(result)}",
            _in_words(result.counts()),
        ]
        return [one for one in said if one]

    def interrupted(self) -> str:
        return "Interrupted. Nothing was registered; run the same command again."


def _wanted(options: Mapping[str, Any]) -> AnnotationOptions:
    """Return the options of the ingest. Raises CommandError."""
    for name, limit in _limits():
        if len(options[name]) > limit:
            raise CommandError(f"--{name.replace('_', '-')}: at most {limit} characters")
    return AnnotationOptions(
        collection=options["collection"],
        **{name: options[name] for name, *_ in _TEXTS},
        release_date=options["release_date"] or "",
        taxon_id=options["taxon_id"],
        is_reference=options["reference"],
        genetic_code=options["genetic_code"],
        region_codes=tuple(options["genetic_code_of"]),
        check_fasta=tuple(options["check_fasta"]),
        dry_run=options["dry_run"],
    )


def _limits() -> Iterator[tuple[str, int]]:
    """Yield the options that are columns of a genome, with the number of characters that these hold."""
    for field in Genome._meta.concrete_fields:
        if field.max_length is not None and field.name in {name for name, *_ in _TEXTS}:
            yield field.name, field.max_length


def _in_words(counts: Mapping[str, int]) -> str:
    return "; ".join(counted(counts[name], *words) for name, words in _COUNTS.items() if counts.get(name))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a taxon")
    return int(text)


def _table(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not is_genetic_code(int(text)):
        raise argparse.ArgumentTypeError(f"there is no translation table {text!r}")
    return int(text)


def _region_code(text: str) -> str:
    match = _REGION_CODE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a seqid, '=' and the number of a translation table"
        )
    _table(match[2])
    return text


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date in the form 2023-07-31") from None
