"""A gate in front of an object store that believes no signature it has not recomputed, counts, and can misbehave.

It stands in for what S3 itself does and a simulated store does not: it refuses requests that are anonymous, altered,
expired or, where the range is signed, differently ranged (AWS Signature Version 4, "Authenticating requests"), and
uploads that differ from their Content-MD5.
"""

import base64
import hashlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.live import PATIENCE
from tests.simulated_time import SimulatedTime

REGION = "eu-west-2"
#: Seconds that the clock of a client may be wrong.
SKEW = 15 * 60

_HOP_BY_HOP = {"connection", "expect", "host", "keep-alive", "transfer-encoding"}
_COPIED = 256 << 10


class Fault(Enum):
    """How an answer can go wrong on its way."""

    DROP = auto()  #: the connection ends without an answer
    BREAK = auto()  #: the body ends in the middle, its Content-Length is that of the whole
    SHORT = auto()  #: the body ends in the middle and its Content-Length agrees
    DELAY = auto()  #: nothing comes for `Gate.delay` seconds
    STALL = auto()  #: nothing comes for `Gate.delay` seconds in the middle of the body
    TRICKLE = auto()  #: a byte of the body comes every second, and none after the twentieth
    SLOW_DOWN = auto()  #: 503, as when requests come too fast
    ERROR = auto()  #: 500
    DENIED = auto()  #: 403
    NO_UPLOAD = auto()  #: 404, as for an upload that is over
    NO_RANGE = auto()  #: the whole object, as if no range had been asked for
    OTHER_RANGE = auto()  #: the bytes one further on, and it says so
    OTHER_ETAG = auto()  #: another state of the object, whatever If-Match asks for
    ALTERED_UPLOAD = auto()  #: a byte of an upload changes before it arrives
    ALTERED_STORE = auto()  #: a byte of an upload changes afterwards; the ETag is that of what is stored
    LOST_ANSWER = auto()  #: the request is carried out, its answer lost


@dataclass(slots=True)
class Seen:
    """One request that came to the gate. `sent` counts the bytes of the answer's body so far."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    range: str | None
    #: "header", "query", or "" for a request without signature.
    signed: str
    fault: Fault | None = None
    status: int = 0
    sent: int = 0
    done: bool = False

    @property
    def reads_object(self) -> bool:
        """Whether it asks for the bytes of an object."""
        return self.method == "GET" and bool(self.key)


@dataclass(slots=True)
class _Planned:
    fault: Fault
    times: int | None
    only: Callable[[Seen], bool]


class _Refusal(NamedTuple):
    status: int
    code: str
    message: str


@dataclass(slots=True)
class Gate:
    """Listens on a port of 127.0.0.1 of its own; passes what it believes on to `port`."""

    port: int
    credentials: Credentials
    #: Seconds for which DELAY and STALL keep silent.
    delay: float = 10.0
    #: In which DELAY, STALL and TRICKLE pass, for clients whose sockets it watches.
    time: SimulatedTime | None = None
    #: Seconds by which the store's clock is ahead.
    ahead: float = 0.0
    #: Buckets that anybody may read.
    public: set[str] = field(default_factory=set)
    #: The rules by which pages of other origins may ask, as a bucket has them ("CORS configuration" of S3).
    cors: list[dict[str, Any]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    #: Connections that clients opened.
    connections: int = 0
    _planned: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Event = field(default_factory=threading.Event)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    #: How many requests are to wait at once, how many do, and whether they came one by one.
    _wanted: int = 0
    _waiting: int = 0
    _apart: bool = False
    _server: "_Server | None" = None

    @property
    def url(self) -> str:
        """Where clients reach it, without a trailing slash."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def open(self) -> None:
        """Begins to listen."""
        self._server = _Server(("127.0.0.1", 0), _Visit)
        self._server.gate = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Ends listening, and every silence."""
        self._turn.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def reset(self) -> None:
        """Forgets all requests and faults; whoever is kept waiting is hung up on."""
        with self._lock:
            self._turn.set()
            self._turn = threading.Event()
            self.seen = []
            self._planned.clear()
            self.public.clear()
            self.cors = []
            self.connections = 0
        self.delay, self.ahead = 10.0, 0.0
        self.time = None
        self._wanted, self._apart = 0, False

    def fail(
        self, fault: Fault, *, times: int | None = None, only: Callable[[Seen], bool] = lambda seen: True
    ) -> None:
        """Lets the next `times` requests that `only` picks, or all of them, go wrong."""
        with self._lock:
            self._planned.append(_Planned(fault, times, only))

    def heal(self) -> None:
        """Ends all faults."""
        with self._lock:
            self._planned.clear()

    @contextmanager
    def counted(self) -> Iterator[list[Seen]]:
        """A list that has, at the end of the block, the requests that came during it."""
        during: list[Seen] = []
        begin = len(self.seen)
        yield during
        # A client has its last byte a moment before it is noted here that it was sent.
        with self._changed:
            answered = self._changed.wait_for(
                lambda: all(seen.done or seen.fault for seen in self.seen[begin:]), PATIENCE
            )
        assert answered
        during.extend(self.seen[begin:])

    def consents(self, headers: Any, *, method: str, asked: str = "") -> str | None:
        """The rule's word for the page whose request has these headers: its origin, or None where it may not ask."""
        origin = headers.get("Origin", "")
        wanted = {name.strip().lower() for name in asked.split(",") if name.strip()}
        for rule in self.cors:
            known = {name.lower() for name in rule["AllowedHeaders"]}
            if origin in rule["AllowedOrigins"] and method in rule["AllowedMethods"] and wanted <= known:
                return str(origin)
        return None

    def hold_until(self, count: int) -> None:
        """Answer no request until `count` of them wait at the same time; if they never do, answer none."""
        self._wanted = count

    def gather(self) -> None:
        """Wait for the requests that `hold_until` asks for. Raise ConnectionAbortedError when they do not come."""
        with self._changed:
            self._waiting += 1
            if self._waiting >= self._wanted:
                self._wanted = 0
                self._changed.notify_all()
            met = self._changed.wait_for(lambda: not self._wanted or self._apart, PATIENCE)
            self._waiting -= 1
            if not met:
                self._apart = True
            if self._apart:
                raise ConnectionAbortedError

    def note_done(self, seen: Seen) -> None:
        """Note that a request has its answer, or none any more."""
        with self._changed:
            seen.done = True
            self._changed.notify_all()

    def pause(self, seconds: float, client: tuple[str, int]) -> None:
        """Send this client nothing. Raise ConnectionAbortedError when it or the test ends meanwhile."""
        turn = self._turn
        if self.time and self.time.keep_silent(client[1], seconds, stopped=turn.is_set):
            return
        if turn.wait(seconds):
            raise ConnectionAbortedError

    def admit(self, visit: "_Visit", body: bytes) -> tuple[Seen, "_Refusal | None"]:
        """What a request asks for, and why it may not have it."""
        url = urlsplit(visit.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        signed = (
            "query" if "X-Amz-Signature" in query else "header" if "Authorization" in visit.headers else ""
        )
        seen = Seen(visit.command, bucket, key, query, visit.headers.get("Range"), signed)
        if signed:
            refusal = self._check(visit, query, signed=signed, body=body)
        elif visit.command in {"GET", "HEAD"} and bucket in self.public:
            refusal = None
        else:
            refusal = _Refusal(403, "AccessDenied", "Access Denied")
        if refusal is None:
            seen.fault = self._fault(seen)
        with self._lock:
            self.seen.append(seen)
        return seen, refusal

    def _fault(self, seen: Seen) -> Fault | None:
        with self._lock:
            for planned in self._planned:
                if planned.times != 0 and planned.only(seen):
                    planned.times = None if planned.times is None else planned.times - 1
                    return planned.fault
        return None

    def _check(self, visit: "_Visit", query: dict[str, str], *, signed: str, body: bytes) -> _Refusal | None:
        try:
            said = _in_query(query) if signed == "query" else _in_headers(visit.headers)
            when = datetime.strptime(said.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
            access_key, day, region, service, terminal = said.credential.split("/")
        except (KeyError, ValueError):
            return _Refusal(400, "AuthorizationHeaderMalformed", "The authorisation cannot be read")
        if (day, region, service, terminal) != (said.date[:8], REGION, "s3", "aws4_request"):
            return _Refusal(400, "AuthorizationHeaderMalformed", "The scope of the credential is wrong")
        if access_key != self.credentials.access_key:
            return _Refusal(403, "InvalidAccessKeyId", "Nobody has this access key")
        names = {name.lower() for name in visit.headers}
        if unsigned := {name for name in names if name.startswith("x-amz-")} - set(said.names):
            return _Refusal(
                403, "AccessDenied", f"Headers that have to be signed are not: {sorted(unsigned)}"
            )
        if "host" not in said.names or not names.issuperset(said.names):
            return _Refusal(403, "SignatureDoesNotMatch", "A header that was signed is not there")
        if said.signature != self._signature(visit, said, signed=signed):
            return _Refusal(403, "SignatureDoesNotMatch", "The signature is another")
        now = time.time() + self.ahead
        if said.expires is not None:
            if not 0 < said.expires <= 7 * 86400:
                return _Refusal(400, "AuthorizationQueryParametersError", "X-Amz-Expires is out of bounds")
            if not when - SKEW <= now <= when + said.expires:
                return _Refusal(403, "AccessDenied", "Request has expired")
        elif abs(now - when) > SKEW:
            return _Refusal(403, "RequestTimeTooSkewed", "The clocks differ too much")
        return _check_body(visit.headers, body)

    def _signature(self, visit: "_Visit", said: "_Said", *, signed: str) -> str:
        """What botocore, knowing the secret, makes of the request as it came."""
        url = urlsplit(visit.path)
        pairs = [pair.partition("=") for pair in url.query.split("&") if pair]
        query = "&".join(
            f"{_encoded(name)}={_encoded(value)}"
            for name, _, value in pairs
            if unquote(name) != "X-Amz-Signature"
        )
        address = f"http://{visit.headers['Host']}{quote(unquote(url.path), safe='/-_.~')}?{query}"
        headers = {name: ",".join(visit.headers.get_all(name, [])) for name in said.names}
        request = AWSRequest(method=visit.command, url=address, headers=headers)
        request.context["timestamp"] = said.date
        signer = (S3SigV4QueryAuth if signed == "query" else S3SigV4Auth)(self.credentials, "s3", REGION)
        return str(
            signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        )


class _Said(NamedTuple):
    """What a request says of its signature; `names` are the signed headers, `expires` in seconds."""

    credential: str
    date: str
    names: list[str]
    signature: str
    expires: int | None


def _in_query(query: dict[str, str]) -> _Said:
    if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
        raise ValueError("another algorithm")
    return _Said(
        query["X-Amz-Credential"],
        query["X-Amz-Date"],
        query["X-Amz-SignedHeaders"].split(";"),
        query["X-Amz-Signature"],
        int(query["X-Amz-Expires"]),
    )


def _in_headers(headers: Any) -> _Said:
    algorithm, _, rest = headers["Authorization"].partition(" ")
    if algorithm != "AWS4-HMAC-SHA256":
        raise ValueError("another algorithm")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    return _Said(
        parts["Credential"],
        headers["X-Amz-Date"] or "",
        parts["SignedHeaders"].split(";"),
        parts["Signature"],
        None,
    )


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _check_body(headers: Any, body: bytes) -> _Refusal | None:
    said = headers.get("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")
    if said != "UNSIGNED-PAYLOAD" and said != hashlib.sha256(body).hexdigest():
        return _Refusal(400, "XAmzContentSHA256Mismatch", "The body is not the one that was signed")
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    gate: Gate

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error."""


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise a body waits 40 ms for the acknowledgement of its headers.
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.gate.connections += 1

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        gate = self.server.gate
        if self.command == "OPTIONS":
            self._consent()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen, refusal = gate.admit(self, body)
        try:
            gate.gather()
            if refusal:
                self._refuse(seen, refusal)
            elif seen.fault is Fault.DROP:
                self._hang_up()
            elif seen.fault is Fault.SLOW_DOWN:
                self._refuse(seen, _Refusal(503, "SlowDown", "Please reduce your request rate."))
            elif seen.fault is Fault.ERROR:
                self._refuse(seen, _Refusal(500, "InternalError", "We encountered an internal error."))
            elif seen.fault is Fault.NO_UPLOAD:
                self._refuse(seen, _Refusal(404, "NoSuchUpload", "The specified upload does not exist."))
            elif seen.fault is Fault.DENIED:
                self._refuse(seen, _Refusal(403, "AccessDenied", "Access Denied"))
            else:
                self._pass_on(seen, body)
        except ConnectionError:
            self._hang_up()
        finally:
            gate.note_done(seen)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = _serve

    def _consent(self) -> None:
        """Answers a preflight as S3 does: 200, or 403 where no rule allows it."""
        said = self.headers
        origin = self.server.gate.consents(
            said,
            method=said.get("Access-Control-Request-Method", ""),
            asked=said.get("Access-Control-Request-Headers", ""),
        )
        self.send_response_only(200 if origin else 403)
        if origin:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Methods", "GET, HEAD")
            self.send_header("Access-Control-Allow-Headers", said.get("Access-Control-Request-Headers", ""))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pass_on(self, seen: Seen, body: bytes) -> None:
        if seen.fault is Fault.DELAY:
            self.server.gate.pause(self.server.gate.delay, self.client_address)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        said = {name.lower(): name for name in headers}
        if seen.fault is Fault.NO_RANGE and "range" in said:
            del headers[said["range"]]
        if seen.fault is Fault.OTHER_RANGE and seen.range:
            begin, end = seen.range.removeprefix("bytes=").split("-")
            headers[said["range"]] = f"bytes={int(begin) + 1}-{int(end) + 1}"
        if seen.fault is Fault.OTHER_ETAG and "if-match" in said:
            del headers[said["if-match"]]
        if seen.fault in {Fault.ALTERED_UPLOAD, Fault.ALTERED_STORE} and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        if not seen.signed:
            # The simulated store knows nothing of `public`.
            scope = f"{self.server.gate.credentials.access_key}/20260101/{REGION}/s3/aws4_request"
            headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        md5 = headers.get(said.get("content-md5", ""))
        if (
            md5
            and seen.fault is not Fault.ALTERED_STORE
            and base64.b64decode(md5) != hashlib.md5(body).digest()
        ):
            self._refuse(seen, _Refusal(400, "BadDigest", "The Content-MD5 is not that of the body"))
            return
        store = http.client.HTTPConnection("127.0.0.1", self.server.gate.port)
        try:
            store.request(self.command, self.path, body=body or None, headers=headers)
            answer = store.getresponse()
            if seen.fault is Fault.LOST_ANSWER:
                answer.read()
                self._hang_up()
            else:
                self._hand_on(seen, answer)
        finally:
            store.close()

    def _hand_on(self, seen: Seen, answer: http.client.HTTPResponse) -> None:
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
        content = b"" if seen.fault in {None, Fault.DELAY} else answer.read()
        if seen.fault is Fault.OTHER_ETAG:
            headers = [(name, value) for name, value in headers if name.lower() != "etag"]
            headers.append(("ETag", f'"{"0" * 32}"'))
        if seen.fault is Fault.SHORT:
            content = content[: len(content) // 2]
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
            headers.append(("Content-Length", str(len(content))))
        elif "content-length" not in {name.lower() for name, _ in headers} and answer.status != 204:
            content = content or answer.read()
            headers.append(("Content-Length", str(len(content))))
        seen.status = answer.status
        self.send_response_only(answer.status)
        if origin := self.server.gate.consents(self.headers, method=self.command):
            headers = [
                (name, value) for name, value in headers if not name.lower().startswith("access-control-")
            ]
            self.send_header("Access-Control-Allow-Origin", origin)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        for piece in self._pieces(seen.fault, answer, content):
            self.wfile.write(piece)
            seen.sent += len(piece)

    def _pieces(
        self, fault: Fault | None, answer: http.client.HTTPResponse, content: bytes
    ) -> Iterator[bytes]:
        half = len(content) // 2
        if fault is Fault.BREAK:
            yield content[:half]
            self._hang_up()
        elif fault is Fault.STALL:
            yield content[:half]
            self.server.gate.pause(self.server.gate.delay, self.client_address)
            yield content[half:]
        elif fault is Fault.TRICKLE:
            for at in range(20):
                yield content[at : at + 1]
                self.server.gate.pause(1, self.client_address)
            self._hang_up()
        elif content:
            yield content
        else:
            while piece := answer.read(_COPIED):
                yield piece

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _refuse(self, seen: Seen, refusal: _Refusal) -> None:
        text = f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>".encode()
        seen.status = refusal.status
        self.send_response_only(refusal.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
