"""What is said about genes and transcripts, as values with labels."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from annotation_app.types.references import ExternalDB, address
from catalogue.queries.annotation import StoredGene, StoredTranscript


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value of a small vocabulary."""

    value: str | bool
    label: str
    definition: str | None = None
    description: None = None


@dataclass(frozen=True, slots=True)
class NCBITranscript:
    """The transcript of RefSeq that is identical."""

    id: str

    @property
    def url(self) -> str:
        """Its page at NCBI."""
        return f"https://www.ncbi.nlm.nih.gov/nuccore/{quote(self.id, safe='')}"


@dataclass(frozen=True, slots=True)
class ManeMetadata(Labelled):
    """A designation by MANE, and the transcript of RefSeq that has it, too."""

    ncbi_transcript: NCBITranscript | None = None


@dataclass(frozen=True, slots=True)
class GeneName:
    """Where the name of a gene comes from."""

    accession_id: str | None
    value: str | None
    url: str | None
    source: ExternalDB | None


_CANONICAL: Final = Labelled(True, "Ensembl canonical", "The transcript that stands for its gene.")
_GENCODE_BASIC: Final = Labelled(
    "GENCODE basic",
    "GENCODE basic",
    "A transcript of the basic set of GENCODE, which leaves out partial transcripts where a gene has complete ones.",
)
_MANE: Final = {
    "select": (
        "MANE Select",
        "The one transcript of the gene that RefSeq and Ensembl/GENCODE agree on, base by base.",
    ),
    "plus_clinical": (
        "MANE Plus Clinical",
        "A further transcript that both agree on, needed to report clinical variants.",
    ),
}
_TSL: Final = {
    1: "An mRNA without doubts supports every splice junction.",
    2: "The best mRNA that supports it is in doubt, or several ESTs do.",
    3: "A single EST supports it.",
    4: "The best EST that supports it is in doubt.",
    5: "No single transcript supports it.",
}
_APPRIS: Final = {
    "principal": "A candidate for the main isoform of the gene; 1 is the surest.",
    "alternative": "An isoform beside the main one; 1 is conserved more widely than 2.",
}
_REFSEQ_TRANSCRIPTS: Final = ("NM_", "NR_")


@dataclass(frozen=True, slots=True)
class GeneMetadata:
    """What is said about a gene."""

    row: StoredGene

    @property
    def biotype(self) -> Labelled | None:
        """The kind of gene."""
        return biotype(self.row.biotype)

    @property
    def name(self) -> GeneName | None:
        """Where the symbol and name come from; None if nothing tells."""
        row = self.row
        if not row.name_source and not row.name_accession:
            return None
        database = row.name_accession.partition(":")[0] or row.name_source
        source = ExternalDB(row.name_source, None) if row.name_source else None
        return GeneName(
            accession_id=row.name_accession or None,
            value=row.name or row.symbol or None,
            url=address(database, row.name_accession) if row.name_accession else None,
            source=source,
        )


@dataclass(frozen=True, slots=True)
class TranscriptMetadata:
    """What is said about a transcript."""

    row: StoredTranscript

    @property
    def biotype(self) -> Labelled | None:
        """The kind of transcript."""
        return biotype(self.row.biotype)

    @property
    def canonical(self) -> Labelled | None:
        """Whether it stands for its gene."""
        return _CANONICAL if self.row.canonical else None

    @property
    def gencode_basic(self) -> Labelled | None:
        """Whether it is of the basic set."""
        return _GENCODE_BASIC if self.row.gencode_basic else None

    @property
    def mane(self) -> ManeMetadata | None:
        """Its designation by MANE."""
        if not self.row.mane:
            return None
        accessions = (dbxref.rpartition(":")[2] for dbxref in self.row.dbxrefs)
        refseq = next((text for text in accessions if text.startswith(_REFSEQ_TRANSCRIPTS)), None)
        transcript = None if refseq is None else NCBITranscript(refseq)
        return ManeMetadata(self.row.mane, *_MANE[self.row.mane], ncbi_transcript=transcript)

    @property
    def tsl(self) -> Labelled | None:
        """The transcript support level."""
        level = self.row.tsl
        return None if level is None else Labelled(str(level), f"TSL:{level}", _TSL.get(level))

    @property
    def appris(self) -> Labelled | None:
        """How surely it is the main isoform."""
        value = self.row.appris
        if not value:
            return None
        kind = value.rstrip("0123456789")
        short = {"principal": "P", "alternative": "ALT"}.get(kind, kind)
        return Labelled(value, f"APPRIS {short}{value[len(kind) :]}", _APPRIS.get(kind))


def biotype(value: str) -> Labelled | None:
    """Return a biotype with a label for people: protein_coding is Protein coding, lncRNA stays."""
    words = value.replace("_", " ")
    return Labelled(value, words[:1].upper() + words[1:] if words.islower() else words) if value else None
