"""Requests that tickets make to an object store."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from catalogue import queries
from catalogue.access import ANONYMOUS
from catalogue.formats.headers import FileFormat
from catalogue.models import DataFile
from tests.htsget_app.in_s3.made_far import NARROW, WIDE, counted, urls_of
from tests.htsget_app.made_data import (
    fetch,
    make_data_file,
    read_alignments,
    write_bam,
    write_cram,
)
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("inline", [64 * 1024, 0])
def test_a_small_ticket_makes_at_most_two_reads(
    client: Client, settings: Any, stored_in_s3: ObjectStore, file: DataFile, inline: int
) -> None:
    settings.HTSGET_INLINE_BYTES = inline
    cold = counted(stored_in_s3, lambda: urls_of(client, **NARROW))
    queries.forget_edges()
    warm = counted(stored_in_s3, lambda: urls_of(client, **NARROW))
    hot = counted(stored_in_s3, lambda: urls_of(client, **NARROW))
    for seen in (cold, warm):
        assert 1 <= len(seen) <= 2
        assert all(request.reads_object and request.range for request in seen)
        assert sum(request.sent for request in seen) < 300_000
    assert hot == []


def test_a_wide_ticket_reads_its_two_edges_at_once(
    client: Client, stored_in_s3: ObjectStore, file: DataFile
) -> None:
    stored_in_s3.gate.hold_until(2)
    seen = counted(stored_in_s3, lambda: urls_of(client, **WIDE))
    assert [request.status for request in seen] == [206, 206]
    begins = sorted(int(str(request.range).removeprefix("bytes=").split("-")[0]) for request in seen)
    assert begins[1] - begins[0] > 2 << 20


def test_a_whole_file_and_a_header_ask_nothing_of_the_store(
    client: Client, stored_in_s3: ObjectStore, file: DataFile
) -> None:
    assert counted(stored_in_s3, lambda: urls_of(client)) == []
    assert counted(stored_in_s3, lambda: urls_of(client, **{"class": "header"})) == []


def test_many_regions_are_read_at_once(client: Client, stored_in_s3: ObjectStore, file: DataFile) -> None:
    starts = range(500_000, 9_500_000, 2_000_000)
    regions = [{"referenceName": "1", "start": start, "end": start + 20} for start in starts]
    stored_in_s3.gate.hold_until(len(regions))
    with stored_in_s3.gate.counted() as seen:
        response = client.post(
            "/reads/far", json.dumps({"regions": regions}), content_type="application/json"
        )
    assert response.status_code == 200
    assert len(seen) == len(regions)


def test_what_is_remembered_is_of_one_state(
    client: Client, stored_in_s3: ObjectStore, file: DataFile, bam: Path, tmp_path: Path
) -> None:
    before = fetch(client, "/reads/far", NARROW).joined
    other = write_bam(tmp_path / "far.bam", contigs=[("1", 10_001_000, None)], reads=[(0, 5_000_050, 40)])
    make_data_file(other, "far")
    after = fetch(client, "/reads/far", NARROW).joined
    assert after != before
    (tmp_path / "got.bam").write_bytes(after)
    assert read_alignments(tmp_path / "got.bam") == read_alignments(other)


def test_the_inline_containers_of_a_cram_are_read_in_one_request(
    client: Client,
    stored_in_s3: ObjectStore,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.HTSGET_INLINE_BYTES = 10**6
    file = make_data_file(write_cram(tmp_path), "cram")
    found = queries.find_file(viewer=ANONYMOUS, kind="reads", htsget_id="cram", format=FileFormat.CRAM)
    assert found.pk == file.pk
    with stored_in_s3.gate.counted() as seen:
        assert client.get("/reads/cram", {"format": "CRAM"}).status_code == 200
    assert [request.reads_object for request in seen] == [True]
