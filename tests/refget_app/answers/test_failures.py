"""Storages and databases that fail, before and in the middle of a body."""

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import OperationalError

from catalogue import queries
from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageUnavailable
from catalogue.formats.digests import sequence_digests
from catalogue.models import ResidueBlob, Sequence
from catalogue.storage import SEQUENCES, storage
from tests.refget_app.answers.asked import MD5, RESIDUES, assert_error, get
from tests.refget_app.made_sequences import make_sequence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "?start=900&end=1000"])
def test_a_stored_object_that_is_missing_or_short_is_500(held: Sequence, method: str, query: str) -> None:
    assert held.blob is not None
    place = storage(SEQUENCES)
    short = place.staging() / "short"
    short.write_bytes(b"NNNNN" + RESIDUES[:-1])
    place.put(short, held.blob.key)
    assert get(f"/sequence/{MD5}{query}", method=method).code == 500
    place.delete(held.blob.key)
    reply = get(f"/sequence/{MD5}{query}", method=method)
    assert reply.code == 500
    assert held.blob.key.encode() not in reply.body
    assert get(f"/sequence/{MD5}/metadata").code == 200


@pytest.mark.parametrize(
    ("error", "code"),
    [(StorageUnavailable, 503), (ObjectMissing, 500), (ObjectChanged, 500), (ShortRead, 500)],
)
def test_errors_of_the_storage(error: type[Exception], code: int, caplog: pytest.LogCaptureFixture) -> None:
    with patch.object(queries, "read_residues", side_effect=error("/secret/path of bucket")):
        reply = get(f"/sequence/{MD5}?start=1&end=5")
    assert_error(reply, code)
    assert b"secret" not in reply.body
    assert (reply.header("Retry-After") is not None) == (code == 503)
    assert "/secret/path" in caplog.text


@pytest.mark.parametrize("query", ["", "?start=1&end=5"])
def test_a_storage_that_is_not_there_is_503(residues_folder: Path, query: str) -> None:
    residues_folder.rename(residues_folder.with_name("elsewhere"))
    reply = get(f"/sequence/{MD5}{query}")
    assert_error(reply, 503)
    assert reply.header("Retry-After") == "10"


@pytest.mark.parametrize("path", ["/sequence/chrI", f"/sequence/{MD5}", f"/sequence/{MD5}/metadata"])
def test_a_database_that_does_not_answer_is_503(path: str) -> None:
    with patch.object(queries, "sequence", side_effect=OperationalError("server closed the connection")):
        reply = get(path)
    assert_error(reply, 503)
    assert reply.header("Retry-After") is not None


LONG = bytes(65 + i % 23 for i in range(2_000_003))


def test_a_long_sequence_is_streamed() -> None:
    make_sequence(LONG)
    identifier = sequence_digests(LONG).md5_hex
    assert get(f"/sequence/{identifier}").body == LONG
    assert get(f"/sequence/{identifier}", {"Range": "bytes=1-1999999"}).body == LONG[1:2_000_000]
    fasta = get(f"/sequence/{identifier}?accept=text/x-fasta")
    assert fasta.header("Content-Length") == str(len(fasta.body))
    assert b"".join(fasta.body.split(b"\n")[1:]) == LONG
    assert (
        json.loads(get(f"/sequence/{identifier}?accept=application/json").body)["sequence"] == LONG.decode()
    )


def test_a_stream_that_falls_short_raises_so_that_the_connection_breaks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_sequence(LONG)
    identifier = sequence_digests(LONG).md5_hex
    with (
        patch.object(queries, "stream_residues", side_effect=lambda *_: falling_short()),
        pytest.raises(ShortRead),
    ):
        get(f"/sequence/{identifier}")
    assert "broke off" in caplog.text


def falling_short() -> Iterator[bytes]:
    yield LONG[:1000]
    raise ShortRead("an object ends early")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_long_sequence_whose_end_is_missing_is_500_before_it_begins(method: str) -> None:
    row = make_sequence(LONG)
    assert row.blob is not None
    place = storage(SEQUENCES)
    short = place.staging() / "short"
    short.write_bytes(LONG[:-1])
    place.put(short, row.blob.key)
    identifier = sequence_digests(LONG).md5_hex
    assert get(f"/sequence/{identifier}", method=method).code == 500
    assert ResidueBlob.objects.get(pk=row.blob.pk).size == len(LONG)
