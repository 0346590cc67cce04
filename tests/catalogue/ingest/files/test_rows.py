"""How contigs of data files are linked to sequences, and who may know the names that headers give them."""

import pytest
from django.test import Client
from django.urls import reverse

from catalogue import queries
from catalogue.access import ANONYMOUS
from catalogue.errors import NotFound
from catalogue.formats.headers import FileFormat
from catalogue.models import (
    Alias,
    CollectionMember,
    DataFile,
    Dataset,
    SequenceCollection,
)
from tests.catalogue.lab import (
    Lab,
    contigs_of,
    make_reads_file,
    make_sam_header,
)
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db


def test_md5s_make_sequences_that_are_known_but_not_held(lab: Lab) -> None:
    Dataset.objects.create(slug="trial", visibility=Dataset.Visibility.PUBLIC)
    held = make_sequence(b"ACGT" * 5)
    md5, other = bytes(held.md5).hex(), "ef" * 16
    header = (
        f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:20\tM5:{md5.upper()}\tAN:chr1,CM000663.2\n@SQ\tSN:2\tLN:30\tM5:{other}\n"
    )
    header += "@SQ\tSN:3\tLN:40\tAN:chr3\n@RG\tID:1\tSM:a\n"
    lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[]))
    first, second, third = contigs_of("a")
    assert first.sequence == held
    assert second.sequence is not None
    assert (bytes(second.sequence.md5).hex(), second.sequence.length) == (other, 30)
    assert second.sequence.blob is None
    assert second.sequence.sha512t24u is None
    assert third.sequence is None
    names = Alias.objects.order_by("name").values_list("authority__name", "name", "sequence_id")
    assert list(names) == [("sam", "CM000663.2", held.pk), ("sam", "chr1", held.pk)]


def ingest_named_contigs(lab: Lab, *, visibility: str) -> None:
    """A file `a` in the dataset trial: contig 1 has an md5 and two AN, contig 2 only an AN."""
    Dataset.objects.create(slug="trial", visibility=visibility)
    md5 = bytes(make_sequence(b"ACGT" * 5).md5).hex()
    header = (
        f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:20\tM5:{md5}\tAN:chr1,own\n@SQ\tSN:2\tLN:30\tAN:two\n@RG\tID:1\tSM:a\n"
    )
    assert lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[])).status == 0


def public_names() -> list[str]:
    return list(Alias.objects.order_by("name").values_list("name", flat=True))


@pytest.mark.parametrize("visibility", [Dataset.Visibility.CONTROLLED, Dataset.Visibility.REGISTERED])
def test_names_in_headers_that_are_not_public_stay_with_the_file(
    lab: Lab, client: Client, visibility: str
) -> None:
    ingest_named_contigs(lab, visibility=visibility)
    assert not public_names()
    assert client.get("/sequence/sam:own/metadata").status_code == 404
    Dataset.objects.update(visibility=Dataset.Visibility.PUBLIC)  # as nobody publishes it: adds no names
    file = queries.find_file(viewer=ANONYMOUS, kind="reads", htsget_id="a", format=FileFormat.BAM)
    named = queries.contigs_by_name(file, ["1", "own", "two"])
    assert {name: contig.number for name, contig in named.items()} == {"1": 0, "own": 0, "two": 1}
    with pytest.raises(NotFound):
        queries.contigs_by_name(file, ["three"])


def test_publishing_a_dataset_publishes_the_names_in_its_headers(lab: Lab, admin_client: Client) -> None:
    ingest_named_contigs(lab, visibility=Dataset.Visibility.CONTROLLED)
    dataset = Dataset.objects.get()
    form = {"slug": "trial", "title": "", "description": "", "licence": "", "contact": "", "collection": ""}
    form |= {"prefixes-TOTAL_FORMS": "0", "prefixes-INITIAL_FORMS": "0"}
    address = reverse("admin:catalogue_dataset_change", args=[dataset.pk])
    assert admin_client.post(address, {**form, "visibility": "registered"}).status_code == 302
    assert not public_names()
    assert admin_client.post(address, {**form, "visibility": "public"}).status_code == 302
    assert public_names() == ["chr1", "own"]


def test_moving_a_file_into_a_public_dataset_publishes_the_names_in_its_header(
    lab: Lab, admin_client: Client
) -> None:
    ingest_named_contigs(lab, visibility=Dataset.Visibility.CONTROLLED)
    public = Dataset.objects.create(slug="public", visibility=Dataset.Visibility.PUBLIC)
    file = DataFile.objects.get()
    address = reverse("admin:catalogue_datafile_change", args=[file.pk])
    form = {"htsget_id": "a", "dataset": public.pk, "contigs-TOTAL_FORMS": 0, "contigs-INITIAL_FORMS": 0}
    assert admin_client.post(address, form).status_code == 302
    assert public_names() == ["chr1", "own"]


def test_an_md5_with_another_length_is_not_linked(lab: Lab) -> None:
    held = make_sequence(b"ACGT" * 5)
    header = f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:21\tM5:{bytes(held.md5).hex()}\tAN:chr1\n@RG\tID:1\tSM:a\n"
    said = lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[]))
    assert said.status == 0
    assert "a length of 21, known with 20" in said.told
    assert contigs_of("a")[0].sequence is None
    assert not Alias.objects.exists()


def test_contigs_without_md5_are_linked_by_name_and_length_within_the_collection(lab: Lab) -> None:
    collection = SequenceCollection.objects.create(name="GRCtest")
    other = SequenceCollection.objects.create(name="other")
    sequence, longer = make_sequence(b"ACGT" * 5), make_sequence(b"ACGT" * 6)
    CollectionMember.objects.create(collection=collection, position=0, name="1", sequence=sequence)
    CollectionMember.objects.create(collection=collection, position=1, name="2", sequence=longer)
    CollectionMember.objects.create(collection=other, position=0, name="2", sequence=sequence)
    header = make_sam_header({"1": 20, "2": 20})
    path = make_reads_file(lab.stored / "a.bam", header=header, places=[])
    assert "there is no collection named 'none'" in lab.bam(path, "--collection", "none").summary
    lab.bam(path)
    assert [contig.sequence for contig in contigs_of("a")] == [None, None]
    # Told later, it links what is there already.
    assert lab.bam(path, "--collection", "GRCtest").summary.startswith("0 added, 1 unchanged")
    assert [contig.sequence for contig in contigs_of("a")] == [sequence, None]
    # Another one undoes that.
    lab.bam(path, make_reads_file(lab.stored / "b.bam", header=header, places=[]), "--collection", "other")
    assert Dataset.objects.get().collection == other
    for htsget_id in "ab":
        assert [contig.sequence for contig in contigs_of(htsget_id)] == [None, sequence]
