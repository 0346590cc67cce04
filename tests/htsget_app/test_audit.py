"""Audit events of tickets and deliveries."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from catalogue import api_tokens
from catalogue.models import AuditEvent
from tests.catalogue.made_access import make_grant, make_user
from tests.htsget_app.made_data import make_data_file, make_dataset, write_bam

pytestmark = pytest.mark.django_db


@pytest.fixture
def bam(tmp_path: Path) -> Path:
    reads = [(0, start, 50) for start in range(0, 90_000, 100)]
    return write_bam(tmp_path / "f.bam", contigs=[("1", 100_000, None)], reads=reads, payload=400)


def data_paths(client: Client, path: str, headers: dict[str, str] | None = None) -> list[str]:
    """The paths of the data URLs of some tickets, without that of the header."""
    queries = [{"referenceName": "1", "start": start, "end": start + 40_000} for start in (0, 20_000, 40_000)]
    urls = [
        url for query in queries for url in client.get(path, query, headers=headers).json()["htsget"]["urls"]
    ]
    return [urlsplit(url["url"]).path for url in urls if url["class"] == "body" and "/data/" in url["url"]]


def deliveries() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(kind="delivery").order_by("id"))


def test_deliveries_of_a_public_file_are_counted(client: Client, bam: Path, settings: Any) -> None:
    """A client that fetches again and again, and any slice of the file, writes few rows."""
    settings.HTSGET_INLINE_BYTES = 0
    make_data_file(bam, "open")
    paths = data_paths(client, "/reads/open")
    assert len(set(paths)) == 3
    for number in range(60):
        assert client.get(paths[number % 3]).status_code == 200
    rows = deliveries()
    assert [row.detail for row in rows] == [
        {"format": "BAM", "status": 200, "count": count} for count in (1, 2, 4, 8, 16, 32)
    ]
    assert {(row.target, row.dataset, row.outcome) for row in rows} == {("reads/open", "open", "done")}


def test_deliveries_of_controlled_data_are_told_by_slice(client: Client, bam: Path, settings: Any) -> None:
    settings.HTSGET_INLINE_BYTES = 0
    dataset, user = make_dataset("held", visibility="controlled"), make_user("ada")
    make_data_file(bam, "held", dataset=dataset)
    grant = make_grant(dataset, user)
    _, text = api_tokens.issue(user=user, name="n", scopes=["reads"])
    paths = data_paths(client, "/reads/held", {"Authorization": f"Bearer {text}"})
    for path in paths * 3:
        assert client.get(path).status_code == 200
        assert client.get(path, headers={"Range": f"bytes={len(deliveries())}-"}).status_code == 206
    rows = deliveries()
    slices = {(row.detail["first"], row.detail["length"]) for row in rows}
    assert len(slices) == len(set(paths)) == 3
    assert {tuple(row.detail["grants"]) for row in rows} == {(grant.pk,)}
    for first in slices:
        told = [
            (row.detail["status"], row.detail["count"])
            for row in rows
            if (row.detail["first"], row.detail["length"]) == first
        ]
        assert sorted(told) == [(200, 1), (200, 2), (206, 1), (206, 2)]


def test_data_urls_that_are_refused_are_counted(client: Client, bam: Path, settings: Any) -> None:
    settings.HTSGET_INLINE_BYTES = 0
    file = make_data_file(bam, "open")
    path = data_paths(client, "/reads/open")[0]
    file.delete()
    for _ in range(20):
        assert client.get(path).status_code == 403
    assert [row.detail for row in deliveries()] == [{"count": count} for count in (1, 2, 4, 8, 16)]
