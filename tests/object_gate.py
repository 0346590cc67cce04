"""A proxy in front of a simulated object store that checks signatures, counts requests and makes them fail.

It does what S3 does and a simulated store does not: it refuses requests that are anonymous, altered, expired or, where
the range is signed, differently ranged, and uploads that differ from their Content-MD5.
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.credentials import Credentials

from tests.live import PATIENCE
from tests.object_faults import Fault, Seen
from tests.object_signatures import REGION, Refusal, refusal_of
from tests.simulated_time import SimulatedTime

_HOP_BY_HOP = {"connection", "expect", "host", "keep-alive", "transfer-encoding"}


_COPIED = 256 << 10


@dataclass(slots=True)
class _Planned:
    fault: Fault
    times: int | None
    only: Callable[[Seen], bool]


@dataclass(slots=True)
class Gate:
    """A proxy on a port of 127.0.0.1 of its own that passes valid requests on to `port`."""

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
        """Return where clients reach it, without a trailing slash."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def open(self) -> None:
        """Start to listen."""
        self._server = _Server(("127.0.0.1", 0), _Visit)
        self._server.gate = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end every silence."""
        self._turn.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def reset(self) -> None:
        """Forget all requests and faults, and hang up on clients that wait."""
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
        """Make the next `times` requests that `only` picks fail, or all of them."""
        with self._lock:
            self._planned.append(_Planned(fault, times, only))

    def heal(self) -> None:
        """End all faults."""
        with self._lock:
            self._planned.clear()

    @contextmanager
    def counted(self) -> Iterator[list[Seen]]:
        """Give a list that has, at the end of the block, the requests that came during it."""
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

    def allowed_origin(self, headers: Any, *, method: str, asked: str = "") -> str | None:
        """Return the origin of a request that a CORS rule allows, or None."""
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

    def admit(self, visit: "_Visit", body: bytes) -> tuple[Seen, "Refusal | None"]:
        """Return what a request asks for, and why it is refused."""
        url = urlsplit(visit.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        signed = (
            "query" if "X-Amz-Signature" in query else "header" if "Authorization" in visit.headers else ""
        )
        seen = Seen(visit.command, bucket, key, query, visit.headers.get("Range"), signed)
        if signed:
            refusal = refusal_of(
                visit, body=body, signed=signed, credentials=self.credentials, now=time.time() + self.ahead
            )
        elif visit.command in {"GET", "HEAD"} and bucket in self.public:
            refusal = None
        else:
            refusal = Refusal(403, "AccessDenied", "Access Denied")
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    gate: Gate

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that went away."""


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
                self._refuse(seen, Refusal(503, "SlowDown", "Please reduce your request rate."))
            elif seen.fault is Fault.ERROR:
                self._refuse(seen, Refusal(500, "InternalError", "We encountered an internal error."))
            elif seen.fault is Fault.NO_UPLOAD:
                self._refuse(seen, Refusal(404, "NoSuchUpload", "The specified upload does not exist."))
            elif seen.fault is Fault.DENIED:
                self._refuse(seen, Refusal(403, "AccessDenied", "Access Denied"))
            else:
                self._pass_on(seen, body)
        except ConnectionError:
            self._hang_up()
        finally:
            gate.note_done(seen)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = _serve

    def _consent(self) -> None:
        """Answer a preflight as S3 does: 200, or 403 where no rule allows it."""
        said = self.headers
        origin = self.server.gate.allowed_origin(
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
            self._refuse(seen, Refusal(400, "BadDigest", "The Content-MD5 is not that of the body"))
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
        if origin := self.server.gate.allowed_origin(self.headers, method=self.command):
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

    def _refuse(self, seen: Seen, refusal: Refusal) -> None:
        text = f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>".encode()
        seen.status = refusal.status
        self.send_response_only(refusal.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
