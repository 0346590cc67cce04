"""Removing files: what goes, what stays, and that nothing becomes public by it."""

import pytest

from catalogue.ingest.files.remove import RemoveFiles
from catalogue.ingest.outcomes import Outcome
from catalogue.models import AuditEvent, Contig, DataFile, Dataset, FormerId, Grant
from catalogue.storage import FILES, storage
from tests.catalogue.lab import Lab, make_reads_file, registered
from tests.catalogue.made_access import given, make_grant, make_granted_file, make_user, viewer_for
from tests.catalogue.made_ingests import finish, start_ingest
from tests.object_store import ObjectStore


@pytest.mark.django_db(transaction=True)
def test_copies_go_with_the_last_file_that_has_their_bytes_and_others_stay_where_they_lie(lab: Lab) -> None:
    outside = make_reads_file(lab.outside / "a.bam", index=None)
    in_place = make_reads_file(lab.stored / "b.bam")
    lab.bam(outside, "--copy")
    lab.bam(outside, "--copy", "--id", "twin")
    lab.bam(in_place)
    assert len(lab.kept()) == 2  # one copy and its index
    plan = RemoveFiles(DataFile.objects.all()).plan()
    size = outside.stat().st_size
    assert plan.title == "Remove 3 files from the catalogue"
    assert f"2 copies of {2 * size:,} bytes in the site's storages will be deleted for good." in plan.warnings
    assert any(
        effect.startswith("1 file will no longer be served, but the stored bytes stay")
        for effect in plan.effects
    )
    twin = RemoveFiles(DataFile.objects.filter(htsget_id="twin"))
    assert "1 of them stay because other files have the same bytes" in " ".join(twin.plan().warnings)
    twin.apply()
    assert len(lab.kept()) == 2
    RemoveFiles(DataFile.objects.all()).apply()
    assert not lab.kept()
    assert in_place.exists() and outside.exists()
    assert not DataFile.objects.exists() and not Contig.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_copies_in_a_bucket_go_too(lab: Lab, stored_in_s3: ObjectStore) -> None:
    outside = make_reads_file(lab.outside / "a.bam", index=None)
    lab.bam(outside, "--copy")
    assert len(list(storage(FILES).list())) == 2
    RemoveFiles(DataFile.objects.all()).apply()
    assert not list(storage(FILES).list())


@pytest.mark.django_db
def test_nothing_becomes_public_by_a_removal() -> None:
    trial = Dataset.objects.create(slug="trial")
    file, other = make_granted_file(trial, "a"), make_granted_file(trial, "b")
    user = make_user("reader")
    make_grant(trial, user, files=[file])
    removing = RemoveFiles(DataFile.objects.filter(pk=file.pk))
    assert "1 grant limited to some of these files will no longer name them" in " ".join(
        removing.plan().warnings
    )
    removing.apply()
    grant = Grant.objects.get()
    assert grant.limited_to_files and not grant.files.exists()
    assert given(viewer_for(user), other) is None
    assert Dataset.objects.get().visibility == "controlled"


@pytest.mark.django_db
def test_a_removal_is_recorded_with_what_was_removed() -> None:
    make_granted_file(Dataset.objects.create(slug="trial"), "a")
    assert RemoveFiles(DataFile.objects.all()).apply().outcomes == {Outcome.CHANGED: 1}
    event = AuditEvent.objects.get(detail__change="removed")
    assert (event.dataset, event.detail["storage"], event.detail["format"]) == ("trial", "files", "BAM")
    assert event.target.endswith(": reads/a (BAM)")


@pytest.mark.django_db
def test_ids_are_retired_with_the_last_format_where_the_steward_says_so() -> None:
    trial = Dataset.objects.create(slug="trial")
    for format in ("BAM", "CRAM"):
        make_granted_file(trial, "a", format=format)
    assert "The ids are retired" in " ".join(RemoveFiles(DataFile.objects.all(), retire=True).plan().effects)
    RemoveFiles(DataFile.objects.filter(format="BAM"), retire=True).apply()
    assert not FormerId.objects.exists()
    RemoveFiles(DataFile.objects.all(), retire=True).apply()
    assert [(row.htsget_id, row.target) for row in FormerId.objects.all()] == [("a", "")]


@pytest.mark.django_db
def test_a_selection_of_nothing_plans_and_does_nothing() -> None:
    plan = RemoveFiles(DataFile.objects.all()).plan()
    assert (plan.count, plan.effects, plan.warnings, plan.refusals) == (0, (), (), ())
    assert RemoveFiles(DataFile.objects.all()).apply().total == 0


@pytest.mark.django_db(transaction=True)
def test_an_ingest_of_the_same_bytes_at_the_same_time_never_loses_its_copy(lab: Lab) -> None:
    outside = make_reads_file(lab.outside / "a.bam", index=None)
    for _ in range(3):
        lab.bam(outside, "--copy")
        ingest = start_ingest("ingest_bam", str(outside), "--dataset", "trial", "--copy", "--id", "again")
        RemoveFiles(DataFile.objects.filter(htsget_id="a")).apply()
        finish(ingest)
        assert registered() == ["reads/again BAM"]
        row = DataFile.objects.get()
        assert storage(row.storage).stat(row.key).etag == row.etag
        assert len(lab.kept()) == 2
        RemoveFiles(DataFile.objects.all()).apply()
        assert not lab.kept()
