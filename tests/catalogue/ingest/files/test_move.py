"""Moving files to another dataset: who may fetch them then, and what is recorded."""

import pytest

from catalogue.ingest.files.changes import ChangeRefusedError
from catalogue.ingest.files.move import MoveFiles
from catalogue.ingest.files.verify import VerifyFiles
from catalogue.ingest.outcomes import Outcome
from catalogue.models import Alias, AuditEvent, Contig, DataFile, Dataset, Grant, GrantFile
from tests.catalogue.lab import Lab, contigs_of, make_reads_file, make_sam_header
from tests.catalogue.made_access import given, make_grant, make_granted_file, make_user, viewer_for
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_ingests import start_ingest
from tests.catalogue.made_rows import make_sequence
from tests.live import PATIENCE

pytestmark = pytest.mark.django_db


def datasets(**visibilities: str) -> list[Dataset]:
    return [
        Dataset.objects.create(slug=slug, visibility=visibility) for slug, visibility in visibilities.items()
    ]


@pytest.mark.parametrize(
    ("origin", "to"), [("controlled", "public"), ("controlled", "registered"), ("registered", "public")]
)
def test_a_move_publishes_only_when_told_to(origin: str, to: str) -> None:
    closed, open_ = datasets(closed=origin, open=to)
    file = make_granted_file(closed)
    plan = MoveFiles(DataFile.objects.all(), to=open_).plan()
    assert "1 file will be more open than before" in plan.refusals[0]
    with pytest.raises(ChangeRefusedError, match="Confirm that they may be published"):
        MoveFiles(DataFile.objects.all(), to=open_).apply()
    file.refresh_from_db()
    assert file.dataset == closed
    told = MoveFiles(DataFile.objects.all(), to=open_, publish=True)
    assert not told.plan().refusals
    assert "more open" in told.plan().warnings[0]
    assert told.apply().outcomes == {Outcome.CHANGED: 1}


def test_a_dataset_that_was_published_since_the_plan_takes_no_file_unasked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed, other = datasets(closed="controlled", other="controlled")
    file = make_granted_file(closed)
    change = MoveFiles(DataFile.objects.all(), to=other)
    plan = change.plan()
    Dataset.objects.filter(pk=other.pk).update(visibility="public")
    monkeypatch.setattr(MoveFiles, "plan", lambda self: plan)
    result = change.apply()
    assert result.failed
    assert "would publish the file" in result.inputs[0].message
    file.refresh_from_db()
    assert file.dataset == closed


def test_grants_never_cover_more_after_a_move() -> None:
    first, second = datasets(first="controlled", second="controlled")
    file, stays = make_granted_file(first, "a"), make_granted_file(first, "b")
    named, whole, other = make_user("named"), make_user("whole"), make_user("other")
    grant = make_grant(first, named, files=[file])
    make_grant(first, whole)
    make_grant(second, other)
    moving = MoveFiles(DataFile.objects.filter(htsget_id="a"), to=second)
    warnings = " ".join(moving.plan().warnings)
    assert "1 grant that names some of these files will no longer do so" in warnings
    assert "Grants on a dataset stay with it" in warnings
    moving.apply()
    file.refresh_from_db()
    assert given(viewer_for(named), file) is None
    assert given(viewer_for(whole), file) is None
    assert given(viewer_for(other), file) is not None
    # The grant that named the file alone now covers no file, not every one.
    assert given(viewer_for(named), stays) is None
    assert Grant.objects.get(pk=grant.pk).limited_to_files
    assert not GrantFile.objects.exists()


def test_a_move_is_recorded_for_both_datasets_and_what_stays_is_not() -> None:
    first, second = datasets(first="controlled", second="controlled")
    make_granted_file(first, "a")
    make_granted_file(second, "b")
    change = MoveFiles(DataFile.objects.all(), to=second)
    assert "1 file of the selection is in second already" in " ".join(change.plan().effects)
    assert change.apply().outcomes == {Outcome.CHANGED: 1}
    events = AuditEvent.objects.filter(target__startswith="datafile").order_by("id")
    assert [(event.dataset, event.detail) for event in events] == [
        ("first", {"change": "moved", "from": "first", "to": "second"}),
        ("second", {"change": "moved", "from": "first", "to": "second"}),
    ]


def test_a_moved_file_is_linked_by_the_assembly_of_its_new_dataset(lab: Lab) -> None:
    collection = make_collection("GRCtest", {"one": b"A" * 50_000})
    other = Dataset.objects.create(slug="other", collection=collection)
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    assert not any(contig.sequence for contig in contigs_of("a"))
    MoveFiles(DataFile.objects.all(), to=other).apply()
    assert [contig.sequence_id is not None for contig in contigs_of("a")] == [True, False, False]
    back = Dataset.objects.get(slug="trial")
    MoveFiles(DataFile.objects.all(), to=back).apply()
    assert not any(contig.sequence for contig in contigs_of("a"))


def test_a_sequence_that_a_steward_chose_outlasts_a_move_and_another_ingest(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    chosen = make_sequence(b"C" * 50_000)
    Contig.objects.filter(name="one").update(sequence=chosen, chosen=True)
    MoveFiles(DataFile.objects.all(), to=Dataset.objects.create(slug="other")).apply()
    assert contigs_of("a")[0].sequence == chosen
    make_reads_file(path, places=[("one", 5)])
    assert "1 replaced" in lab.bam(path, dataset="other").summary
    assert (contigs_of("a")[0].sequence, contigs_of("a")[0].chosen) == (chosen, True)
    # Another length is another contig.
    make_reads_file(path, header=make_sam_header({"one": 49_999}), places=[("one", 5)])
    assert "1 replaced" in lab.bam(path, dataset="other").summary
    assert (contigs_of("a")[0].sequence, contigs_of("a")[0].chosen) == (None, False)


def test_names_in_headers_become_public_with_a_move_that_publishes_and_never_else(lab: Lab) -> None:
    md5 = bytes(make_sequence(b"ACGT" * 5).md5).hex()
    header = f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:20\tM5:{md5}\tAN:chr1\n@RG\tID:1\tSM:a\n"
    lab.bam(make_reads_file(lab.stored / "a.bam", header=header, places=[]))
    closed, open_ = datasets(closed="controlled", open="public")
    MoveFiles(DataFile.objects.all(), to=closed).apply()
    assert not Alias.objects.exists()
    MoveFiles(DataFile.objects.all(), to=open_, publish=True).apply()
    assert [alias.name for alias in Alias.objects.all()] == ["chr1"]


@pytest.mark.django_db(transaction=True)
def test_a_move_and_an_ingest_of_the_same_file_at_once_leave_one_whole_file(lab: Lab) -> None:
    """Whichever comes first: the ingest then finds the file in another dataset, or has replaced it before it moves."""
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    first, other = Dataset.objects.get(slug="trial"), Dataset.objects.create(slug="other")
    for number, (origin, to) in enumerate([(first, other), (other, first)] * 2):
        make_reads_file(path, places=[("one", 10 + number), ("two", 20)])
        ingest = start_ingest("ingest_bam", str(path), "--dataset", origin.slug)
        moved = MoveFiles(DataFile.objects.all(), to=to).apply()
        ingest.join(PATIENCE)
        assert not moved.failed
        row = DataFile.objects.get()
        assert row.dataset == to
        assert [contig.name for contig in contigs_of("a")] == ["one", "two", "none"]
        assert lab.bam(path, dataset=to.slug).status == 0
        assert not VerifyFiles(DataFile.objects.all(), deep=True).apply().failed
