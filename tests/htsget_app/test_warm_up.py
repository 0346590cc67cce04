"""The warm-up of a process: it fills caches, and its failures do not stop the process."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from catalogue.models import AuditEvent, DataFile, Dataset
from catalogue.queries import forget_files
from htsget_app.warm_up import make_first_tickets
from tests.htsget_app.made_data import make_data_file, make_dataset, stored_path, write_bam

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> DataFile:
    bam = write_bam(tmp_path / "made.bam", contigs=[("none", 9, None), ("1", 900, None)], reads=[(1, 5, 50)])
    return make_data_file(bam, "made", dataset=make_dataset("warmed"))


def test_a_first_ticket_is_made(client: Client, file: DataFile, django_assert_num_queries: Any) -> None:
    forget_files()
    told = AuditEvent.objects.count()
    make_first_tickets()
    assert AuditEvent.objects.count() == told, "nobody asked for anything"
    # The file, and the record of the audit; header and contig are remembered.
    with django_assert_num_queries(2):
        client.get("/reads/made?referenceName=1&start=0&end=1")


def test_no_file_to_make_it_of(file: DataFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("no such ticket may be made")

    monkeypatch.setattr("htsget_app.warm_up.ticket", fail)
    Dataset.objects.filter(slug="warmed").update(visibility="controlled")
    make_first_tickets()
    Dataset.objects.filter(slug="warmed").update(visibility="public")
    DataFile.objects.update(index_kind="")
    make_first_tickets()
    DataFile.objects.all().delete()
    make_first_tickets()


def test_a_warm_up_that_fails(
    file: DataFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stored_path(file).unlink()
    make_first_tickets()
    assert "could not be made" in caplog.text
    caplog.clear()

    def fail(**_: object) -> None:
        raise OperationalError("no database")

    monkeypatch.setattr("htsget_app.warm_up.small_public_file", fail)
    make_first_tickets()
    assert "no database" in caplog.text
