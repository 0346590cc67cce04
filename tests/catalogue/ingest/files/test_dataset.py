"""The dataset that an ingest makes or adds to."""

import pytest

from catalogue.models import (
    DataFile,
    Dataset,
)
from tests.catalogue.lab import (
    Lab,
    make_reads_file,
)

pytestmark = pytest.mark.django_db


def test_a_new_dataset_is_controlled_unless_public(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path, "--title", "The trial", "--licence", "CC0", dataset="closed")
    lab.bam(path, "--public", "--id", "open", dataset="open")
    closed, open_ = Dataset.objects.order_by("slug")
    assert (closed.visibility, closed.title, closed.licence) == ("controlled", "The trial", "CC0")
    assert open_.visibility == "public"


def test_an_ingest_never_opens_a_dataset(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    said = lab.bam(path, "--public")
    assert said.summary == "the dataset trial exists and is controlled; only the admin can make it public"
    assert Dataset.objects.get().visibility == "controlled"
    said = lab.bam(path, "--public", dataset="other")
    assert "reads/a (BAM) belongs to the dataset trial; move it there, or choose another id" in said.told
    assert DataFile.objects.get().dataset.slug == "trial"
    assert "cannot be the name of a dataset" in lab.bam(path, dataset="a b").summary


def test_a_dataset_is_not_made_for_files_that_fail(lab: Lab) -> None:
    (lab.stored / "a.bam").write_bytes(b"nothing")
    assert lab.bam(lab.stored / "a.bam").status == 1
    assert not Dataset.objects.exists()
