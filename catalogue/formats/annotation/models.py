"""The models that an annotation describes: genes, their transcripts, and the coding sequences of these.

Positions are 0-based and half-open on the forward strand of a region, which is the number that the caller gave a
sequence. Blocks (exons, coding segments) are in the order of transcription. On a circular region, positions of what
crosses the origin count on beyond the region's length.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Block(NamedTuple):
    """A part of one strand of a region: an exon, or a coding segment."""

    region: int
    start: int
    end: int
    strand: int


class StableId(NamedTuple):
    """A stable id without its version, and its version where it has one."""

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}.{self.version}"


class Recoded(NamedTuple):
    """One residue that is not what its codon says (`transl_except`); `blocks` are where its codon is."""

    blocks: tuple[tuple[int, int], ...]
    residue: str


@dataclass(slots=True)
class Coding:
    """One coding sequence of a transcript, stop codon included, with what makes its protein.

    `phase` is the number of residues before the first whole codon. `complete_start` and `complete_end` tell whether
    the annotation lets it begin and end within the transcript; `pseudo` that it makes no protein. `differs` says why
    the published protein is not what the genome says.
    """

    stable_id: StableId
    segments: tuple[Block, ...]
    phase: int = 0
    complete_start: bool = True
    complete_end: bool = True
    pseudo: bool = False
    genetic_code: int | None = None
    recoded: tuple[Recoded, ...] = ()
    selenoprotein: bool = False
    starts_with_methionine: bool = False
    differs: str = ""
    name: str = ""
    dbxrefs: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Transcript:
    """A transcript. `implied` where no line describes it: a coding sequence or exons lie directly below a gene."""

    stable_id: StableId
    line: int
    exons: tuple[Block, ...]
    exon_ids: list[str]
    so_term: str
    implied: bool = False
    source: str = ""
    symbol: str = ""
    biotype: str = ""
    dbxrefs: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    canonical: bool = False
    mane: str = ""
    gencode_basic: bool = False
    tsl: int | None = None
    appris: str = ""
    differs: str = ""
    codings: list[Coding] = field(default_factory=list)


@dataclass(slots=True)
class Gene:
    """A gene with its transcripts. `region`, `start` and `end` enclose all of its parts on its first region."""

    stable_id: StableId
    line: int
    region: int
    start: int
    end: int
    strand: int
    so_term: str
    source: str = ""
    symbol: str = ""
    biotype: str = ""
    name: str = ""
    name_source: str = ""
    name_accession: str = ""
    synonyms: list[str] = field(default_factory=list)
    dbxrefs: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    transcripts: list[Transcript] = field(default_factory=list)
