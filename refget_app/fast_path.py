"""The fast path: answers plain requests for residues before Django, and passes all others on.

Plain is GET or HEAD of `/sequence/<digest>` or `/md5/<md5>` whose look-up this process has in its cache. The answer is
made by the same function as in the views; `tests/refget_app/test_fast_path.py` compares the two byte for byte.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from catalogue import queries
from catalogue.queries import StoredSequence
from ga4gh import cors
from ga4gh.exchange import Answer, Header, Request
from refget_app import answers
from refget_app.protocol import PROTOCOL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

_PATH = re.compile(r"/(?:sequence/([0-9A-Za-z:._-]+)|md5/([0-9A-Fa-f]{32}))/?")


class RefgetFastPath:
    """A WSGI application that wraps the site's."""

    def __init__(self, site: "WSGIApplication") -> None:
        self.site = site

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in {"GET", "HEAD"} and (path := _PATH.fullmatch(environ["PATH_INFO"])):
            identifier = path[1] or path[2]
            known = queries.known_sequence(identifier)
            origin = environ.get("HTTP_ORIGIN")
            cors_headers = () if origin is None else cors.response_headers(origin)
            https_headers = _https_headers(environ)
            if known is not None and cors_headers is not None and https_headers is not None:
                answer = _answer(Request(environ, identifier), known)
                headers = [*answer.headers, *cors_headers, *https_headers]
                start_response(f"{answer.status.value} {answer.status.phrase}", headers)
                return [answer.body] if isinstance(answer.body, bytes) else answer.body
        return self.site(environ, start_response)


def _https_headers(environ: dict[str, Any]) -> tuple[Header, ...] | None:
    """Return what Django's SecurityMiddleware adds where the site is reached by https; None if it has to redirect."""
    seconds, redirects = settings.SECURE_HSTS_SECONDS, settings.SECURE_SSL_REDIRECT
    if not seconds and not redirects:
        return ()
    scheme = environ["wsgi.url_scheme"]
    if settings.SECURE_PROXY_SSL_HEADER:
        name, _ = settings.SECURE_PROXY_SSL_HEADER
        scheme = environ.get(name, scheme).partition(",")[0].strip()
    if scheme != "https":
        return None if redirects else ()
    return (("Strict-Transport-Security", f"max-age={seconds}"),) if seconds else ()


def _answer(request: Request, known: StoredSequence) -> Answer:
    try:
        return answers.sequence(request, known=known)
    except Exception as error:  # noqa: BLE001
        return PROTOCOL.error_answer(request, error)
