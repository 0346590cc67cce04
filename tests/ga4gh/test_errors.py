"""The table of errors, and log lines of failures: one line, with a traceback only for a bug."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from catalogue.access import (
    ANONYMOUS,
    AuthenticationRequired,
    CredentialsUnverified,
    PermissionRefused,
    Viewer,
)
from catalogue.errors import (
    AmbiguousAlias,
    AmbiguousReference,
    NotFound,
    ObjectMissing,
    StorageMisconfigured,
    StorageUnavailable,
)
from catalogue.formats.digests import sequence_digests
from catalogue.models import DataFile
from catalogue.rate_limits import TooMany
from ga4gh.errors import RequestError, error_headers, row_of
from ga4gh.exchange import Request
from ga4gh.protocol import Protocol
from htsget_app.errors import ROWS, ConversionFailed, ReferenceMissing, TooManyConversions
from htsget_app.protocol import PROTOCOL as HTSGET
from refget_app.protocol import PROTOCOL as REFGET
from tests.htsget_app.made_data import make_data_file, stored_path, write_bam
from tests.refget_app.made_sequences import make_sequence

RESIDUES = b"ACGTTGCA" * 40
MD5 = sequence_digests(RESIDUES).md5_hex
#: An id that would begin a line of its own and colour the terminal, as it stands in a URL.
FORGED = "a%0A2026-01-01 ERROR forged%1B[31m"


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (AuthenticationRequired("sign in"), 401, "InvalidAuthentication"),
        (PermissionRefused("not yours"), 403, "PermissionDenied"),
        (CredentialsUnverified("cannot be checked"), 503, "ServiceUnavailable"),
        (TooMany(7), 429, "TooManyRequests"),
        (NotFound("no such id"), 404, "NotFound"),
        (ReferenceMissing("no reference"), 400, "UnsupportedFormat"),
        (TooManyConversions(), 503, "ServiceUnavailable"),
        (ConversionFailed("/secret"), 500, "InternalError"),
        (AmbiguousReference("two of them"), 400, "InvalidInput"),
        (RequestError("wrong"), 400, "InvalidInput"),
        (StorageUnavailable("/secret"), 503, "ServiceUnavailable"),
        (OperationalError("/secret"), 503, "ServiceUnavailable"),
        (InterfaceError("/secret"), 503, "ServiceUnavailable"),
        (ObjectMissing("/secret"), 500, "InternalError"),
        (StorageMisconfigured("/secret"), 500, "InternalError"),
        (ZeroDivisionError("/secret"), 500, "InternalError"),
    ],
)
def test_every_protocol_has_the_same_status_in_its_own_document(
    error: Exception, status: int, name: str
) -> None:
    request = Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, "an id")
    answered = HTSGET.error_answer(request, error)
    assert isinstance(answered.body, bytes)
    assert answered.status == status
    document = json.loads(answered.body)["htsget"]
    assert document["error"] == name and document["message"] and "secret" not in document["message"]
    if not isinstance(error, tuple(row.error for row in ROWS)):
        answered = REFGET.error_answer(request, error)
        assert isinstance(answered.body, bytes)
        assert (answered.status, json.loads(answered.body)["status"]) == (status, status)
        assert "secret" not in answered.body.decode()
    assert ("Retry-After" in dict(answered.headers)) == (status in {429, 503})


def test_an_ambiguous_name_lists_its_candidates_in_refget_only() -> None:
    request = Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    answered = REFGET.error_answer(request, AmbiguousAlias("chr1", ["SQ.a", "SQ.b"]))
    assert isinstance(answered.body, bytes)
    assert (answered.status, json.loads(answered.body)["candidates"]) == (300, ["SQ.a", "SQ.b"])
    assert HTSGET.row_of(AmbiguousAlias("chr1", [])).status == 500, "htsget looks no alias of a sequence up"


def test_a_protocol_without_declarations_answers_plainly() -> None:
    request = Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    answered = Protocol(name="made", paths=("/made/",)).error_answer(request, NotFound("no such thing"))
    assert isinstance(answered.body, bytes)
    assert json.loads(answered.body) == {"status": 404, "error": "Not Found", "message": "no such thing"}


def test_challenges_tell_bad_credentials_from_none() -> None:
    error = AuthenticationRequired("sign in")
    row = row_of(error, REFGET.errors)
    assert row.status == 500, "the common rows are not the protocol's own"
    status = REFGET.row_of(error).status
    assert error_headers(error, status, ANONYMOUS) == [("WWW-Authenticate", "Bearer")]
    wrong = Viewer(fault="the token has expired")
    assert error_headers(error, status, wrong) == [("WWW-Authenticate", 'Bearer error="invalid_token"')]


# --- The log ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def reads(tmp_path: Path) -> DataFile:
    path = write_bam(
        tmp_path / "made.bam", contigs=[("1", 10_000, None)], reads=[(0, i, 50) for i in range(99)]
    )
    return make_data_file(path, "made")


def failures(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was logged as a warning or worse since the last call; none may have a line break or a control character."""
    found = [record for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    assert all(record.getMessage().isprintable() for record in found), found
    return found


@pytest.mark.django_db
def test_a_missing_file_is_one_line_a_request(
    client: Client, reads: DataFile, caplog: pytest.LogCaptureFixture
) -> None:
    url = json.loads(client.get("/reads/made").content)["htsget"]["urls"][-1]["url"]
    stored_path(reads).unlink()
    targets = ("/reads/made", "/reads/made?class=header", url if url.startswith("http") else "/reads/made")
    for target in targets:
        assert client.get(target).status_code == 500
        (line,) = failures(caplog)
        assert line.exc_info is None


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["missing", "unavailable"])
def test_missing_residues_are_one_line_a_request(
    client: Client, caplog: pytest.LogCaptureFixture, settings: Any, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "residues"
    folder.mkdir()
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}
    row = make_sequence(RESIDUES)
    assert row.blob is not None
    if kind == "missing":
        (folder / row.blob.key).unlink()
    else:
        folder.rename(tmp_path / "away")
    for query in ("", "?start=5&end=9"):
        assert client.get(f"/sequence/{MD5}{query}").status_code == (500 if kind == "missing" else 503)
        (line,) = failures(caplog)
        assert line.exc_info is None


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/reads/made", f"/sequence/{MD5}", "/service-info"])
def test_a_database_that_is_down_is_one_line_a_request(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("connection refused\n\tIs the server running?")

    for look_up in ("find_file", "sequence", "authorities"):
        monkeypatch.setattr(f"catalogue.queries.{look_up}", fail)
    monkeypatch.setattr("catalogue.audit.record", fail)
    assert client.get(path).status_code == 503
    (line,) = failures(caplog)
    assert line.exc_info is None and "connection refused" in line.getMessage()


@pytest.mark.django_db
@pytest.mark.parametrize("path", [f"/reads/{FORGED}", f"/sequence/{FORGED}", f"/sequence/{FORGED}/metadata"])
def test_a_bug_has_a_traceback_and_an_id_cannot_forge_a_line(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the inside")

    for look_up in ("find_file", "sequence"):
        monkeypatch.setattr(f"catalogue.queries.{look_up}", fail)
    response = client.get(path)
    assert response.status_code == 500 and b"inside" not in response.content
    (line,) = failures(caplog)
    assert line.exc_info is not None and "forged" in line.getMessage()


@pytest.mark.django_db
def test_mistakes_of_clients_leave_no_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for path in (f"/reads/{FORGED}", f"/sequence/{FORGED}", "/data/x", "/sequence/", "/reads/x?start=y"):
        assert client.get(path).status_code in {400, 403, 404}
        assert client.put(path).status_code in {404, 405}
    assert not failures(caplog)
