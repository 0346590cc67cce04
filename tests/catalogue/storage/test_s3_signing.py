"""Signed URLs, and the proof that the gate before the simulated store refuses what S3 would refuse."""

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pytest_django import Settings

from catalogue.errors import ObjectChanged, StorageUnavailable
from catalogue.formats.intervals import ByteRange
from catalogue.storage import FILES, SignedUrl, Storage, storage
from tests.live import PATIENCE
from tests.object_faults import Fault
from tests.object_signatures import REGION
from tests.object_store import ObjectStore

CONTENT = bytes(range(256)) * 40
KEY = "run 1/ü+&=%20'~.bam"
STRETCH = ByteRange(100, 300)


@pytest.fixture
def place(stored_in_s3: ObjectStore) -> Storage:
    """The storage of files, with one object."""
    place = storage(FILES)
    staged = place.staging() / "staged"
    staged.write_bytes(CONTENT)
    place.put(staged, KEY)
    return place


def fetch(
    url: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: bytes | None = None
) -> requests.Response:
    """As any client would: nothing but the URL and the headers of the ticket."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, url, headers=dict(headers or {}), data=body, timeout=PATIENCE, allow_redirects=False
        )


def refused(answer: requests.Response) -> str:
    """The code of a refusal."""
    assert answer.status_code in {400, 403}
    code = re.search("<Code>(.*)</Code>", answer.text)
    assert code and CONTENT[:50] not in answer.content
    return code[1]


class TestSignedUrls:
    def test_the_whole_object(self, place: Storage) -> None:
        signed = place.signed_url(KEY, ttl=3600)
        assert signed.headers == {}
        answer = fetch(signed.url)
        assert (answer.status_code, answer.content) == (200, CONTENT)

    @pytest.mark.parametrize("sign_range", [False, True])
    def test_a_byte_range(self, place: Storage, sign_range: bool) -> None:
        signed = place.signed_url(KEY, ttl=3600, byte_range=STRETCH, sign_range=sign_range)
        assert signed.headers == {"Range": "bytes=100-299"}
        answer = fetch(signed.url, signed.headers)
        assert (answer.status_code, answer.content) == (206, CONTENT[100:300])

    def test_one_signature_serves_every_byte_range(self, place: Storage) -> None:
        url = place.signed_url(KEY, ttl=3600).url
        assert "X-Amz-SignedHeaders=host&" in url
        for part in ByteRange(0, len(CONTENT)).split(3333):
            answer = fetch(url, {"Range": part.http()})
            assert answer.content == CONTENT[part.begin : part.end]

    def test_signing_asks_the_store_nothing(self, place: Storage, stored_in_s3: ObjectStore) -> None:
        stored_in_s3.gate.fail(Fault.DROP)
        with stored_in_s3.gate.counted() as seen:
            place.signed_url("whatever", ttl=3600)
        assert seen == []

    def test_many_threads_sign_at_once(self, place: Storage) -> None:
        with ThreadPoolExecutor(8) as pool:
            urls = list(pool.map(lambda number: place.signed_url(f"{number}", ttl=3600).url, range(100)))
        assert [urlsplit(url).path.rsplit("/", 1)[1] for url in urls] == [
            str(number) for number in range(100)
        ]

    def test_it_does_not_show_in_a_log(self, place: Storage) -> None:
        signed = place.signed_url(KEY, ttl=3600)
        assert "Signature" not in repr(signed)
        assert signed == SignedUrl(signed.url, {})

    def test_a_range_to_sign_has_to_be_given(self, place: Storage) -> None:
        with pytest.raises(ValueError, match="range"):
            place.signed_url(KEY, ttl=3600, sign_range=True)

    def test_clients_may_reach_the_store_elsewhere(
        self, stored_in_s3: ObjectStore, settings: Settings
    ) -> None:
        bucket = stored_in_s3.make_bucket()
        settings.HTSGETSITE_STORAGES = {
            "here": stored_in_s3.url(bucket, public_endpoint_url="https://objects.example.org"),
        }
        stored_in_s3.put(bucket, "object", b"content")
        place = storage("here")
        assert place.read_range("object", 0, 7) == b"content"
        assert place.signed_url("object", ttl=3600).url.startswith(
            f"https://objects.example.org/{bucket}/object?"
        )

    def test_amazon_is_addressed_in_its_region(self, object_store: ObjectStore, settings: Settings) -> None:
        """The host without region redirects to the one with it, for which the signature is not valid."""
        settings.HTSGETSITE_STORAGES = {"far": "s3://some-bucket/prefix?region=eu-west-2"}
        url = storage("far").signed_url("object", ttl=3600).url
        assert url.startswith("https://some-bucket.s3.eu-west-2.amazonaws.com/prefix/object?")

    def test_a_local_storage_offers_none(self, settings: Settings, tmp_path: Path) -> None:
        settings.HTSGETSITE_STORAGES = {"near": tmp_path.as_uri()}
        assert not storage("near").signs_urls
        with pytest.raises(NotImplementedError):
            storage("near").signed_url("object", ttl=3600)

    def test_a_public_bucket_needs_none(
        self, object_store: ObjectStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket = object_store.make_bucket()
        object_store.put(bucket, "p/object", b"content")
        settings.HTSGETSITE_STORAGES = {"public": object_store.url(bucket, "p", anonymous="true")}
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        place = storage("public")
        with pytest.raises(StorageUnavailable):
            place.stat("object")
        object_store.gate.public.add(bucket)
        with object_store.gate.counted() as seen:
            assert place.read_range("object", 0, 7) == b"content"
            assert [entry.key for entry in place.list()] == ["object"]
        assert {request.signed for request in seen} == {""}
        assert not place.signs_urls
        with pytest.raises(NotImplementedError):
            place.signed_url("object", ttl=3600)


class TestTheGateRefuses:
    """Each of these would be served by the simulated store itself."""

    @pytest.fixture
    def signed(self, place: Storage) -> str:
        url = place.signed_url(KEY, ttl=3600).url
        assert fetch(url).status_code == 200
        return url

    def test_requests_without_signature(self, signed: str) -> None:
        assert refused(fetch(signed.partition("?")[0])) == "AccessDenied"
        for method in ("PUT", "DELETE", "POST"):
            assert refused(fetch(signed.partition("?")[0], method=method)) == "AccessDenied"

    def test_another_method(self, signed: str) -> None:
        for method in ("HEAD", "PUT", "DELETE", "POST"):
            assert fetch(signed, method=method).status_code == 403

    def test_altered_urls(self, signed: str) -> None:
        digit = signed[-64]
        for altered in (
            signed.replace("/run", "/Run"),
            signed.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"),
            signed.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Brange"),
            re.sub(r"(X-Amz-Date=\d{8}T\d{5})(\d)", lambda found: found[1] + str(9 - int(found[2])), signed),
            re.sub(r"X-Amz-Date=\d+", "X-Amz-Date=", signed),
            signed + "&response-content-type=text/html",
            signed[:-64] + ("0" if digit != "0" else "1") + signed[-63:],
            signed[:-1],
            signed.replace("X-Amz-Signature", "X-Amz-Nothing"),
            signed.replace(REGION, "eu-west-1"),
            signed.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            signed.replace("127.0.0.1", "localhost"),
        ):
            assert altered != signed
            refused(fetch(altered))

    def test_every_single_altered_digit(self, signed: str) -> None:
        head, signature = signed[:-64], signed[-64:]
        for at in range(0, 64, 9):
            digit = "0" if signature[at] != "0" else "f"
            assert (
                refused(fetch(head + signature[:at] + digit + signature[at + 1 :])) == "SignatureDoesNotMatch"
            )

    def test_expired_urls(self, place: Storage, stored_in_s3: ObjectStore) -> None:
        url = place.signed_url(KEY, ttl=3600).url
        stored_in_s3.gate.ahead = 3000
        assert fetch(url).status_code == 200
        stored_in_s3.gate.ahead = 3602
        assert refused(fetch(url)) == "AccessDenied"

    def test_urls_that_would_last_too_long(self, stored_in_s3: ObjectStore, place: Storage) -> None:
        assert refused(fetch(place.signed_url(KEY, ttl=8 * 86400).url)) == "AuthorizationQueryParametersError"

    def test_another_range_where_it_is_signed(self, place: Storage) -> None:
        signed = place.signed_url(KEY, ttl=3600, byte_range=STRETCH, sign_range=True)
        for headers in ({}, {"Range": "bytes=100-300"}, {"Range": "bytes=0-299"}, {"Range": "bytes=100-"}):
            assert refused(fetch(signed.url, headers)) == "SignatureDoesNotMatch"

    def test_headers_of_the_store_that_are_not_signed(self, signed: str) -> None:
        assert refused(fetch(signed, {"x-amz-checksum-mode": "ENABLED"})) == "AccessDenied"

    @pytest.mark.parametrize("key", ["access_key", "secret_key"])
    @pytest.mark.parametrize("way", ["query", "header"])
    def test_other_keys(self, object_store: ObjectStore, key: str, way: str) -> None:
        mine = object_store.environment()
        credentials = Credentials(mine["AWS_ACCESS_KEY_ID"], mine["AWS_SECRET_ACCESS_KEY"])
        assert fetch_signed(object_store, credentials, way).status_code == 404
        setattr(credentials, key, "another")
        assert refused(fetch_signed(object_store, credentials, way)) in {
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
        }

    def test_signed_headers_that_were_altered(self, object_store: ObjectStore) -> None:
        mine = object_store.environment()
        credentials = Credentials(mine["AWS_ACCESS_KEY_ID"], mine["AWS_SECRET_ACCESS_KEY"])
        assert fetch_signed(object_store, credentials, "header", {"Range": "bytes=0-9"}).status_code == 404
        altered = fetch_signed(
            object_store, credentials, "header", {"Range": "bytes=0-9"}, {"Range": "bytes=0-10"}
        )
        assert refused(altered) == "SignatureDoesNotMatch"

    def test_a_clock_that_is_wrong(self, object_store: ObjectStore) -> None:
        mine = object_store.environment()
        credentials = Credentials(mine["AWS_ACCESS_KEY_ID"], mine["AWS_SECRET_ACCESS_KEY"])
        object_store.gate.ahead = 1000
        assert refused(fetch_signed(object_store, credentials, "header")) == "RequestTimeTooSkewed"

    def test_bodies_that_were_altered(self, object_store: ObjectStore) -> None:
        mine = object_store.environment()
        credentials = Credentials(mine["AWS_ACCESS_KEY_ID"], mine["AWS_SECRET_ACCESS_KEY"])
        bucket = object_store.make_bucket()
        url = f"{object_store.gate.url}/{bucket}/object"
        request = AWSRequest("PUT", url, data=b"content")
        S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
        headers = dict(request.headers.items())
        assert refused(fetch(url, headers, "PUT", b"cantent")) == "XAmzContentSHA256Mismatch"
        assert fetch(url, headers, "PUT", b"content").status_code == 200
        assert object_store.get(bucket, "object") == b"content"
        headers["Content-MD5"] = "1B2M2Y8AsgTpgAmY7PhCfg=="
        assert refused(fetch(url, headers, "PUT", b"content")) == "BadDigest"


def fetch_signed(
    store: ObjectStore,
    credentials: Credentials,
    way: str,
    headers: dict[str, str] | None = None,
    altered: dict[str, str] | None = None,
) -> requests.Response:
    """A GET of an object that is not there, signed by botocore and then altered."""
    url = f"{store.gate.url}/{store.make_bucket()}/{quote('no object/ü')}"
    request = AWSRequest("GET", url, headers=headers or {})
    if way == "query":
        S3SigV4QueryAuth(credentials, "s3", REGION, expires=60).add_auth(request)
    else:
        S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
    return fetch(request.url, {**dict(request.headers.items()), **(altered or {})})


class TestNumbersOfRequests:
    def test_a_range_is_one_get_of_precisely_that(self, place: Storage, stored_in_s3: ObjectStore) -> None:
        with stored_in_s3.gate.counted() as seen:
            place.read_range(KEY, 100, 200)
        (only,) = seen
        assert (only.method, only.range, only.status, only.sent) == ("GET", "bytes=100-299", 206, 200)
        assert only.key == f"data/{KEY}"

    def test_a_stream_is_one_get(self, stored_in_s3: ObjectStore, place: Storage) -> None:
        staged = place.staging() / "large"
        staged.write_bytes(bytes(5 << 20))
        place.put(staged, "large")
        with stored_in_s3.gate.counted() as seen:
            digest = hashlib.md5(b"".join(place.stream("large", 1, (5 << 20) - 2))).hexdigest()
        assert digest == hashlib.md5(bytes((5 << 20) - 2)).hexdigest()
        assert [request.range for request in seen] == [f"bytes=1-{(5 << 20) - 2}"]

    def test_a_state_is_asked_for_by_its_etag_without_another_request(
        self, place: Storage, stored_in_s3: ObjectStore
    ) -> None:
        etag = place.stat(KEY).etag
        with stored_in_s3.gate.counted() as seen:
            place.read_range(KEY, 0, 10, etag=etag)
            with pytest.raises(ObjectChanged):
                place.read_range(KEY, 0, 10, etag="0" * 32)
        assert [request.status for request in seen] == [206, 412]

    def test_nothing_is_asked_for_nothing(self, place: Storage, stored_in_s3: ObjectStore) -> None:
        with stored_in_s3.gate.counted() as seen:
            assert place.read_range(KEY, 5, 0) == b""
            assert list(place.stream(KEY, 5, 0)) == []
        assert seen == []

    def test_a_small_file_is_one_put_and_one_look(self, place: Storage, stored_in_s3: ObjectStore) -> None:
        staged = place.staging() / "small"
        staged.write_bytes(b"content")
        with stored_in_s3.gate.counted() as seen:
            place.put(staged, "small")
        assert [request.method for request in seen] == ["PUT", "HEAD"]

    def test_a_check_is_one_short_request(self, place: Storage, stored_in_s3: ObjectStore) -> None:
        with stored_in_s3.gate.counted() as seen:
            place.check()
        assert len(seen) == 1

    def test_connections_are_kept(self, object_store: ObjectStore, settings: Settings) -> None:
        bucket = object_store.make_bucket()
        object_store.put(bucket, "object", bytes(3 << 20))
        settings.HTSGETSITE_STORAGES = {"far": object_store.url(bucket)}
        place = storage("far")
        for _ in range(5):
            place.stat("object")
            place.read_range("object", 5, 50_000)
            assert sum(map(len, place.stream("object", 5, 2 << 20))) == 2 << 20
        assert object_store.gate.connections == 1
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda at: place.read_range("object", at, 70_000), range(60)))
        assert object_store.gate.connections <= 6


class TestCredentials:
    """Where they come from; that wrong ones and none are told as an outage is shown with the faults."""

    def test_a_profile_goes_before_the_environment(
        self, object_store: ObjectStore, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mine = object_store.environment()
        profiles = tmp_path / "credentials"
        profiles.write_text(
            f"[steward]\naws_access_key_id={mine['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key={mine['AWS_SECRET_ACCESS_KEY']}\n"
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
        bucket = object_store.make_bucket()
        object_store.put(bucket, "object", b"content")
        settings.HTSGETSITE_STORAGES = {
            "by-profile": object_store.url(bucket, profile="steward"),
            "by-environment": object_store.url(bucket),
            "by-nothing": object_store.url(bucket, profile="nobody"),
        }
        assert storage("by-profile").read_range("object", 0, 7) == b"content"
        assert fetch(storage("by-profile").signed_url("object", ttl=3600).url).content == b"content"
        for name in ("by-environment", "by-nothing"):
            with pytest.raises(StorageUnavailable):
                storage(name).read_range("object", 0, 7)
