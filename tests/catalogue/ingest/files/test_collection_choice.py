"""An ingest of reads or variants finds the collection that its files were made with."""

import pytest

from catalogue.models import Contig, Dataset
from tests.catalogue.lab import Lab, make_reads_file, make_sam_header
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_fasta import make_residues

pytestmark = pytest.mark.django_db

GENOME = {"one": make_residues(5_000), "two": make_residues(4_000), "three": make_residues(3_000)}
SIZES = {name: len(residues) for name, residues in GENOME.items()}


def ingest(lab: Lab, sizes: dict[str, int], *options: str, name: str = "a") -> str:
    path = make_reads_file(
        lab.stored / f"{name}.bam", header=make_sam_header(sizes), places=[(next(iter(sizes)), 3)]
    )
    said = lab.bam(path, *options)
    assert said.status == 0
    return str(said.told)


def test_the_dataset_gets_the_collection_and_its_contigs_their_sequences(lab: Lab) -> None:
    collection = make_collection("genome", GENOME)
    make_collection("other", {"one": make_residues(700)})
    assert "made with collection 'genome'" in ingest(lab, SIZES)
    assert Dataset.objects.get().collection == collection
    linked = Contig.objects.values_list("name", "sequence__length")
    assert dict(linked) == SIZES
    # The next file says nothing: the dataset has its collection.
    assert "genome" not in ingest(lab, SIZES, name="b")


def test_a_dataset_that_is_there_gets_it_too(lab: Lab) -> None:
    assert ingest(lab, SIZES) == ""
    collection = make_collection("genome", GENOME)
    assert "made with collection 'genome'" in ingest(lab, dict(list(SIZES.items())[:2]), name="b")
    assert Dataset.objects.get().collection == collection
    assert not Contig.objects.filter(sequence=None).exists()


def test_a_dry_run_says_the_same_and_changes_nothing(lab: Lab) -> None:
    make_collection("genome", GENOME)
    assert "made with collection 'genome'" in ingest(lab, SIZES, "--dry-run")
    assert not Dataset.objects.exists()


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({**SIZES, "decoy": 77}, "most like collection 'genome', but 1 not in it"),
        ({**SIZES, "two": 3_999}, "most like collection 'genome', but 1 of another length"),
        ({"1": 5_000, "two": 4_000}, "most like collection 'genome', but 1 renamed"),
        ({"x": 55}, ""),
    ],
)
def test_a_collection_that_does_not_fit_is_not_taken(lab: Lab, sizes: dict[str, int], told: str) -> None:
    make_collection("genome", GENOME)
    said = ingest(lab, sizes)
    assert told in said and "made with" not in said
    assert Dataset.objects.get().collection is None


def test_of_several_that_fit_alike_none_is_taken(lab: Lab) -> None:
    make_collection("genome", GENOME)
    make_collection("twin", GENOME)
    assert "fits the collections 'genome', 'twin' alike" in ingest(lab, SIZES)
    assert Dataset.objects.get().collection is None


def test_private_collections_are_not_told_of(lab: Lab) -> None:
    make_collection("secret", GENOME, private=True)
    assert ingest(lab, SIZES) == ""
    assert Dataset.objects.get().collection is None
