"""References to other databases. The addresses are those of identifiers.org, which redirects to the database."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

#: Databases as annotations write them, in lower case, and their prefix at identifiers.org.
_PREFIXES: Final = {
    "ccds": "ccds",
    "ensembl": "ensembl",
    "flybase": "fb",
    "geneid": "ncbigene",
    "go": "go",
    "hgnc": "hgnc",
    "interpro": "interpro",
    "mgi": "mgi",
    "mim": "mim",
    "mirbase": "mirbase",
    "pfam": "pfam",
    "refseq": "refseq",
    "rgd": "rgd",
    "sgd": "sgd",
    "taxon": "taxonomy",
    "uniprotkb": "uniprot",
    "uniprotkb/swiss-prot": "uniprot",
    "uniprotkb/trembl": "uniprot",
    "wormbase": "wb",
    "zfin": "zfin",
}
_RESOLVER: Final = "https://identifiers.org/"


@dataclass(frozen=True, slots=True)
class ExternalDB:
    """Another database."""

    id: str
    url: str | None
    description: None = None
    release: None = None

    @property
    def name(self) -> str:
        """The same as the id."""
        return self.id


@dataclass(frozen=True, slots=True)
class XrefMethod:
    """How a reference was found, which no annotation file tells."""

    type: str = "NONE"
    description: None = None


_METHOD: Final = XrefMethod()


@dataclass(frozen=True, slots=True)
class ExternalReference:
    """An entry of another database."""

    accession_id: str
    url: str | None
    source: ExternalDB
    assignment_method: XrefMethod = _METHOD
    description: None = None

    @property
    def name(self) -> str:
        """The same as the accession."""
        return self.accession_id


def references(dbxrefs: list[str]) -> list[ExternalReference]:
    """Return the references of a feature, from `DATABASE:accession` each."""
    return [reference(*dbxref.split(":", 1)) for dbxref in dbxrefs if ":" in dbxref]


def reference(database: str, accession: str) -> ExternalReference:
    """Return one reference. An accession may repeat its database: HGNC:HGNC:1101."""
    prefix = _PREFIXES.get(database.lower())
    source = ExternalDB(database, None if prefix is None else f"{_RESOLVER}{prefix}")
    return ExternalReference(accession, address(database, accession), source)


def address(database: str, accession: str) -> str | None:
    """Return the URL of an entry; None for a database that is not known here."""
    prefix = _PREFIXES.get(database.lower())
    if prefix is None:
        return None
    _, colon, bare = accession.partition(":")
    return f"{_RESOLVER}{prefix}:{quote(bare if colon else accession, safe='')}"
