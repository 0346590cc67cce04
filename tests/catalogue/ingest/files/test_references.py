"""Repairing references: which contigs lack a sequence, and linking them."""

import pytest
from django.test import Client

from catalogue.ingest.files.changes import ChangeRefusedError
from catalogue.ingest.files.references import LinkContigs
from catalogue.ingest.outcomes import Outcome
from catalogue.models import AuditEvent, Contig, DataFile, Dataset, Sequence
from catalogue.queries.missing_references import (
    ContigGroup,
    contigs_without_sequence,
    residues_that_files_lack,
)
from tests.catalogue.lab import Lab, contigs_of, make_reads_file, make_sam_header
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_rows import make_alias, make_sequence

pytestmark = pytest.mark.django_db

ONE, TWO, NONE = (
    ContigGroup("one", 50_000, None, 2), ContigGroup("two", 20_000, None, 2), ContigGroup("none", 5_000, None, 2)
)  # fmt: skip


def groups() -> list[ContigGroup]:
    return contigs_without_sequence(DataFile.objects.all())


@pytest.fixture
def two_files(lab: Lab) -> Lab:
    for name in "ab":
        lab.bam(make_reads_file(lab.stored / f"{name}.bam"), "--public")
    return lab


def test_contigs_without_a_sequence_are_grouped_with_the_number_of_their_files(two_files: Lab) -> None:
    two_files.bam(make_reads_file(two_files.stored / "c.bam", header=make_sam_header({"one": 49_999, "two": 20_000}),
                                  places=[]))  # fmt: skip
    assert groups() == [TWO._replace(files=3), NONE, ONE, ContigGroup("one", 49_999, None, 1)]
    assert contigs_without_sequence(DataFile.objects.all(), limit=1, offset=1) == [NONE]
    assert contigs_without_sequence(DataFile.objects.all(), name="WO") == [TWO._replace(files=3)]
    assert contigs_without_sequence(DataFile.objects.filter(htsget_id="c"), name="one") == [
        ContigGroup("one", 49_999, None, 1)
    ]


def test_a_group_is_linked_to_a_sequence_in_every_file_and_answers_by_its_names(
    two_files: Lab, client: Client
) -> None:
    sequence = make_sequence(b"A" * 50_000, "ucsc:chr1")
    change = LinkContigs(DataFile.objects.all(), [ONE], sequence)
    plan = change.plan()
    assert (plan.count, plan.refusals) == (2, ())
    assert plan.effects[0] == f"contig one of 50,000 bases of 2 files will be linked to {sequence}."
    assert client.get("/reads/a?referenceName=chr1").status_code == 404
    assert change.apply().inputs[0].counts == {"linked": 2}
    assert client.get("/reads/a?referenceName=chr1").status_code == 200
    assert groups() == [NONE, TWO]
    event = AuditEvent.objects.get(detail__change="linked")
    assert (event.dataset, event.detail["contig"], event.detail["contigs"]) == ("trial", "one", 2)
    assert change.plan().count == 0


def test_what_was_linked_outlasts_ingests_and_a_collection_of_the_dataset(two_files: Lab) -> None:
    sequence = make_sequence(b"A" * 50_000)
    LinkContigs(DataFile.objects.all(), [ONE], sequence).apply()
    make_collection("other", {"one": b"C" * 50_000, "two": b"C" * 20_000})
    two_files.bam(make_reads_file(two_files.stored / "a.bam"), "--collection", "other")
    first, second, _ = contigs_of("a")
    assert first.sequence == sequence
    assert second.sequence == make_collection_member("other", "two")


def make_collection_member(collection: str, name: str) -> Sequence:
    return Sequence.objects.get(memberships__collection__name=collection, memberships__name=name)


def test_groups_are_linked_to_the_members_of_a_collection_by_name_or_alias(two_files: Lab) -> None:
    collection = make_collection(
        "GRCtest", {"chr1": b"A" * 50_000, "two": b"C" * 20_000, "none": b"G" * 4_999}
    )
    make_alias(make_collection_member("GRCtest", "chr1"), "insdc:one")
    change = LinkContigs(DataFile.objects.all(), [ONE, TWO, NONE], collection)
    plan = change.plan()
    assert (plan.count, plan.refusals) == (4, ())
    assert "contig none of 5,000 bases: GRCtest has no member, or several, of this name" in " ".join(
        plan.effects
    )
    change.apply()
    assert [contig.sequence for contig in contigs_of("b")] == [
        make_collection_member("GRCtest", "chr1"), make_collection_member("GRCtest", "two"), None,
    ]  # fmt: skip
    with pytest.raises(ChangeRefusedError, match="no member, or several"):
        LinkContigs(DataFile.objects.all(), [NONE], collection).apply()


def test_length_and_md5_have_to_agree(two_files: Lab) -> None:
    short, other = make_sequence(b"A" * 49_999), make_sequence(b"C" * 50_000)
    with pytest.raises(ChangeRefusedError, match=r"49,999 residues, the header says 50,000"):
        LinkContigs(DataFile.objects.all(), [ONE], short).apply()
    md5 = "ab" * 16
    Contig.objects.filter(name="one").update(md5=bytes.fromhex(md5))
    group = ONE._replace(md5=md5)
    assert group in groups()
    with pytest.raises(ChangeRefusedError, match=f"md5 {md5}, which the sequence does not have"):
        LinkContigs(DataFile.objects.all(), [group], other).apply()
    collection = make_collection("GRCtest", {"one": b"C" * 50_000})
    with pytest.raises(ChangeRefusedError, match="no member"):
        LinkContigs(DataFile.objects.all(), [group], collection).apply()
    right = Sequence.objects.create(md5=bytes.fromhex(md5), length=50_000)
    assert LinkContigs(DataFile.objects.all(), [group], right).apply().outcomes == {Outcome.CHANGED: 1}
    assert contigs_of("a")[0].sequence == right


def test_contigs_of_files_of_others_stay_as_they_are(two_files: Lab) -> None:
    theirs = DataFile.objects.get(htsget_id="b")
    theirs.dataset = Dataset.objects.create(slug="theirs")
    theirs.save()
    mine = DataFile.objects.filter(dataset__slug="trial")
    LinkContigs(mine, [ONE], make_sequence(b"A" * 50_000)).apply()
    assert contigs_of("a")[0].sequence is not None
    assert contigs_of("b")[0].sequence is None


def test_sequences_that_are_named_and_not_held_are_listed_with_the_files_that_need_them(lab: Lab) -> None:
    held, md5 = make_sequence(b"ACGT" * 5), "ef" * 16
    header = f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:20\tM5:{bytes(held.md5).hex()}\n@SQ\tSN:2\tLN:30\tM5:{md5}\n@RG\tID:1\tSM:a\n"
    for name in "ab":
        lab.bam(make_reads_file(lab.stored / f"{name}.bam", header=header, places=[]))
    assert residues_that_files_lack(DataFile.objects.all()) == [(md5, "2", 30, 2)]
    assert residues_that_files_lack(DataFile.objects.none()) == []
