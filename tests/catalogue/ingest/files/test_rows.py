"""How contigs of data files are linked to sequences."""

import pytest

from catalogue.models import (
    Alias,
    CollectionMember,
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
