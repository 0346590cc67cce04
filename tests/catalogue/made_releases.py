"""Annotation releases that tests ingest, and what the catalogue holds after that."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from catalogue import queries
from catalogue.models import (
    Alias,
    DerivedSequence,
    Gene,
    Genome,
    Product,
    ProductGeneratingContext,
    Region,
    Transcript,
)
from tests.catalogue.made_genomes import MadeGenome, make_genome
from tests.catalogue.made_gff3 import write_ensembl

RESIDUES = "".join(random.Random(9).choices("ACGT", k=900))
#: A gene of one transcript and protein on a sequence `c` of `RESIDUES`, for `write_gff3`.
ONE_GENE = """
c x gene 101 400 . + . ID=gene:G1;gene_id=G1;Name=SYM
c x mRNA 101 400 . + . ID=transcript:T1;Parent=gene:G1;transcript_id=T1;version=1
c x exon 101 200 . + . Parent=transcript:T1
c x exon 301 400 . + . Parent=transcript:T1
c x CDS 111 200 . + 0 ID=CDS:P1;Parent=transcript:T1;protein_id=P1;version=1
c x CDS 301 360 . + 0 ID=CDS:P1;Parent=transcript:T1;protein_id=P1;version=1
"""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended: its status, its last line without the time, and what it said on standard error."""

    status: int
    summary: str
    told: str


def annotate(*arguments: str | Path, collection: str = "made", **options: Any) -> Said:
    """Run `ingest_gff3`."""
    out, err = StringIO(), StringIO()
    try:
        call_command(
            "ingest_gff3",
            *map(str, arguments),
            f"--collection={collection}",
            stdout=out,
            stderr=err,
            **options,
        )
    except CommandError as error:
        return Said(error.returncode, str(error), err.getvalue())
    return Said(0, out.getvalue().splitlines()[-1].rpartition("; ")[0], err.getvalue())


def register(folder: Path, sequences: Mapping[str, str], *arguments: str, collection: str = "made") -> None:
    """Register sequences as a collection."""
    folder.mkdir(exist_ok=True)
    fasta = folder / f"{collection}.fa"
    fasta.write_text("".join(f">{name}\n{residues}\n" for name, residues in sequences.items()))
    call_command(
        "ingest_fasta", str(fasta), f"--collection={collection}", *arguments, stdout=StringIO(), verbosity=0
    )


def make_release(folder: Path, seed: int = 1) -> tuple[MadeGenome, Path]:
    """A random genome that is registered, and the lines of its annotation."""
    genome = make_genome(seed)
    register(folder, genome.chromosomes)
    path = folder / "release.gff3"
    path.write_text("".join(f"{line}\n" for line in write_ensembl(genome)))
    return genome, path


def write_gff3(path: Path, text: str) -> Path:
    """Write GFF3 whose columns are separated by spaces, except within the last."""
    rows = [line.split(None, 8) for line in text.strip().splitlines()]
    path.write_text("##gff-version 3\n" + "".join("\t".join(row) + "\n" for row in rows))
    return path


def residues_of(name: str) -> str:
    """The residues of the one sequence that a name means."""
    queries.forget_sequences()
    record = queries.sequence(name)
    return queries.read_residues(record, 0, record.length).decode()


def annotated() -> dict[str, list[Any]]:
    """Every row of annotation, without keys of the database and times."""
    contexts = ProductGeneratingContext.objects.values_list(
        "transcript__genome__genome_id", "transcript__region__name", "transcript__start",
        "transcript__unversioned_stable_id", "number", "product__unversioned_stable_id", "product__version",
        "product__sequence__md5", "cds__md5", "cds_start", "cds_end", "segment_starts", "segment_ends",
        "start_phases", "end_phases", "genetic_code",
    )  # fmt: skip
    feature = (
        "genome__genome_id", "region__name", "start", "end", "strand", "unversioned_stable_id", "version", "symbol",
        "so_term", "biotype", "source", "dbxrefs", "tags",
    )  # fmt: skip
    return {
        "genomes": _plain(Genome.objects.values_list("genome_id", "collection__name", "content", "genes")),
        "regions": _plain(Region.objects.values_list("name", "code", "longest_gene", "longest_transcript")),
        "genes": _plain(Gene.objects.values_list(*feature, "name", "name_source", "name_accession", "synonyms")),
        "transcripts": _plain(
            Transcript.objects.values_list(
                *feature, "gene__unversioned_stable_id", "exon_starts", "exon_ends", "exon_ids", "exon_strands",
                "cdna__md5", "canonical", "mane", "gencode_basic", "tsl", "appris",
            )
        ),
        "contexts": _plain(contexts),
        "products": _plain(Product.objects.values_list("unversioned_stable_id", "version", "sequence__md5", "name")),
        "derived": _plain(DerivedSequence.objects.values_list("genome__genome_id", "sequence__md5")),
        "names": _plain(Alias.objects.values_list("authority__name", "name", "sequence__md5", "collection__name")),
    }  # fmt: skip


def _plain(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    plain = [tuple(bytes(cell) if isinstance(cell, memoryview) else cell for cell in row) for row in rows]
    return sorted(plain, key=repr)
