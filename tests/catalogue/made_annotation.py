"""The annotation of made genomes, written as each provider writes it.

What the ingest makes of a file is compared with the made genome, with gffread and with Biopython.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.catalogue.made_bacterial_gff3 import (
    insdc_protein,
    locus,
    write_bakta,
    write_ncbi_bacterial,
    write_prokka,
)
from tests.catalogue.made_genomes import MadeGene, MadeGenome, MadeTranscript
from tests.catalogue.made_gff3 import (
    ensembl_ids,
    ncbi_protein,
    ncbi_transcript,
    write_ensembl,
    write_gencode,
    write_ncbi,
)
from tests.catalogue.made_gtf import write_gtf


@dataclass(frozen=True)
class Flavour:
    """How one provider writes annotation. The names are those that the ingest must give, with and without version."""

    name: str
    write: Callable[[MadeGenome], Iterator[str]]
    transcript_name: Callable[[MadeGene, MadeTranscript], str]
    protein_name: Callable[[MadeGene, MadeTranscript], str]
    suffix: str = ".gff3"
    bacterial: bool = False
    begins_with_x: bool = False
    tables: tuple[int, ...] = (1,)
    tells_selenocysteine: bool = False
    tells_incomplete: bool = True


def _ensembl_transcript_name(gene: MadeGene, transcript: MadeTranscript) -> str:
    return f"{ensembl_ids(gene, transcript)[1]}.5"


def _ensembl_protein_name(gene: MadeGene, transcript: MadeTranscript) -> str:
    return f"{ensembl_ids(gene, transcript)[2]}.2"


_ENSEMBL: dict[str, Any] = {
    "transcript_name": _ensembl_transcript_name,
    "protein_name": _ensembl_protein_name,
    "begins_with_x": True,
}


_BACTERIAL: dict[str, Any] = {"transcript_name": locus, "bacterial": True, "tables": (11,)}


FLAVOURS = (
    Flavour("ensembl", write_ensembl, **_ENSEMBL),
    Flavour("gencode", write_gencode, tells_selenocysteine=True, **_ENSEMBL),
    Flavour("gtf", write_gtf, suffix=".gtf", tells_selenocysteine=True, **_ENSEMBL),
    Flavour(
        "ncbi", write_ncbi, ncbi_transcript, ncbi_protein, tables=(1, 2, 4, 6, 10, 12), tells_selenocysteine=True
    ),
    Flavour("prokka", write_prokka, protein_name=locus, **_BACTERIAL),
    Flavour("bakta", write_bakta, protein_name=locus, **_BACTERIAL),
    Flavour(
        "ncbi-bacterial", write_ncbi_bacterial, protein_name=insdc_protein, tells_selenocysteine=True,
        **_BACTERIAL | {"tables": (11, 4, 25)},
    ),
)  # fmt: skip


def write_annotation(genome: MadeGenome, flavour: Flavour, path: Path) -> Path:
    """Write the annotation of a genome in a flavour."""
    path.write_text("".join(f"{line}\n" for line in flavour.write(genome)))
    return path
