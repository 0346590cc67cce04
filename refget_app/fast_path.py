"""A short way in: the plain request for residues is answered in front of Django, which takes everything else.

Plain is GET or HEAD of `/sequence/<digest>` or `/md5/<md5>` whose look-up this process remembers. The answer is made
by the same function as in the views; `tests/refget_app/test_fast_path.py` compares the two byte for byte.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from catalogue import queries
from refget_app import answers
from refget_app.exchange import Request

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
            record = queries.known_sequence(identifier)
            if record is not None:
                request = Request.from_environ(environ, identifier)
                answer = answers.sequence(
                    request,
                    limit=settings.REFGET_SUBSEQUENCE_LIMIT,
                    redirect_above=settings.REFGET_REDIRECT_ABOVE,
                    record=record,
                )
                start_response(f"{answer.status.value} {answer.status.phrase}", answer.headers)
                return [answer.body] if isinstance(answer.body, bytes) else answer.body
        return self.site(environ, start_response)
