"""Asks an issuer over HTTP: only addresses that the caller was configured with, briefly, and not too much of them."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

#: Seconds for the connection, between two pieces, and in all.
_CONNECT, _READ, _IN_ALL = 2.0, 3.0, 5.0
#: The longest document that is read, in bytes.
MOST = 1 << 20

_pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=_CONNECT, read=_READ), retries=False)


class NotFetched(Exception):
    """The issuer did not answer as it should; the text is for the log."""


def fetch_json(
    url: str, *, bearer: str | None = None, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The JSON object at an address, or the answer to a form. Redirects are not followed. Raises NotFetched."""
    headers = {"Accept": "application/json", "User-Agent": "htsgetsite"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    until = time.monotonic() + _IN_ALL
    try:
        response = _pool.request(
            "GET" if form is None else "POST",
            url,
            headers=headers,
            body=None if form is None else urlencode(form),
            redirect=False,
            preload_content=False,
        )
        try:
            if response.status != 200:
                raise NotFetched(f"{url} answered {response.status}")
            body = b""
            for piece in response.stream(1 << 16):
                body += piece
                if len(body) > MOST:
                    raise NotFetched(f"{url} answered with more than {MOST} bytes")
                if time.monotonic() > until:
                    raise NotFetched(f"{url} took longer than {_IN_ALL:g} seconds")
        finally:
            response.close()
    except (HTTPError, OSError) as error:
        raise NotFetched(f"{url} cannot be reached: {error}") from error
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise NotFetched(f"{url} is not JSON") from None
    if not isinstance(document, dict):
        raise NotFetched(f"{url} is not a JSON object")
    return document
