"""Renaming ids: the old one redirects or is retired, and is never used again by accident."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from catalogue.errors import NotFound
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.changes import ChangeRefusedError
from catalogue.ingest.files.remove import RemoveFiles
from catalogue.ingest.files.rename import RenameFile, release_id
from catalogue.models import AuditEvent, DataFile, Dataset, FormerId
from tests.catalogue.lab import Lab, make_reads_file, registered
from tests.catalogue.made_access import make_granted_file

pytestmark = pytest.mark.django_db


def rename(old: str, new: str, *, redirect: bool = True) -> RenameFile:
    return RenameFile(DataFile.objects.all(), FileKind.READS, old, new, redirect)


def former_ids() -> dict[str, str]:
    return dict(FormerId.objects.values_list("htsget_id", "target"))


@pytest.fixture
def trial() -> Dataset:
    return Dataset.objects.create(slug="trial", visibility="public")


def test_every_format_of_an_id_is_renamed_and_other_kinds_are_not(trial: Dataset) -> None:
    for format in ("BAM", "CRAM", "VCF"):
        make_granted_file(trial, "a", format=format)
    plan = rename("a", "b").plan()
    assert plan.effects[0].startswith("reads/a (BAM and CRAM) will be called reads/b.")
    assert "redirects" in plan.effects[1]
    result = rename("a", "b").apply()
    assert (result.failed, result.inputs[0].counts, result.inputs[0].paths) == (
        False,
        {"renamed": 2},
        ("reads/b",),
    )
    assert registered() == ["reads/b BAM", "reads/b CRAM", "variants/a VCF"]
    events = AuditEvent.objects.filter(target__startswith="datafile")
    assert [event.detail for event in events] == [
        {"change": "renamed", "from": "a", "to": "b", "old_id": "redirects"}
    ] * 2


def test_a_former_id_answers_as_the_new_one_and_a_retired_one_as_an_unknown_one(
    lab: Lab, client: Client
) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam"), "--public")
    ticket = client.get("/reads/a?referenceName=one").json()
    rename("a", "b").apply()
    assert client.get("/reads/a?referenceName=one").json() == ticket
    assert client.get("/reads/b?referenceName=one").json() == ticket
    rename("b", "c", redirect=False).apply()
    assert client.get("/reads/c?referenceName=one").json() == ticket
    # An id that redirected to what is retired now redirects to the file, not to the id in between.
    assert client.get("/reads/a?referenceName=one").json() == ticket
    gone, unknown = client.get("/reads/b"), client.get("/reads/nosuch")
    assert gone.status_code == unknown.status_code == 404
    assert gone.json()["htsget"]["error"] == unknown.json()["htsget"]["error"] == "NotFound"


def test_a_former_id_is_as_closed_as_its_file(lab: Lab, client: Client) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    rename("a", "b").apply()
    assert client.get("/reads/a").status_code == client.get("/reads/b").status_code == 401


def test_an_id_that_was_renamed_is_not_taken_by_an_ingest(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    rename("a", "b").apply()
    for arguments in ([path], [path, "--replace"], [make_reads_file(lab.stored / "2" / "a.bam")]):
        said = lab.bam(*arguments)
        assert said.status == 1
        assert "This id was that of other files before; release it first" in said.told
    assert registered() == ["reads/b BAM"]
    freed = release_id(FileKind.READS, "a")
    assert freed == "reads/a is free again; it redirected to b."
    assert lab.bam(path).status == 0
    assert registered() == ["reads/a BAM", "reads/b BAM"]


def test_a_rename_is_refused_with_a_reason(trial: Dataset) -> None:
    for name in ("a", "b", "c"):
        make_granted_file(trial, name)
    rename("b", "old-b", redirect=False).apply()
    rename("c", "new-c").apply()
    for old, new, reason in (
        ("nosuch", "x", "There are no reads with the id 'nosuch'."),
        ("a", "a", "This is the id already."),
        ("a", "old-b", "There are reads with the id 'old-b'"),
        ("a", "b", "'b' is a former id, which is retired"),
        ("a", "c", "'c' is a former id, which redirects to 'new-c'"),
        ("a", "", "cannot be an id"),
        ("a", "service-info", "cannot be an id"),
        ("a", "x/../y", "cannot be part of a URL"),
        ("a", "x" * 256, "at most 255 characters"),
        ("a", "x\0", "cannot be part of a URL"),
        ("x\0", "b", "cannot be part of a URL"),
        ("a", "x\ud800", "cannot be part of a URL"),
    ):
        plan = rename(old, new).plan()
        assert reason in " ".join(plan.refusals), (old, new)
        with pytest.raises(ChangeRefusedError, match=r"\."):
            rename(old, new).apply()
    assert registered() == ["reads/a BAM", "reads/new-c BAM", "reads/old-b BAM"]


def test_an_id_with_files_of_others_is_not_renamed(trial: Dataset) -> None:
    make_granted_file(trial, "a")
    make_granted_file(Dataset.objects.create(slug="other"), "a", format="CRAM")
    mine = RenameFile(DataFile.objects.filter(dataset=trial), FileKind.READS, "a", "b", True)
    assert mine.plan().refusals == ("'a' also names files that you may not change.",)


def test_a_rename_can_be_taken_back(trial: Dataset) -> None:
    make_granted_file(trial, "a")
    rename("a", "b").apply()
    plan = rename("b", "a").plan()
    assert "reads/a is an earlier id of these files, and is no longer a former id." in plan.effects
    rename("b", "a").apply()
    assert (registered(), former_ids()) == (["reads/a BAM"], {"b": "a"})
    rename("a", "c").apply()
    assert former_ids() == {"a": "c", "b": "c"}


def test_former_ids_are_retired_with_the_last_file_of_their_target(trial: Dataset) -> None:
    for format in ("BAM", "CRAM"):
        make_granted_file(trial, "a", format=format)
    rename("a", "b").apply()
    RemoveFiles(DataFile.objects.filter(format="BAM")).apply()
    assert former_ids() == {"a": "b"}
    plan = RemoveFiles(DataFile.objects.all()).plan()
    assert "1 former id that redirected here will be retired with the last format." in plan.warnings
    RemoveFiles(DataFile.objects.all()).apply()
    assert former_ids() == {"a": ""}
    with pytest.raises(IntegrityError), transaction.atomic():
        make_granted_file(trial, "a")


def test_the_database_keeps_ids_and_former_ids_apart(trial: Dataset) -> None:
    FormerId.objects.create(kind="reads", htsget_id="old")
    make_granted_file(trial, "old", format="VCF")
    file = make_granted_file(trial, "new")
    for wrong in (
        lambda: make_granted_file(trial, "old"),
        lambda: DataFile.objects.filter(pk=file.pk).update(htsget_id="old"),
        lambda: FormerId.objects.create(kind="reads", htsget_id="new"),
        lambda: FormerId.objects.create(kind="reads", htsget_id="old"),
        lambda: FormerId.objects.create(kind="reads", htsget_id="x", target="x"),
        lambda: FormerId.objects.create(kind="books", htsget_id="x"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            wrong()


def test_only_a_former_id_of_the_callers_files_is_released(trial: Dataset) -> None:
    make_granted_file(trial, "a")
    rename("a", "b").apply()
    FormerId.objects.create(kind="reads", htsget_id="retired")
    nothing = DataFile.objects.none()
    for kind, name, files in (
        (FileKind.READS, "nosuch", None),
        (FileKind.VARIANTS, "a", None),
        (FileKind.READS, "a", nothing),
        (FileKind.READS, "retired", DataFile.objects.all()),
    ):
        with pytest.raises(NotFound, match="is not a former id"):
            release_id(kind, name, files=files)
    release_id(FileKind.READS, "a", files=DataFile.objects.all())
    release_id(FileKind.READS, "retired")
    assert not former_ids()
    assert AuditEvent.objects.filter(detail__change="released").count() == 2
