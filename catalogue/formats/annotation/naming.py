"""Finds ids, symbols, descriptions, tags and references among the attributes of each provider."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from catalogue.formats.annotation.lines import value, values
from catalogue.formats.annotation.models import Gene, StableId, Transcript
from catalogue.formats.fasta_names import MAX_NAME

Attributes = Mapping[str, str]

# Prefixes with which providers make ids of different kinds of features different.
_PREFIX = re.compile(r"(?:gene|transcript|rna|mrna|cds|exon|id)[:-](?=.)", re.IGNORECASE)
# An accession with its version. Other ids that end in a number, such as AT1G01010.1 and Y74C9A.3, have no version.
_VERSIONED = re.compile(r"([A-Z]+_?[A-Z]*\d{5,})\.(\d{1,9})")
_APPRIS = re.compile(r"appris_(principal|alternative|candidate)(?:_(.+))?")
_LEVEL = re.compile(r"[1-5]")

_MANE: Final = {"MANE_Select": "select", "MANE_Plus_Clinical": "plus_clinical"}
#: Attributes of one reference each, and the databases that they refer to.
_REFERENCES: Final = {"hgnc_id": "HGNC", "mgi_id": "MGI", "ccdsid": "CCDS", "ccds_id": "CCDS"}
_HAVANA: Final = ("havana_gene", "havana_transcript")
_MAX_TERM: Final = 64


def gene_id(attributes: Attributes) -> StableId:
    """Return the stable id of a gene: `gene_id`, else its locus tag, else its `ID`."""
    name = value(attributes, "gene_id", "locus_tag") or without_prefix(value(attributes, "ID", "Name"))
    return _stable_id(name, value(attributes, "gene_version", "version"))


def transcript_id(attributes: Attributes) -> StableId:
    """Return the stable id of a transcript: `transcript_id`, else its `ID`."""
    name = value(attributes, "transcript_id") or without_prefix(value(attributes, "ID", "Name"))
    return _stable_id(name, value(attributes, "transcript_version", "version"))


def protein_id(attributes: Attributes) -> StableId | None:
    """Return the stable id of a protein: `protein_id`, else the locus tag; None if there is neither."""
    name = value(attributes, "protein_id") or value(attributes, "locus_tag")
    return _stable_id(name, value(attributes, "protein_version", "version")) if name else None


def exon_id(attributes: Attributes) -> str:
    """Return the id of an exon with its version; "" if it has none."""
    name = value(attributes, "exon_id") or without_prefix(value(attributes, "ID"))
    return str(_stable_id(name, value(attributes, "exon_version", "version"))) if name else ""


def without_prefix(identifier: str) -> str:
    """Return an `ID` without the kind of feature before it, such as `gene:` or `rna-`."""
    return _PREFIX.sub("", identifier, count=1) if _PREFIX.match(identifier) else identifier


def _stable_id(name: str, version: str) -> StableId:
    if len(name) > MAX_NAME:
        raise ValueError(f"an id of more than {MAX_NAME} characters: {name[:40]}…")
    if match := _VERSIONED.fullmatch(name):
        return StableId(match[1], int(match[2]))
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
    return StableId(name, number)


def describe_gene(gene: Gene, attributes: Attributes) -> None:
    """Set what the attributes of its line say about a gene."""
    gene.biotype = value(attributes, "gene_biotype", "biotype", "gene_type")[:_MAX_TERM]
    gene.symbol = _symbol(attributes, gene.stable_id)
    gene.synonyms = values(attributes, "gene_synonym", "Alias")
    gene.name, gene.name_source, gene.name_accession = value(attributes, "description"), "", ""
    # Ensembl writes the origin behind it: "BRCA2 DNA repair associated [Source:HGNC Symbol;Acc:HGNC:1101]".
    name, opened, origin = gene.name.partition("[Source:")
    if opened and origin.endswith("]"):
        source, _, accession = origin[:-1].partition(";Acc:")
        gene.name, gene.name_source, gene.name_accession = (
            name.rstrip(),
            source[:MAX_NAME],
            accession[:MAX_NAME],
        )
    gene.dbxrefs = references(attributes)
    gene.tags = values(attributes, "tag")


def _symbol(attributes: Attributes, stable_id: StableId) -> str:
    """Return the symbol of a gene. Bakta writes the product as `Name`, which is none."""
    found = value(attributes, "gene_name", "gene")
    name = value(attributes, "Name")
    if not found and name != value(attributes, "product") and name not in {stable_id.name, str(stable_id)}:
        found = name
    return found[:MAX_NAME]


def describe_transcript(transcript: Transcript, attributes: Attributes) -> None:
    """Set what the attributes of its line say about a transcript."""
    stable_id = transcript.stable_id
    name = value(attributes, "transcript_name", "Name")
    transcript.symbol = "" if name in {stable_id.name, str(stable_id)} else name[:MAX_NAME]
    transcript.biotype = value(attributes, "transcript_biotype", "biotype", "transcript_type")[:_MAX_TERM]
    transcript.dbxrefs = references(attributes)
    level = value(attributes, "transcript_support_level")[:1]
    transcript.tsl = int(level) if _LEVEL.fullmatch(level) else None
    transcript.tags = []
    for tag in values(attributes, "tag"):
        _tag_transcript(transcript, tag)


def _tag_transcript(transcript: Transcript, tag: str) -> None:
    """Set the field that a tag has; keep other tags."""
    if tag in {"basic", "gencode_basic"}:
        transcript.gencode_basic = True
    elif tag == "Ensembl_canonical":
        transcript.canonical = True
    elif (mane := tag.replace(" ", "_")) in _MANE:
        transcript.mane = transcript.mane or _MANE[mane]
    elif appris := _APPRIS.fullmatch(tag):
        transcript.appris = f"{appris[1]}{appris[2] or ''}"[:16]
    else:
        transcript.tags.append(tag)


def references(attributes: Attributes) -> list[str]:
    """Return the references to other databases, each once, as `DATABASE:accession`."""
    found = values(attributes, "Dbxref", "db_xref", "Ontology_term")
    found += [
        f"{database}:{accession}"
        for name, database in _REFERENCES.items()
        for accession in values(attributes, name)
    ]
    found += [f"HAVANA:{accession}" for accession in values(attributes, *_HAVANA)]
    return _each_once(reference for reference in found if ":" in reference)


def _each_once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
