"""Fetch JSON from an issuer over HTTP, within a deadline and a maximum size."""

import json
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR, socket
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

#: Seconds for one connection attempt or read, and for the whole fetch, even if bytes keep coming slowly.
_READ_TIMEOUT = 3.0
_DEADLINE = 5.0
#: Longest document that is read, in bytes.
MAX_BYTES = 1 << 20

_threads: Final = ThreadPoolExecutor(16, thread_name_prefix="issuer")


class NotFetched(Exception):
    """The issuer did not answer, or not as expected; the message is for the log."""


def fetch_json(
    url: str, *, bearer: str | None = None, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """GET the JSON object at `url`, or POST a form to it; return the object. Follows no redirect. Raises NotFetched."""
    headers = {"Accept": "application/json", "User-Agent": "htsgetsite"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    exchange = _Exchange(url, headers, None if form is None else urlencode(form))
    answer = _threads.submit(exchange.run)
    try:
        status, body = answer.result(_DEADLINE)
    except TimeoutError:
        answer.cancel()
        exchange.abort()
        raise NotFetched(f"{url} took longer than {_DEADLINE:g} seconds") from None
    except (HTTPException, OSError) as error:
        raise NotFetched(f"{url} cannot be reached: {error}") from error
    if status != 200:
        raise NotFetched(f"{url} answered {status}")
    if len(body) > MAX_BYTES:
        raise NotFetched(f"{url} answered with more than {MAX_BYTES} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise NotFetched(f"{url} is not JSON") from None
    if not isinstance(document, dict):
        raise NotFetched(f"{url} is not a JSON object")
    return document


class _Exchange:
    """One HTTP request and its answer, which another thread can `abort`."""

    def __init__(self, url: str, headers: Mapping[str, str], body: str | None) -> None:
        parts = urlsplit(url)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers, self._body = headers, body
        self._aborted = threading.Event()
        # Kept here, because the connection drops its reference once it has read the headers.
        self._socket: socket | None = None
        self._connection = (
            HTTPConnection(parts.netloc, timeout=_READ_TIMEOUT)
            if parts.scheme == "http"
            else HTTPSConnection(parts.netloc, timeout=_READ_TIMEOUT, context=ssl.create_default_context())
        )

    def run(self) -> tuple[int, bytes]:
        """Return status and body, which is cut one byte over MAX_BYTES. Raises HTTPException and OSError."""
        try:
            self._connection.connect()
            self._socket = self._connection.sock
            if self._aborted.is_set():
                raise TimeoutError
            method = "GET" if self._body is None else "POST"
            self._connection.request(method, self._target, self._body, dict(self._headers))
            response = self._connection.getresponse()
            return response.status, response.read(MAX_BYTES + 1)
        finally:
            self._connection.close()

    def abort(self) -> None:
        """Make `run` fail soon, also while it waits for the network."""
        self._aborted.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(SHUT_RDWR)
