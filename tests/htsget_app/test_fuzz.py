"""Ten thousand random and mutated requests: each is answered or refused, and never with a fault of ours."""

import json
import random
import string
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client

from tests.htsget_app.made_data import make_data_file, write_bam, write_vcf

pytestmark = pytest.mark.django_db

MD5 = "1b22b98cdeb4a9304cb5d48026a85128"

WORDS = [
    "", "0", "1", "2", "chr1", "*", "none", "10", "99", "5000", "10000", "4294967295", "4294967296", "-1", "+1", "1_0",
    "1.5", "1e9", "٣", "BAM", "bam", "CRAM", "VCF", "BCF", "SAM", "header", "body", "RG", "MD", "QNAME,POS", "QNAME,,",
    "RG,RG", "A" * 300, MD5, MD5.upper(), "0" * 32, "null", "true", "NaN", "[]", "{}", "\0", "\n", "\ud800", "é", "%00",
    "%FF", "a/b", "..", "../../etc/passwd", "'; DROP TABLE x; --", "{{7*7}}", "\u202e", " ", "&", "=", "#", ";", "\\",
]  # fmt: skip
NAMES = [
    "format", "class", "referenceName", "referenceMD5", "start", "end", "fields", "tags", "notags", "regions",
    "encryptionScheme", "", "Start", "start[]", "__proto__",
]  # fmt: skip
HEADERS = [
    "Accept", "Range", "If-Range", "If-None-Match", "If-Match", "Origin", "Authorization", "Content-Type",
    "Accept-Encoding", "Transfer-Encoding", "Expect", "X-Forwarded-Host", "X-HTTP-Method-Override", "Cookie",
]  # fmt: skip
HEADER_VALUES = [
    "", "*", "*/*", "bytes=0-", "bytes=5-1", "bytes=-1", "bytes=0-0,2-3", "bytes=" + "9" * 50 + "-", '"x"', "W/\"x\"",
    "application/vnd.ga4gh.htsget.v1.0.0+json", "application/vnd.ga4gh.htsget.v1.0.0+json;q=x", ",;=,;", "Bearer",
    "Bearer x.y.z", "Basic Og==", "null", "https://igv.example", "multipart/form-data", "a" * 3000, "gzip", "é", "0",
]  # fmt: skip


class Fuzzer:
    """Makes one request after another; the same for the same seed."""

    def __init__(self, seed: int, tokens: list[str]) -> None:
        self.rng = random.Random(seed)
        self.tokens = tokens

    def word(self) -> str:
        if self.rng.random() < 0.1:
            return "".join(
                chr(self.rng.choice((self.rng.randrange(128), self.rng.randrange(0xD7FF)))) for _ in range(9)
            )
        return self.rng.choice(WORDS)

    def mutated(self, text: str) -> str:
        characters = list(text)
        for _ in range(self.rng.randint(0, 3)):
            at = self.rng.randrange(len(characters) + 1)
            match self.rng.randrange(4):
                case 0:
                    characters.insert(at, self.rng.choice(string.printable))
                case 1 if characters:
                    del characters[at - 1]
                case 2 if characters:
                    characters[at - 1] = chr(self.rng.randrange(0x250))
                case 3:
                    characters[at:at] = characters[: self.rng.randrange(40)]
        return "".join(characters)

    def query(self) -> str:
        place = self.rng.choice("123"), self.rng.randrange(9000), self.rng.randrange(9999)
        sensible = "referenceName={}&start={}&end={}".format(*place)
        if self.rng.random() < 0.3:
            return self.mutated(sensible)
        pairs = [
            f"{self.rng.choice(NAMES)}={self.quoted(self.word())}" for _ in range(self.rng.randint(0, 5))
        ]
        return self.mutated("&".join(pairs)) if self.rng.random() < 0.3 else "&".join(pairs)

    def quoted(self, text: str) -> str:
        return quote(text.encode("utf-8", "surrogatepass")) if self.rng.random() < 0.9 else text

    def value(self, depth: int = 0) -> Any:
        kind = self.rng.randrange(9 if depth < 3 else 6)
        match kind:
            case 0:
                return self.rng.choice(
                    [None, True, False, 1.5, -1, 2**32, 10**40, float("inf"), float("nan")]
                )
            case 1 | 2:
                return self.rng.randrange(12_000)
            case 3 | 4 | 5:
                return self.word()
            case 6:
                return [self.value(depth + 1) for _ in range(self.rng.randint(0, 3))]
            case _:
                return {self.rng.choice(NAMES): self.value(depth + 1) for _ in range(self.rng.randint(0, 3))}

    def body(self) -> bytes:
        if self.rng.random() < 0.1:
            return self.rng.choice(
                [
                    b"",
                    b"[" * 100_000,
                    b'{"a":' * 50_000,
                    self.rng.randbytes(200),
                    b"\0" * 9,
                    b"9" * 5000,
                    b'"\\ud800"',
                ]
            )
        document: Any = self.value()
        if self.rng.random() < 0.7:
            regions = [
                {"referenceName": self.rng.choice("123"), "start": self.rng.randrange(9000), **self.odd()}
                for _ in range(self.rng.randint(0, 4))
            ]
            document = {"regions": regions, **self.odd()}
        text = json.dumps(document)
        return (self.mutated(text) if self.rng.random() < 0.3 else text).encode("utf-8", "surrogatepass")

    def odd(self) -> dict[str, Any]:
        return {self.rng.choice(NAMES): self.value() for _ in range(self.rng.choice((0, 0, 1, 2)))}

    def path(self) -> str:
        match self.rng.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                return f"/{self.rng.choice(('reads', 'reads', 'variants'))}/made"
            case 5:
                return f"/{self.rng.choice(('reads', 'variants'))}/{self.quoted(self.word())}"
            case 6 | 7:
                return f"/data/{self.quoted(self.mutated(self.rng.choice(self.tokens)))}"
            case 8:
                return self.mutated(
                    self.rng.choice(("/reads/made", "/variants/service-info", "/services", "/data/"))
                )
            case _:
                return f"/data/{self.quoted(self.word())}"

    def headers(self) -> dict[str, str]:
        count = self.rng.choice((0, 0, 0, 1, 2))
        return {self.rng.choice(HEADERS): self.rng.choice(HEADER_VALUES) for _ in range(count)}


@pytest.fixture
def kept_connection(tokens: list[str]) -> Iterator[None]:
    """A handler closes the database at the end of a request, which would end the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def tokens(client: Client, tmp_path: Path) -> list[str]:
    """Data URLs of the files that are asked for."""
    reads = [(i % 2, i * 4 % 9_900, 50) for i in range(2_000)]
    contigs = [("1", 10_000, MD5), ("2", 10_000, None), ("none", 9, None)]
    make_data_file(write_bam(tmp_path / "made.bam", contigs=contigs, reads=reads), "made")
    records = [(i % 2, i * 9) for i in range(900)]
    variants = write_vcf(tmp_path / "made.vcf.gz", contigs=[("1", 10_000), ("2", None)], records=records)
    make_data_file(variants, "made")
    urls = json.loads(client.get("/reads/made").content)["htsget"]["urls"]
    return [url["url"].rpartition("/")[2] for url in urls if "/data/" in url["url"]]


@pytest.mark.parametrize("requests", [1_500, pytest.param(20_000, marks=pytest.mark.long)])
def test_any_request(tokens: list[str], kept_connection: None, settings: Any, requests: int) -> None:
    settings.HTSGET_MAX_POST_BYTES = 200_000
    assert tokens
    fuzzer, handle = Fuzzer(20, tokens), WSGIHandler()
    seen: Counter[str] = Counter()
    for _ in range(requests):
        method = fuzzer.rng.choice(("GET", "GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "PUT", "\x00GET"))
        path, query, headers = (
            fuzzer.path(),
            fuzzer.query() if fuzzer.rng.random() < 0.8 else "",
            fuzzer.headers(),
        )
        body = fuzzer.body() if method == "POST" else b""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1"),
            "QUERY_STRING": query.encode("utf-8", "surrogatepass").decode("latin-1"),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        setup_testing_defaults(environ)
        status, sent, content = answered(handle, environ)
        code = int(status[:3])
        seen[status[:3]] += 1
        said = (method, path, query, body[:300], headers, content[:300])
        assert code < 500, said
        if code in (400, 401, 403, 404, 405, 413) and ours(path) and method != "HEAD":
            document = json.loads(content)
            assert sorted(document["htsget"]) == ["error", "message"], said
        elif code == 200 and path.endswith("made") and method in ("GET", "POST"):
            assert content.startswith(b'{"htsget":') and json.loads(content)["htsget"]["urls"], said
        elif path.startswith("/data/") and code in (200, 206) and method == "GET":
            assert path.removeprefix("/data/") in tokens, said
        assert "Set-Cookie" not in sent
    assert {"200", "400", "403", "404", "405"} <= set(seen), seen


def ours(path: str) -> bool:
    return path.startswith(("/reads/", "/variants/", "/data/"))


def answered(handle: Callable[..., Any], environ: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body that the application gives, without a client that would mend the request."""
    started: list[Any] = []
    response = handle(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
    content = b"".join(response)
    (status, headers), *_ = started
    return status, dict(headers), content
