"""A small catalogue for the pages: a genome, and reads and variants on it, in a public and in a closed dataset."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from catalogue.models import DataFile, Dataset, SequenceCollection
from catalogue.queries import forget_files, forget_sequences
from portal.pages.home import forget_examples
from tests.catalogue.made_access import make_grant, make_user
from tests.htsget_app.made_data import make_data_file, write_bam, write_vcf

GENOME = {
    name: "".join(random.Random(seed).choices("ACGT", k=length))
    for seed, (name, length) in enumerate({"chrA": 30_000, "chrB": 8_000}.items())
}
#: An id of every kind of character that shells, URLs and HTML give a meaning.
AWKWARD = "dir/a b&c=d?e#f%g+h'i\"j<k>l`m$n;o\\p{q}[r]*ü"


@dataclass(frozen=True, slots=True)
class Portal:
    """The catalogue: a file of each kind and an awkward id in `open`, and the reads again in `closed`."""

    collection: SequenceCollection
    open: Dataset
    closed: Dataset
    reads: DataFile
    variants: DataFile
    awkward: DataFile
    hidden: DataFile
    reader: User
    stranger: User


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("portal")
    contigs = [(name, len(residues)) for name, residues in GENOME.items()]
    (folder / "genome.fa").write_text("".join(f">{name}\n{residues}\n" for name, residues in GENOME.items()))
    reads = [
        (contig, start, 100) for contig, size in ((0, 29_000), (1, 7_000)) for start in range(200, size, 50)
    ]
    return {
        "genome": folder / "genome.fa",
        "bam": write_bam(
            folder / "x.bam", contigs=[(*contig, None) for contig in contigs], reads=reads, unplaced=3
        ),
        "vcf": write_vcf(
            folder / "x.vcf.gz",
            contigs=contigs,
            records=[(contig, start) for contig in (0, 1) for start in range(100, 7000, 90)],
        ),
    }


@pytest.fixture
def portal(db: None, written: dict[str, Path]) -> Portal:
    forget_examples()
    forget_files()
    forget_sequences()
    call_command(
        "ingest_fasta", str(written["genome"]), "--authority=lab", "--collection=lab-1.0", verbosity=0
    )
    collection = SequenceCollection.objects.get(name="lab-1.0")
    made = {
        slug: Dataset.objects.create(
            slug=slug,
            title=f"The {slug} data",
            visibility=visibility,
            collection=collection,
            licence="CC0",
            contact="mail@example.org",
        )
        for slug, visibility in (("open", "public"), ("closed", "controlled"))
    }
    reader, stranger = make_user("ada"), make_user("eve")
    make_grant(made["closed"], reader)
    return Portal(
        collection=collection,
        open=made["open"],
        closed=made["closed"],
        reads=make_data_file(written["bam"], "run/one", dataset=made["open"]),
        variants=make_data_file(written["vcf"], "calls", dataset=made["open"]),
        awkward=make_data_file(written["bam"], AWKWARD, dataset=made["open"]),
        hidden=make_data_file(written["bam"], "secret/one", dataset=made["closed"]),
        reader=reader,
        stranger=stranger,
    )
