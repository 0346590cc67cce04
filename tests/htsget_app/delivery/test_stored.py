"""Slices of stored files over HTTP: exact bytes, ranges within a slice, tokens that nobody can make or change."""

import base64
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from catalogue.formats.intervals import ByteRange
from catalogue.models import DataFile
from catalogue.storage import PIECE, LocalStorage
from htsget_app.delivery.tokens import TOKEN_LENGTH, SignedPart, digest_of_etag, sign, verify
from htsget_app.errors import DataUrlRefused
from tests.htsget_app.made_data import make_data_file, refused, stored_path, write_bam

pytestmark = pytest.mark.django_db

LATER = int(time.time()) + 3600


@pytest.fixture(scope="module")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Over two pieces of a stream."""
    path = tmp_path_factory.mktemp("bam") / "large.bam"
    reads = [(0, i, 40) for i in range(2_500)]
    write_bam(path, contigs=[("1", 10_000, None)], reads=reads, payload=1_000)
    assert path.stat().st_size > 2 * PIECE
    return path


@pytest.fixture
def file(bam: Path) -> Iterator[DataFile]:
    file = make_data_file(bam, "large")
    path = stored_path(file)
    content, times = path.read_bytes(), path.stat()
    yield file
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def url_of(file: DataFile, begin: int, end: int, *, expires: int = LATER) -> str:
    piece = SignedPart(file.pk, digest_of_etag(file.etag), ByteRange(begin, end))
    return f"/data/{sign(piece, expires=expires)}"


def pieces_of(response: Any) -> Iterator[bytes]:
    """A body as the server takes it, piece by piece."""
    return iter(response.streaming_content)


def test_slices(client: Client, file: DataFile, bam: Path) -> None:
    content, rng = bam.read_bytes(), random.Random(1)
    slices = [(0, len(content)), (0, 1), (len(content) - 1, len(content)), (5, 5 + PIECE), (5, 6 + PIECE)]
    slices += [(begin, rng.randint(begin + 1, len(content))) for begin in rng.sample(range(len(content)), 20)]
    for begin, end in slices:
        response = client.get(url_of(file, begin, end))
        assert response.status_code == 200
        assert response.getvalue() == content[begin:end]
        assert response.headers["Content-Length"] == str(end - begin)
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Cache-Control"] == "private, no-transform"
        assert "Content-Encoding" not in response.headers and not response.cookies
        head = client.head(url_of(file, begin, end))
        assert (head.status_code, head.content) == (200, b"")
        for name in ("Content-Length", "ETag", "Accept-Ranges", "Content-Type"):
            assert head.headers[name] == response.headers[name]


def test_ranges_within_a_slice(client: Client, file: DataFile, bam: Path) -> None:
    begin, end = 1000, 3000 + PIECE
    whole, url, rng = bam.read_bytes()[begin:end], url_of(file, begin, end), random.Random(2)
    length = len(whole)
    ranges = [(0, 0), (0, length - 1), (length - 1, length - 1), (0, 10**15), (5, length + 5)]
    ranges += [(first, rng.randint(first, length + 100)) for first in rng.sample(range(length), 20)]
    for first, last in ranges:
        response = client.get(url, headers={"Range": f"bytes={first}-{last}"})
        assert response.status_code == 206
        assert response.getvalue() == whole[first : last + 1]
        assert response.headers["Content-Range"] == f"bytes {first}-{min(last, length - 1)}/{length}"
        assert response.headers["Content-Length"] == str(min(last + 1, length) - first)
    for header, expected in (("bytes=7-", whole[7:]), ("bytes=-7", whole[-7:]), (f"bytes=-{10**12}", whole)):
        response = client.get(url, headers={"Range": header})
        assert (response.status_code, response.getvalue()) == (206, expected)


@pytest.mark.parametrize(
    "header", ["bytes=2000-", "bytes=2000-2001", "bytes=-0", "bytes=999999999999999999-"]
)
def test_ranges_outside_a_slice(client: Client, file: DataFile, header: str) -> None:
    response = client.get(url_of(file, 1000, 3000), headers={"Range": header})
    assert (response.status_code, response.content) == (416, b"")
    assert response.headers["Content-Range"] == "bytes */2000"


@pytest.mark.parametrize(
    "header",
    [
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=1-2x",
        "0-1",
    ],
)
def test_ranges_that_are_ignored(client: Client, file: DataFile, bam: Path, header: str) -> None:
    response = client.get(url_of(file, 1000, 3000), headers={"Range": header})
    assert (response.status_code, response.getvalue()) == (200, bam.read_bytes()[1000:3000])
    assert "Content-Range" not in response.headers


def test_conditions(client: Client, file: DataFile, bam: Path) -> None:
    url, whole = url_of(file, 1000, 3000), bam.read_bytes()[1000:3000]
    etag = client.get(url).headers["ETag"]
    assert etag.startswith('"') and etag != client.get(url_of(file, 1000, 2999)).headers["ETag"]
    assert etag == client.get(url_of(file, 1000, 3000, expires=LATER + 5)).headers["ETag"]
    part = {"Range": "bytes=0-9"}
    assert client.get(url, headers={**part, "If-Range": etag}).getvalue() == whole[:10]
    assert client.get(url, headers={**part, "If-Range": '"another"'}).getvalue() == whole
    assert client.get(url, headers={**part, "If-Range": f"W/{etag}"}).getvalue() == whole
    response = client.get(url, headers={"If-None-Match": etag})
    assert (response.status_code, response.content) == (304, b"")
    assert client.get(url, headers={"If-Match": '"another"'}).status_code == 412


def test_a_token_is_opaque(file: DataFile) -> None:
    token = url_of(file, 1000, 3000).removeprefix("/data/")
    assert len(token) == TOKEN_LENGTH and token.isascii()
    sealed = base64.urlsafe_b64decode(token)
    path = stored_path(file)
    for secret in (file.storage, file.key, file.htsget_id, path.name, str(path), file.etag):
        assert secret.encode() not in sealed


def test_tokens_open_what_they_sign() -> None:
    rng = random.Random(3)
    for _ in range(200):
        begin = rng.randrange(2**48)
        piece = SignedPart(
            rng.randrange(2**63), rng.randbytes(8), ByteRange(begin, begin + rng.randrange(2**40))
        )
        assert verify(sign(piece, expires=LATER)) == piece


def test_altered_tokens(client: Client, file: DataFile) -> None:
    token, rng = url_of(file, 1000, 3000).removeprefix("/data/"), random.Random(4)
    sealed = base64.urlsafe_b64decode(token)
    altered = {""}
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1 << rng.randrange(8)
        altered.add(base64.urlsafe_b64encode(changed).decode())
    altered |= {token[:-1], token + "A", token + "=", f"{token}%0A", token.swapcase(), token[::-1], token[4:]}
    altered |= {f"{token[:9]}+{token[10:]}", f"{token[:9]}!{token[10:]}", f"{token}%00", "%FF" * 76, "é" * 76}
    altered |= {f" {token}", token.replace(token[0], "А"), "A" * TOKEN_LENGTH, f"{token}/", f"x/{token}"}
    for text in altered - {""}:
        assert refused(client.get(f"/data/{text}")) == (403, "PermissionDenied"), text
    assert client.get(f"/data/{token}").status_code == 200


def test_one_spelling_of_a_token() -> None:
    """The standard alphabet of base64 is not that of URLs."""
    rng, spelt = random.Random(5), 0
    while spelt < 20:
        token = sign(SignedPart(1, rng.randbytes(8), ByteRange(0, 1)), expires=LATER)
        other = token.replace("-", "+").replace("_", "/")
        if other != token:
            spelt += 1
            with pytest.raises(DataUrlRefused):
                verify(other)


def test_expired_tokens(client: Client, file: DataFile) -> None:
    now = int(time.time())
    response = client.get(url_of(file, 0, 10, expires=now - 1))
    assert refused(response) == (403, "PermissionDenied")
    assert b"expired" in response.content
    assert client.get(url_of(file, 0, 10, expires=now + 60)).status_code == 200


def test_the_time_that_a_ticket_gives(
    client: Client, file: DataFile, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TICKET_URL_TTL = 1000
    url = json.loads(client.get("/reads/large").content)["htsget"]["urls"][-1]["url"]
    assert client.get(url).status_code == 200
    later = time.time() + 1001
    monkeypatch.setattr("htsget_app.delivery.tokens.time.time", lambda: later)
    assert refused(client.get(url)) == (403, "PermissionDenied")


def test_tokens_of_another_site(client: Client, file: DataFile, settings: Any) -> None:
    url = url_of(file, 1000, 3000)
    kept = settings.SECRET_KEY
    settings.SECRET_KEY = "another secret, just as long as the one before it was"
    assert refused(client.get(url)) == (403, "PermissionDenied")
    settings.SECRET_KEY_FALLBACKS = [kept]
    assert client.get(url).status_code == 200


def test_tokens_of_other_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    piece = SignedPart(1, bytes(8), ByteRange(0, 1))
    monkeypatch.setattr("htsget_app.delivery.tokens._WITHOUT_RECIPE", 3)
    token = sign(piece, expires=LATER)
    monkeypatch.undo()
    with pytest.raises(DataUrlRefused):
        verify(token)


def test_tokens_of_a_file_that_was_registered_anew_or_removed(client: Client, file: DataFile) -> None:
    url = url_of(file, 1000, 3000)
    DataFile.objects.filter(pk=file.pk).update(etag="another")
    assert refused(client.get(url)) == (403, "PermissionDenied")
    DataFile.objects.filter(pk=file.pk).update(etag=file.etag, size=2999)
    assert refused(client.get(url)) == (403, "PermissionDenied")
    DataFile.objects.filter(pk=file.pk).delete()
    assert refused(client.get(url)) == (403, "PermissionDenied")


def test_a_file_that_is_missing_or_changed(client: Client, file: DataFile) -> None:
    url, path = url_of(file, 1000, 3000), stored_path(file)
    content, times = path.read_bytes(), path.stat()
    changes = {"missing": None, "changed": content + b"x"}
    for state, changed in changes.items():
        if changed is None:
            path.unlink()
        else:
            path.write_bytes(changed)
        for response in (client.get(url), client.get(url, headers={"Range": "bytes=0-9"})):
            assert refused(response) == (500, "InternalError")
            assert path.name not in response.content.decode()
        assert client.head(url).status_code == 500
        file.refresh_from_db()
        assert file.state == state
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert client.get(url).getvalue() == content[1000:3000]
        file.refresh_from_db()
        assert file.state == "ready"


@pytest.mark.parametrize("change", ["grown", "replaced", "removed"])
def test_a_file_that_changes_during_delivery(
    client: Client, file: DataFile, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    """What was sent is right, and the rest never comes: the server breaks the connection at the exception."""
    path = stored_path(file)
    content = path.read_bytes()
    response = client.get(url_of(file, 7, len(content)))
    body = pieces_of(response)
    first = next(body)
    assert first == content[7 : 7 + PIECE]
    if change == "grown":
        with path.open("ab") as stored:
            stored.write(b"more")
    elif change == "replaced":
        other = path.with_suffix(".new")
        other.write_bytes(content[::-1])
        other.replace(path)
    else:
        path.unlink()
    with pytest.raises(Exception, match=r"registered|missing"):
        list(body)
    assert f"the delivery of data file {file.pk} broke off" in caplog.text
    file.refresh_from_db()
    assert file.state == ("missing" if change == "removed" else "changed")


def test_memory_stays_bounded(client: Client, file: DataFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece is longer than 1 MiB, and none is read before the one before it was taken."""
    read: list[int] = []
    read_range = LocalStorage.read_range

    def watched(self: LocalStorage, key: str, offset: int, length: int) -> bytes:
        read.append(length)
        return read_range(self, key, offset, length)

    monkeypatch.setattr(LocalStorage, "read_range", watched)
    response = client.get(url_of(file, 0, file.size))
    for taken, piece in enumerate(pieces_of(response), start=1):
        assert len(piece) <= PIECE and len(read) == taken
    assert sum(read) == file.size and max(read) <= PIECE


def test_delivery_by_nginx(client: Client, file: DataFile, settings: Any) -> None:
    settings.DATA_ACCEL_REDIRECT = "/stored"
    DataFile.objects.filter(pk=file.pk).update(size=file.size)
    url = url_of(file, 1000, 3000)
    for headers in ({}, {"Range": "bytes=5-9"}, {"If-None-Match": '"x"'}):
        response = client.get(url, headers=headers)
        assert (response.status_code, response.content) == (200, b"")
        target = urlsplit(response.headers["X-Accel-Redirect"])
        assert target.path == f"/stored/{file.storage}/{file.key}"
        etag = response.headers["ETag"].strip('"')
        assert target.query == f"bytes=1000-2999&part=0-1999/2000&etag={etag}"
    assert client.get(url, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    head = client.head(url)
    assert "X-Accel-Redirect" not in head.headers and head.headers["Content-Length"] == "2000"
    assert head.headers["ETag"] == response.headers["ETag"]
    # Everything is checked as ever before nginx is told anything.
    assert refused(client.get(url_of(file, 1, 2, expires=1))) == (403, "PermissionDenied")
    stored_path(file).unlink()
    assert refused(client.get(url)) == (500, "InternalError")


def test_the_length_that_nginx_can_take(client: Client, file: DataFile, settings: Any) -> None:
    settings.DATA_ACCEL_REDIRECT = "/stored"
    url = url_of(file, 0, file.size)
    assert "X-Accel-Redirect" in client.get(url).headers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("htsget_app.delivery.stored.MAX_ACCELERATED", file.size - 1)
        response = client.get(url)
        assert "X-Accel-Redirect" not in response.headers
        assert len(response.getvalue()) == file.size


def test_slices_are_values() -> None:
    piece = SignedPart(1, digest_of_etag("a"), ByteRange(0, 1))
    tags = {piece.entity_tag, replace(piece, byte_range=ByteRange(0, 2)).entity_tag}
    tags |= {replace(piece, etag_digest=digest_of_etag("b")).entity_tag}
    assert len(tags) == 3
