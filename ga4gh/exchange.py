"""One HTTP request and its answer, without a framework.

Views and the fast path read the same WSGI environment and send the same `Answer`. It includes the headers that Django's
security middleware would add, because the fast path bypasses Django.
"""

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings

from catalogue.access import ANONYMOUS, Viewer
from ga4gh.etags import content_etag, precondition

Header = tuple[str, str]
Json = Mapping[str, object] | list[dict[str, object]]

CACHE_FOR_EVER: Final = ("Cache-Control", "public, max-age=31536000, immutable")
CACHE_BRIEFLY: Final = ("Cache-Control", "public, max-age=300")
CACHE_NEVER: Final = ("Cache-Control", "no-store")
CACHE_PRIVATE: Final = ("Cache-Control", "private, no-store")

#: Where a request's id is kept in its WSGI environment.
REQUEST_ID: Final = "htsgetsite.request_id"
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")

_ALWAYS: Final = (
    ("Vary", "Accept, Origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


@dataclass(slots=True, eq=False)
class Request:
    """A WSGI environment (PEP 3333), the requested target, and the viewer.

    `target` is the name of the resource in the log and the audit, so it must not contain credentials. The fast path
    serves only public data and leaves `viewer` anonymous.
    """

    environ: MutableMapping[str, Any]
    target: str = ""
    viewer: Viewer = ANONYMOUS

    @property
    def method(self) -> str:
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        return str(self.environ["PATH_INFO"])

    @property
    def query(self) -> str:
        """The query string, still percent-encoded."""
        return str(self.environ.get("QUERY_STRING", ""))

    @property
    def accept(self) -> str:
        return str(self.environ.get("HTTP_ACCEPT", ""))

    def header(self, name: str) -> str | None:
        """Return the value of a header by its WSGI name, such as `HTTP_RANGE`; None where it is absent."""
        return self.environ.get(name)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response. A streamed body raises if its source fails; the connection must then break."""

    status: HTTPStatus
    headers: list[Header]
    body: bytes | Iterator[bytes] = b""


def request_id(environ: MutableMapping[str, Any]) -> str:
    """Return the id of a request, which the log, the audit and errors have: the trusted proxy's, or a new one."""
    known = environ.get(REQUEST_ID)
    if known is None:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        known = (
            given
            if settings.TRUST_PROXY and _GIVEN_ID.fullmatch(given)
            else f"{random.getrandbits(128):032x}"
        )
        environ[REQUEST_ID] = known
    return str(known)


def answer(status: HTTPStatus, headers: Iterable[Header], body: bytes | Iterator[bytes] = b"") -> Answer:
    """Build an answer with the headers that every answer carries: Vary and those of security."""
    return Answer(status, [*headers, *_ALWAYS], body)


def json_answer(
    request: Request,
    content: bytes | Json,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    content_type: str = "application/json",
    headers: Iterable[Header] = (CACHE_NEVER,),
) -> Answer:
    """Answer with JSON in ASCII, from text or a document; HEAD gets only the headers."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode("ascii")
    sized = (("Content-Type", content_type), ("Content-Length", str(len(body))), *headers)
    return answer(status, sized, b"" if request.method == "HEAD" else body)


def document(
    request: Request,
    content: Json,
    *,
    content_type: str = "application/json",
    tag: str = "json",
    caching: Header = CACHE_BRIEFLY,
) -> Answer:
    """Answer with a JSON document and its ETag, or with 304 if the client has it; `tag` names the representation."""
    body = json.dumps(content).encode("ascii")
    etag = content_etag(body, tag)
    validity = (("ETag", etag), caching)
    if status := precondition(request.environ, etag):
        return answer(status, validity)
    return json_answer(request, body, content_type=content_type, headers=validity)
