"""Parses FASTA header lines: names under naming authorities, and whether the sequence is circular.

Only names that the line proves are returned. A bare word proves nothing, unless it has the form of an accession.version
or of a UCSC chromosome, which is all that UCSC headers hold. Sequences derived from a gene or transcript get its name
under a separate authority (`ensembl_gene`), under which one name may mean several sequences.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from catalogue.formats.fasta import Header

#: The authorities found in headers, with descriptions of their names. Assemblies such as GRCh38 are authorities too.
HEADER_AUTHORITIES: Final = {
    "insdc": "INSDC accession.version (GenBank, ENA, DDBJ)",
    "refseq": "NCBI RefSeq accession.version",
    "gi": "GenInfo numbers, identifiers that NCBI no longer gives",
    "ensembl": "Ensembl chromosome names and stable ids",
    "ensembl_cds": "Ensembl transcripts, of their coding sequences",
    "ensembl_gene": "Ensembl genes, of the sequences of their transcripts and proteins",
    "ensembl_transcript": "Ensembl transcripts, of their proteins",
    "gencode": "GENCODE transcript and protein ids",
    "havana": "HAVANA genes and transcripts, of the sequences derived from them",
    "gene_symbol": "Gene symbols, of the sequences derived from them",
    "ucsc": "UCSC Genome Browser names",
    "uniprot": "UniProtKB accessions and entry names",
    "uniref": "UniRef clusters, of their representatives",
    "uniparc": "UniParc identifiers",
}

#: Longer names cannot be stored.
MAX_NAME: Final = 255


class NameUnder(NamedTuple):
    """A name and the naming authority that gives it."""

    authority: str
    name: str


_REFSEQ = re.compile(r"(?:AC|AP|N[CGMPRTW]|WP|X[MPR]|YP)_\d{6,}\.\d+|NZ_[A-Z]{2,6}\d{6,}\.\d+")
# Accessions of one letter leave out O, P and Q, which are UniProt's; a WGS set has a version from 01 on.
_INSDC_NUCLEOTIDE = re.compile(
    r"(?:[A-NR-Z]\d{5}|[A-Z]{2}\d{6}|[A-Z]{2}\d{8}|[A-Z]{4}(?!00)\d{8,10}|[A-Z]{6}(?!00)\d{9,11})\.\d+"
)
_INSDC_PROTEIN = re.compile(r"[A-Z]{3}(?:\d{5}|\d{7})\.\d+")
_UNIPROT = re.compile(r"((?:[OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2})(-\d+)?)(?:\.\d+)?")
_UNIPROT_GENE = re.compile(r" GN=(.+?)(?= [A-Z]{2}=|$)")
_UCSC = re.compile(r"chr(?:\d{1,3}[A-Za-z]?|[IVX]+|[A-Z]|MT|Un)(?:_[A-Za-z0-9]+)*")
_STABLE_ID = re.compile(r"ENS[A-Z]*\d{11}(?:\.\d+)?")

_AUTHORITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LOCATION = r"[a-z_]+:([^:\s]+):([^:\s]+):(\d+):(\d+):(-?[01])(?!\S)"
# dna_rm is masked and differs from the chromosome it is named after, so it gets no name.
_ENSEMBL_WHOLE = re.compile(rf"(?!dna_rm:)\S+ {_LOCATION}")
_ENSEMBL_PRODUCT = re.compile(
    rf"(cdna|cds|ncrna|pep)(?::\S+)? {_LOCATION} gene:([^:\s]+)(?:.*? transcript:([^:\s]+))?(?:.*? gene_symbol:(\S+))?"
)
# The lookahead for the digit avoids a second "*", which would take quadratic time on a long word.
_ASSEMBLY = r"([A-Za-z](?=[\w.-]*\d)[\w.-]*)"
_NCBI_CHROMOSOME = re.compile(
    rf"(?:^|.* )(?:chromosome|linkage group) (\S+), {_ASSEMBLY}"
    r"(?: Primary Assembly)?(?:, whole genome shotgun sequence)?"
)
_NCBI_SCAFFOLD = re.compile(rf".*, {_ASSEMBLY} (?:Primary Assembly|alternate locus group \S+|PATCHES) (\S+)")
_CIRCULAR = re.compile(
    r"""topology \s? [=:] \s? circular (?![\w-])
    | (?<!\S) circular = (?:true|yes|y|1) (?![\w-])
    | (?:^|[,;(\[]) \s* circular \s* (?:$|[,;)\]])""",
    re.IGNORECASE | re.VERBOSE,
)
_PIPED = {
    "ref": "refseq",
    "gb": "insdc",
    "emb": "insdc",
    "dbj": "insdc",
    "tpg": "insdc",
    "tpe": "insdc",
    "tpd": "insdc",
}


def header_names(header: Header, *, length: int) -> list[NameUnder]:
    """Return every name that the header line proves for a sequence of `length` residues, each once."""
    titles = [(header.name, header.description)]
    if "\x01" in header.description:
        first, *others = header.description.split("\x01")
        titles = [(header.name, first.strip())]
        titles += [(name, rest) for name, _, rest in (title.partition(" ") for title in others)]
    names = (found for title in titles for found in _names_of_title(*title, length))
    return [
        found
        for found in dict.fromkeys(names)
        if 0 < len(found.name) <= MAX_NAME
        and (found.authority in HEADER_AUTHORITIES or is_authority_name(found.authority))
    ]


def accession_authority(name: str) -> str | None:
    """Return `refseq` or `insdc` for a word in the form of their accession.version, INSDC proteins excepted."""
    if _REFSEQ.fullmatch(name):
        return "refseq"
    return "insdc" if _INSDC_NUCLEOTIDE.fullmatch(name) else None


def is_authority_name(text: str) -> bool:
    """Return whether a naming authority may have this name; a colon would make `authority:name` ambiguous."""
    return _AUTHORITY.fullmatch(text) is not None


def is_circular(header: Header) -> bool:
    """Return whether the header line declares its sequence circular.

    Accepts `[topology=circular]`, `circular=true`, or `circular` as a separate item. Ignores the word inside a sentence
    ("circular RNA"), and "complete genome", which linear viruses have too.
    """
    return "ircular" in header.description and _CIRCULAR.search(header.description) is not None


def is_protein(header: Header) -> bool:
    """Return whether the header line has a form that only proteins have."""
    return header.name.startswith(("sp|", "tr|", "ENSP")) or header.description.startswith(("pep ", "pep:"))


def _names_of_title(name: str, description: str, length: int) -> Iterator[NameUnder]:
    if "|" in name:
        yield from _piped(name, description, length)
    elif authority := accession_authority(name):
        yield NameUnder(authority, name)
        if ", " in description:
            yield from _ncbi_assembly(description)
    elif _INSDC_PROTEIN.fullmatch(name) and description.endswith("]"):
        # Gene names also consist of three letters and digits; only NCBI's titles end with the organism.
        yield NameUnder("insdc", name)
    elif name.startswith("UniRef") and " RepID=" in description:
        yield NameUnder("uniref", name)
    elif name.startswith("UPI") and "status=" in description:
        yield NameUnder("uniparc", name)
    elif not description:
        if _UCSC.fullmatch(name):
            yield NameUnder("ucsc", name)
        return
    if ":" in description:
        yield from _ensembl(name, description, length)


def _ensembl(name: str, description: str, length: int) -> Iterator[NameUnder]:
    if product := _ENSEMBL_PRODUCT.match(description):
        kind, *_, gene, transcript, symbol = product.groups()
        yield NameUnder("ensembl_cds" if kind == "cds" else "ensembl", name)
        yield NameUnder("ensembl_gene", gene)
        if transcript:
            yield NameUnder("ensembl_transcript", transcript)
        if symbol:
            yield NameUnder("gene_symbol", symbol)
    elif whole := _ENSEMBL_WHOLE.match(description):
        assembly, place, start, end, strand = whole.groups()
        if place == name and (start, end, strand) == ("1", str(length), "1"):
            yield NameUnder("ensembl", name)
            yield NameUnder(assembly, name)


def _ncbi_assembly(description: str) -> Iterator[NameUnder]:
    if chromosome := _NCBI_CHROMOSOME.fullmatch(description):
        yield NameUnder(chromosome[2], chromosome[1])
    elif scaffold := _NCBI_SCAFFOLD.fullmatch(description):
        yield NameUnder(scaffold[1], scaffold[2])


def _piped(name: str, description: str, length: int) -> Iterator[NameUnder]:
    parts = name.split("|")
    if parts[0] in ("sp", "tr"):
        yield from _uniprot(parts, description)
    elif parts[0] == "ENA" and len(parts) == 3:
        if accession_authority(parts[2]) == "insdc" or _INSDC_PROTEIN.fullmatch(parts[2]):
            yield NameUnder("insdc", parts[2])
    elif len(parts) >= 8 and parts[0].startswith("ENS"):
        yield from _gencode(parts, length)
    else:
        for database, accession in zip(parts[::2], parts[1::2], strict=False):
            if database == "gi" and accession.isascii() and accession.isdigit():
                yield NameUnder("gi", accession)
            elif database == "sp" and (uniprot := _UNIPROT.fullmatch(accession)):
                yield NameUnder("uniprot", uniprot[1])
            elif database in _PIPED and "." in accession:
                yield NameUnder(_PIPED[database], accession)
                yield from _ncbi_assembly(description)


def _uniprot(parts: list[str], description: str) -> Iterator[NameUnder]:
    accession = _UNIPROT.fullmatch(parts[1])
    if accession is None or len(parts) != 3:
        return
    yield NameUnder("uniprot", accession[1])
    # An entry name means the canonical sequence, so isoforms do not get it.
    if parts[2] and not accession[2]:
        yield NameUnder("uniprot", parts[2])
    if gene := _UNIPROT_GENE.search(description):
        yield NameUnder("gene_symbol", gene[1])


def _gencode(parts: list[str], length: int) -> Iterator[NameUnder]:
    """Parse `transcript|gene|…|length|biotype|` or `protein|transcript|gene|…|length`; `…` are four other names."""
    last = 3 if parts[2].startswith("ENS") else 2
    own, *others = parts[:last]
    if not all(other.startswith("ENS") for other in others) or parts[last + 4 : last + 5] != [str(length)]:
        return
    yield NameUnder("gencode", own)
    if _STABLE_ID.fullmatch(own):
        yield NameUnder("ensembl", own)
    if last == 3:
        yield NameUnder("ensembl_transcript", others[0])
    yield NameUnder("ensembl_gene", others[-1])
    havana_gene, havana_transcript, transcript_name, symbol = parts[last : last + 4]
    yield from (
        NameUnder("havana", part) for part in (havana_gene, havana_transcript) if part.startswith("OTT")
    )
    yield NameUnder("gencode", transcript_name)
    yield NameUnder("gene_symbol", symbol)
