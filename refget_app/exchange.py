"""One request and one answer of refget, without a framework.

Both doors read the same WSGI environment and send the same answer, so that neither can add anything of its own: the
headers that Django's security middleware would set are part of every answer here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from catalogue.access import ANONYMOUS, Viewer

METHODS = "GET, HEAD, OPTIONS"

_PREFLIGHT_SECONDS = 30 * 24 * 3600
_ALWAYS = (
    ("Vary", "Accept, Origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of an HTTP request that an answer may depend on; header values are None where absent.

    `by_md5` says that it came to `/md5/<md5>`, as htslib asks. `viewer` is who asks; the door in front of Django serves
    only what is for everybody, and does not find that out.
    """

    method: str
    identifier: str
    query: str
    accept: str
    range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None
    origin: str | None = None
    requested_headers: str | None = None
    user_agent: str | None = None
    by_md5: bool = False
    viewer: Viewer = ANONYMOUS

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, Any], identifier: str, *, viewer: Viewer = ANONYMOUS
    ) -> "Request":
        """Reads a WSGI environment (PEP 3333); `identifier` is the decoded part of the path."""
        get = environ.get
        return cls(
            environ["REQUEST_METHOD"],
            identifier,
            get("QUERY_STRING", ""),
            get("HTTP_ACCEPT", ""),
            get("HTTP_RANGE"),
            get("HTTP_IF_RANGE"),
            get("HTTP_IF_NONE_MATCH"),
            get("HTTP_ORIGIN"),
            get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"),
            get("HTTP_USER_AGENT"),
            environ["PATH_INFO"].startswith("/md5/"),
            viewer,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response. A streamed body raises where its source falls short, and the connection must then break."""

    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes | Iterator[bytes] = b""


def answer(
    request: Request,
    *,
    status: HTTPStatus,
    headers: Iterable[tuple[str, str]],
    body: bytes | Iterator[bytes] = b"",
) -> Answer:
    """Adds what every answer carries: Vary, security headers, and leave for pages of any origin to read it."""
    every = [*headers, *_ALWAYS]
    if request.origin is not None:
        every.append(("Access-Control-Allow-Origin", request.origin))
        every.append(
            (
                "Access-Control-Expose-Headers",
                "Accept-Ranges, Content-Length, Content-Range, ETag, Retry-After, WWW-Authenticate",
            )
        )
    return Answer(status, every, body)


def document(
    request: Request,
    *,
    status: HTTPStatus,
    content: Mapping[str, Any],
    content_type: str = "application/json",
    headers: Iterable[tuple[str, str]] = (),
) -> Answer:
    """An answer in JSON, in ASCII; the body is left out for HEAD."""
    body = json.dumps(content).encode("ascii")
    sized = [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers]
    return answer(request, status=status, headers=sized, body=b"" if request.method == "HEAD" else body)


def options(request: Request) -> Answer:
    """What may be asked (RFC 9110, section 9.3.7), which is also the consent to a page of another origin."""
    headers = [("Allow", METHODS), ("Content-Length", "0")]
    if request.origin is not None:
        headers.append(("Access-Control-Allow-Methods", METHODS))
        headers.append(("Access-Control-Max-Age", str(_PREFLIGHT_SECONDS)))
        if request.requested_headers is not None:
            headers.append(("Access-Control-Allow-Headers", request.requested_headers))
    return answer(request, status=HTTPStatus.OK, headers=headers)
