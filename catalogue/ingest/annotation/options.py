"""The options of an annotation ingest, and what each provider's annotation needs."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from catalogue.errors import CatalogueError
from catalogue.formats.annotation.codes import BACTERIAL, STANDARD
from catalogue.formats.annotation.headers import Headers
from catalogue.formats.fasta_names import is_authority_name
from catalogue.ingest.outcomes import Options

#: The suffix of the authority whose names are transcripts, of their coding sequences.
CDS_SUFFIX: Final = "_cds"
#: The suffix of the authority whose names are transcripts, of proteins without an id of their own.
PROTEIN_SUFFIX: Final = "_protein"

# What is longer in a header is cut off.
_MAX_RELEASE, _MAX_TEXT = 64, 255

# The namespace of ids made from collection, accession and release.
_GENOMES: Final = uuid.UUID("0d5a7a0e-6f0b-5b0e-9a52-0b6f3c8f1a11")


class AnnotationRefused(CatalogueError):
    """An annotation that cannot be registered so; the message says what to do."""


@dataclass(frozen=True, slots=True)
class _Provider:
    """What the annotation of a provider needs.

    `begins_with_x`: it publishes X for an incomplete first codon. `genetic_codes` are of regions by seqid.
    """

    authority: str = ""
    begins_with_x: bool = False
    genetic_code: int = STANDARD
    genetic_codes: Mapping[str, int] | None = None


_PROVIDERS: Final = {
    "ensembl": _Provider("ensembl", begins_with_x=True),
    "gencode": _Provider("gencode", begins_with_x=True, genetic_codes={"chrM": 2}),
    "ncbi": _Provider(),
    "prokka": _Provider("prokka", genetic_code=BACTERIAL),
    "bakta": _Provider("bakta", genetic_code=BACTERIAL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationOptions(Options):
    """How to read an annotation, and what it says of itself; the files' own headers fill in what is empty.

    `genetic_code` is for coding sequences whose lines name none; `region_codes` (`MT=2`) are those of regions.
    `check_fasta` are FASTA files of the provider to compare with.
    """

    collection: str
    genome_id: str = ""
    assembly_accession: str = ""
    assembly_name: str = ""
    scientific_name: str = ""
    common_name: str = ""
    taxon_id: int | None = None
    release: str = ""
    release_date: str = ""
    provider: str = ""
    authority: str = ""
    is_reference: bool = False
    genetic_code: int | None = None
    region_codes: tuple[str, ...] = ()
    check_fasta: tuple[str, ...] = ()

    @classmethod
    def of(cls, arguments: Mapping[str, Any], *, dry_run: bool) -> Self:
        """Return the options that `recorded` told. Raises TypeError."""
        given = {name: value for name, value in arguments.items() if name not in {"files", "dry_run"}}
        given |= {name: tuple(given.pop(name, ())) for name in ("region_codes", "check_fasta")}
        return cls(**given, dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class Release:
    """What is registered of the annotation itself, and how its proteins are made."""

    genome_id: str
    assembly_accession: str
    assembly_name: str
    scientific_name: str
    common_name: str
    taxon_id: int | None
    release: str
    release_date: str | None
    provider: str
    is_reference: bool
    authority: str
    begins_with_x: bool
    genetic_code: int
    region_codes: Mapping[str, int]


def release_of(options: AnnotationOptions, headers: Headers) -> Release:
    """Return the release that options and headers describe. Raises AnnotationRefused."""
    provider = options.provider or headers.provider
    known = _PROVIDERS.get(provider.lower(), _Provider())
    accession = options.assembly_accession or headers.assembly_accession
    authority = options.authority or known.authority
    if not authority and provider.lower() == "ncbi":
        authority = "insdc" if accession.startswith("GCA_") else "refseq"
    if not authority:
        raise AnnotationRefused(
            "the files do not tell who gave the ids of transcripts and proteins; --authority NAME does"
        )
    if not is_authority_name(f"{authority}{PROTEIN_SUFFIX}"):
        raise AnnotationRefused(
            f"--authority: {authority!r} is not a word of letters, digits, '.', '_' and '-', of at most 55 characters"
        )
    release = options.release or headers.release[:_MAX_RELEASE]
    codes = dict(known.genetic_codes or {}) | dict(_code_of(text) for text in options.region_codes)
    return Release(
        genome_id=options.genome_id or made_genome_id(options.collection, accession, release),
        assembly_accession=accession,
        assembly_name=options.assembly_name or headers.assembly_name[:_MAX_TEXT],
        scientific_name=options.scientific_name or headers.scientific_name[:_MAX_TEXT],
        common_name=options.common_name,
        taxon_id=options.taxon_id if options.taxon_id is not None else headers.taxon_id,
        release=release,
        release_date=options.release_date or headers.release_date or None,
        provider=provider,
        is_reference=options.is_reference,
        authority=authority,
        begins_with_x=known.begins_with_x,
        genetic_code=options.genetic_code or known.genetic_code,
        region_codes=codes,
    )


def made_genome_id(collection: str, accession: str, release: str) -> str:
    """Return a UUID of version 5 for a genome: equal on every site for equal arguments."""
    return str(uuid.uuid5(_GENOMES, "\0".join((collection, accession, release))))


def _code_of(text: str) -> tuple[str, int]:
    seqid, _, number = text.rpartition("=")
    return seqid, int(number)
