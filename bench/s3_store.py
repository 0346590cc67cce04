"""Serve the files of a folder over the S3 protocol, with a latency, for measurements (`python -m bench.s3_store`).

It supports ranged GETs, HEAD and listings, and counts the bytes that it sends. It accepts every signature; the tests
use a store that checks them.
"""

import argparse
import os
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_LISTING = (
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>'
)


class _Store(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, root: Path, latency: float, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Visit)
        self.root = root
        self.latency = latency
        self.lock = threading.Lock()
        self.requests = 0
        self.sent = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""

    def count(self, sent: int) -> None:
        """Count one answer."""
        with self.lock:
            self.requests += 1
            self.sent += sent


class _Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Store

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/counts":
            self._answer(200, f"{self.server.requests} {self.server.sent}".encode(), counted=False)
            return
        time.sleep(self.server.latency)
        url = urlsplit(self.path)
        _, bucket, key = [*unquote(url.path).split("/", 2), ""][:3]
        if not key:
            self._answer(200, self._listing(bucket, parse_qs(url.query).get("prefix", [""])[0]))
            return
        path = self.server.root / bucket / key
        if not path.is_file():
            self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>There is no such key</Message></Error>")
            return
        self._object(path)

    do_HEAD = do_GET

    def _object(self, path: Path) -> None:
        status = path.stat()
        etag = _etag(status)
        if self.headers.get("If-Match", etag) != etag:
            self._answer(
                412, b"<Error><Code>PreconditionFailed</Code><Message>Another state</Message></Error>"
            )
            return
        begin, end = 0, status.st_size
        if asked := self.headers.get("Range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(int(last) + 1, end)
        self.send_response_only(206 if asked else 200)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", formatdate(status.st_mtime, usegmt=True))
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Content-Type", "binary/octet-stream")
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{status.st_size}")
        self.end_headers()
        if self.command == "HEAD":
            self.server.count(0)
            return
        self.wfile.flush()
        with path.open("rb") as file:
            at = begin
            while at < end:
                at += os.sendfile(self.connection.fileno(), file.fileno(), at, end - at)
        self.server.count(end - begin)

    def _listing(self, bucket: str, prefix: str) -> bytes:
        top = self.server.root / bucket
        entries = []
        for path in sorted(top.rglob("*")):
            key = path.relative_to(top).as_posix()
            if path.is_file() and key.startswith(prefix):
                status = path.stat()
                modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(status.st_mtime))
                entries.append(
                    f"<Contents><Key>{escape(key)}</Key><LastModified>{modified}</LastModified>"
                    f"<ETag>{escape(_etag(status))}</ETag><Size>{status.st_size}</Size></Contents>"
                )
        return f"{_LISTING}{''.join(entries)}</ListBucketResult>".encode()

    def _answer(self, status: int, body: bytes, *, counted: bool = True) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if counted:
            self.server.count(len(body))


def _etag(status: os.stat_result) -> str:
    return f'"{status.st_size:x}-{status.st_mtime_ns:x}"'


def main() -> None:
    """Serve until standard input ends; the first line of output is the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="its folders are the buckets")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every answer waits")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    options = parser.parse_args()
    store = _Store(options.root, options.latency, options.port)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    print(store.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
