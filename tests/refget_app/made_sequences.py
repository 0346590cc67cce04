"""Sequences put straight into the storage and the tables, and replies of a WSGI application to requests about them."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from catalogue import queries
from catalogue.formats.digests import sequence_digests
from catalogue.models import Alias, NamingAuthority, ResidueBlob, Sequence
from catalogue.storage import SEQUENCES, storage
from ga4gh.exchange import REQUEST_ID

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def make_sequence(
    residues: bytes,
    *,
    circular: bool = False,
    aliases: Iterable[tuple[str, str]] = (),
    held: bool = True,
    before: bytes = b"",
) -> Sequence:
    """One row and its blob; `before` is what lies before the residues in the blob. Nothing is remembered of it yet."""
    digests = sequence_digests(residues)
    blob = None
    if held:
        key = f"test/{hashlib.sha256(before + residues).hexdigest()}"
        place = storage(SEQUENCES)
        # Written in place: durability would cost these tests more than all the rest.
        path = place.local_path(key) or place.staging() / f"{os.getpid()}-blob"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before + residues)
        if place.local_path(key) is None:
            place.put(path, key)
        blob, _ = ResidueBlob.objects.get_or_create(
            storage=SEQUENCES, key=key, defaults={"size": len(before + residues)}
        )
    row, _ = Sequence.objects.update_or_create(
        md5=digests.md5,
        defaults={
            "sha512t24u": digests.sha512t24u if held else None,
            "length": len(residues),
            "circular": circular,
            "blob": blob,
            "offset": len(before) if held else None,
        },
    )
    for authority, name in aliases:
        known, _ = NamingAuthority.objects.get_or_create(name__iexact=authority, defaults={"name": authority})
        Alias.objects.get_or_create(authority=known, name=name, sequence=row)
    queries.forget_sequences()
    return row


class Reply(NamedTuple):
    """What a client would get: the status line, the headers in order, and the body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> int:
        """The number of the status."""
        return int(self.status[:3])

    def header(self, name: str) -> str | None:
        """The one value of a header, without regard to case; None where it is absent."""
        values = [value for header, value in self.headers if header.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is sent {len(values)} times"
        return values[0] if values else None


def ask(
    app: "WSGIApplication", target: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Reply:
    """One request, `target` as it stands on the request line; the body is read to its end and closed."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        # Otherwise each failed request would have an id of its own.
        REQUEST_ID: "0" * 32,
    }
    for name, value in (headers or {}).items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, headers))

    with _connections_kept():
        body = app(environ, start_response)
        try:
            content = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
    ((status, sent),) = started
    return Reply(status, list(sent), content)


@contextmanager
def _connections_kept() -> Iterator[None]:
    """The transaction of a test outlives a request, as it does with Django's own test client."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    try:
        yield
    finally:
        request_started.connect(close_old_connections)
        request_finished.connect(close_old_connections)
