"""The sequence that every test of answers asks for, through Django, and what every error has."""

import json
from collections.abc import Mapping

from django.core.handlers.wsgi import WSGIHandler

from catalogue.formats.digests import sequence_digests
from tests.refget_app.made_sequences import Reply, ask

RESIDUES = bytes(65 + (7 * i + i // 11) % 26 for i in range(1000))
DIGESTS = sequence_digests(RESIDUES)
MD5 = DIGESTS.md5_hex
PLAIN = "text/vnd.ga4gh.refget.v2.0.0+plain; charset=us-ascii"


def get(target: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
    return ask(WSGIHandler(), target, method, headers)


def assert_error(reply: Reply, code: int) -> dict[str, object]:
    assert reply.code == code
    assert reply.header("Content-Type") == "application/json"
    assert reply.header("Content-Length") == str(len(reply.body))
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("X-Content-Type-Options") == "nosniff"
    content = json.loads(reply.body)
    assert content["status"] == code
    assert reply.status == f"{code} {content['error']}"
    assert content["message"]
    return dict(content)
