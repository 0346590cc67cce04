"""What every change of files has in common: the plan, the caller's files, locks, failures."""

import pytest
from django.db import connection

from catalogue.ingest.files.changes import ChangeRefusedError
from catalogue.ingest.files.move import MoveFiles
from catalogue.ingest.files.remove import RemoveFiles
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.models import AuditEvent, DataFile, Dataset
from tests.catalogue.made_access import make_granted_file

pytestmark = pytest.mark.django_db


class Seen:
    """An observer that remembers what it is told, and may raise as a cancelled job does."""

    def __init__(self, *, stop_at: int | None = None) -> None:
        self.results: list[InputResult] = []
        self.done: list[tuple[int, int | None]] = []
        self.stop_at = stop_at

    def progressed(self, label: str, done: int, total: int | None) -> None:
        self.done.append((done, total))
        if done == self.stop_at:
            raise KeyboardInterrupt

    def noted(self, source: str, message: str) -> None: ...

    def finished(self, result: InputResult) -> None:
        self.results.append(result)


def test_a_plan_writes_nothing_and_its_token_says_whether_it_still_holds() -> None:
    trial, other = Dataset.objects.create(slug="trial"), Dataset.objects.create(slug="other")
    make_granted_file(trial, "a")
    change = MoveFiles(DataFile.objects.all(), to=other)
    token = change.plan().token
    assert change.plan().token == token
    assert DataFile.objects.get().dataset == trial
    assert not AuditEvent.objects.filter(target__contains="datafile").exists()
    make_granted_file(trial, "b")
    with pytest.raises(ChangeRefusedError, match="look at it again"):
        change.apply(token=token)
    assert not DataFile.objects.filter(dataset=other).exists()
    assert change.apply(token=change.plan().token).outcomes == {Outcome.CHANGED: 2}


def test_a_change_never_leaves_the_files_of_its_caller() -> None:
    mine, theirs = Dataset.objects.create(slug="mine"), Dataset.objects.create(slug="theirs")
    make_granted_file(mine, "a")
    make_granted_file(theirs, "b")
    RemoveFiles(DataFile.objects.filter(dataset=mine)).apply()
    assert [row.htsget_id for row in DataFile.objects.all()] == ["b"]
    change = RemoveFiles(DataFile.objects.filter(dataset=mine))
    assert (change.plan().count, change.apply().total) == (0, 0)


def test_a_cancelled_change_keeps_what_was_done() -> None:
    trial = Dataset.objects.create(slug="trial")
    for name in "abc":
        make_granted_file(trial, name)
    seen = Seen(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        RemoveFiles(DataFile.objects.all()).apply(observer=seen)
    assert seen.done == [(1, 3), (2, 3)]
    assert [result.source for result in seen.results] == ["reads/a (BAM)", "reads/b (BAM)"]
    assert [row.htsget_id for row in DataFile.objects.all()] == ["c"]


def test_a_file_that_fails_does_not_stop_the_others_and_is_told_in_words() -> None:
    trial, other = Dataset.objects.create(slug="trial"), Dataset.objects.create(slug="other")
    for name in "abc":
        make_granted_file(trial, name)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'x' USING ERRCODE = 'check_violation', CONSTRAINT = 'file_is_not_empty'; END $$;"
            "CREATE TRIGGER refuse BEFORE UPDATE ON catalogue_datafile FOR EACH ROW"
            " WHEN (NEW.htsget_id = 'b') EXECUTE FUNCTION refuse()"
        )
    result = MoveFiles(DataFile.objects.all(), to=other).apply()
    assert result.failed
    assert [(one.source, one.outcome.value, one.message) for one in result.inputs] == [
        ("reads/a (BAM)", "changed", ""),
        ("reads/b (BAM)", "failed", "A file has at least one byte."),
        ("reads/c (BAM)", "changed", ""),
    ]
    assert [row.htsget_id for row in DataFile.objects.filter(dataset=trial)] == ["b"]
