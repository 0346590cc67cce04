"""Reads what an annotation says about itself: who made it, of which assembly, and what its sequences are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from catalogue.formats.annotation.lines import Directive, Line, value

_ACCESSION = re.compile(r"\bGC[AF]_\d{9}\.\d+")
_TAXON = re.compile(r"(?:id=|NCBI:txid|taxon:)(\d{1,9})\b")
_REGION = re.compile(r"sequence-region\s+(\S+)\s+(\d+)\s+(\d+)")
_GENCODE = re.compile(r"human genome|mouse genome|GENCODE", re.IGNORECASE)
_GENCODE_VERSION = re.compile(r"version (\S+)(?: \(Ensembl (\d+)\))?")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})")

#: Providers, by what the second column of their lines begins with.
_BY_SOURCE: Final = (
    (("ensembl", "havana"), "Ensembl"),
    (("Prodigal", "prokka", "Prokka", "Aragorn", "barrnap", "minced"), "Prokka"),
    (("BestRefSeq", "Gnomon", "RefSeq", "cmsearch", "Curated Genomic", "tRNAscan-SE"), "NCBI"),
)
#: Types of features that are whole sequences, and what each of them is.
_WHOLE: Final = {
    "region": "",
    "chromosome": "chromosome",
    "plasmid": "plasmid",
    "scaffold": "scaffold",
    "supercontig": "scaffold",
    "contig": "scaffold",
}
_BY_GENOME: Final = {"chromosome": "chromosome", "plasmid": "plasmid", "genomic": "scaffold"}
_ORGANELLES: Final = {"mitochondrion", "chloroplast", "plastid", "apicoplast", "kinetoplast"}


@dataclass(frozen=True, slots=True)
class WholeSequence:
    """What a file says about one of its sequences; `code` is `chromosome`, `plasmid`, `scaffold` or ""."""

    code: str
    circular: bool


@dataclass(slots=True)
class Headers:
    """What the directives and the first lines of the files say; empty where they say nothing."""

    provider: str = ""
    assembly_accession: str = ""
    assembly_name: str = ""
    scientific_name: str = ""
    taxon_id: int | None = None
    release: str = ""
    release_date: str = ""
    lengths: dict[str, tuple[int, int]] = field(default_factory=dict)

    def read_directive(self, directive: Directive) -> None:
        """Note what a directive says."""
        text = directive.text
        name, _, said = text.partition(" ")
        said = said.strip()
        if region := _REGION.match(text):
            self.lengths.setdefault(region[1], (int(region[3]), directive.number))
        elif name == "genome-build":
            self.assembly_name = self.assembly_name or said.rpartition(" ")[2]
        elif name == "genome-build-accession" and (accession := _ACCESSION.search(said)):
            self.assembly_accession = self.assembly_accession or accession[0]
        elif name == "species":
            self._read_species(said)
        elif name in {"processor", "annotation-source"} and "NCBI" in text:
            self.provider = "NCBI"
            if name == "annotation-source":
                self.release = self.release or said
        elif name in {"annotation-date", "genebuild-last-updated", "date:"} and (date := _DATE.search(said)):
            self.release_date = self.release_date or date[1]
        elif name in {"provider:", "description:"} and _GENCODE.search(said):
            self._read_gencode(said)
        elif "Bakta" in text:
            self.provider = "Bakta"

    def read_taxon(self, line: Line) -> None:
        """Note the taxon in a line about a whole sequence, as NCBI writes it."""
        if taxon := _TAXON.search(value(line.attributes, "Dbxref")):
            self.taxon_id = int(taxon[1])

    def _read_species(self, said: str) -> None:
        if taxon := _TAXON.search(said):
            self.taxon_id = self.taxon_id or int(taxon[1])
        elif not said.startswith("http"):
            self.scientific_name = self.scientific_name or said

    def _read_gencode(self, said: str) -> None:
        self.provider = "GENCODE"
        if version := _GENCODE_VERSION.search(said):
            self.release = self.release or version[1].rstrip(",")

    def read_source(self, source: str) -> None:
        """Note who made the annotation, by the second column of a line, unless a directive says so."""
        if not self.provider:
            self.provider = next((name for starts, name in _BY_SOURCE if source.startswith(starts)), "")


def whole_sequence(line: Line) -> WholeSequence | None:
    """Return what a line says about its whole sequence; None if it is about a part of it."""
    code = _WHOLE.get(line.kind)
    if code is None or line.start or "Parent" in line.attributes:
        return None
    attributes: Mapping[str, str] = line.attributes
    genome = value(attributes, "genome")
    if not code:
        code = "plasmid" if "plasmid-name" in attributes else _BY_GENOME.get(genome, "")
        code = "chromosome" if genome in _ORGANELLES else code
    circular = value(attributes, "Is_circular", "is_circular").lower() == "true"
    return WholeSequence(code, circular) if code or circular else None
