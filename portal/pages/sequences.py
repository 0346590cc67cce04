"""Pages about sequences: one sequence, with a range of its residues, and its FASTA file."""

from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from catalogue import queries
from catalogue.access import AuthenticationRequired, PermissionRefused, Viewer
from catalogue.errors import AmbiguousAlias, NotFound
from catalogue.queries import StoredSequence
from catalogue.queries.collections import collections_with_sequence
from catalogue.queries.sequence_details import files_with_sequence
from portal.commands import sequence_command
from portal.links import sequence_path
from portal.pages.page import frame, page, shown

#: Residues that a page shows at most, and those that it begins with.
MAX_SHOWN, SHOWN = 12_000, 600
#: Aliases, collections and files that a page names.
MAX_ALIASES, MAX_LISTED = 200, 20
_LINE: Final = 60
_GROUP: Final = 10


@page
def sequence(request: HttpRequest, viewer: Viewer, identifier: str) -> HttpResponseBase:
    """Describe one sequence; redirect from its other names to its digest."""
    try:
        record = _found(identifier, viewer)
    except AmbiguousAlias as error:
        named = {"identifier": identifier, "candidates": error.candidates}
        return shown(request, "ambiguous.html", named, status=300)
    digest = digest_of(record)
    if identifier != digest:
        return redirect(sequence_path(digest))
    aliases = queries.aliases(record, viewer=viewer)
    holders, holder_count = collections_with_sequence(digest, start=0, count=MAX_LISTED, viewer=viewer)
    files = files_with_sequence(record, viewer=viewer, count=MAX_LISTED + 1)
    context = {
        "sequence": record,
        "digest": digest,
        "md5": record.md5.hex(),
        "trunc512": None if record.sha512t24u is None else record.sha512t24u.hex(),
        "aliases": aliases[:MAX_ALIASES],
        "alias_count": len(aliases),
        "holders": holders,
        "holder_count": holder_count,
        "files": files[:MAX_LISTED],
        "more_files": len(files) > MAX_LISTED,
        **_range(request, record, digest),
    }
    return shown(request, "sequence.html", context)


@page
def sequence_fasta(request: HttpRequest, viewer: Viewer, identifier: str) -> HttpResponseBase:
    """Send a sequence as a FASTA file."""
    try:
        record = _found(identifier, viewer)
    except AmbiguousAlias as error:
        raise NotFound(str(error)) from None
    digest = digest_of(record)
    response = StreamingHttpResponse(_fasta(record, digest), content_type="text/x-fasta; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{digest}.fa"'
    return response


def digest_of(record: StoredSequence) -> str:
    """Return the digest by which a sequence has its page: its `SQ.` digest, or its md5 where only that is known."""
    return record.ga4gh or record.md5.hex()


def _found(identifier: str, viewer: Viewer) -> StoredSequence:
    try:
        return queries.sequence(identifier, viewer=viewer)
    except (AuthenticationRequired, PermissionRefused):
        raise NotFound(f"no sequence has the identifier {identifier!r}") from None


def _fasta(record: StoredSequence, digest: str) -> Iterator[bytes]:
    # The first residues are read before the answer begins, so that a missing object shows in its status.
    pieces = queries.stream_residues(record, 0, record.length)

    def lines() -> Iterator[bytes]:
        yield f">{digest}\n".encode()
        held = b""
        for piece in pieces:
            held += piece
            whole = len(held) - len(held) % _LINE
            yield b"".join(held[at : at + _LINE] + b"\n" for at in range(0, whole, _LINE))
            held = held[whole:]
        if held:
            yield held + b"\n"

    return lines()


def _range(request: HttpRequest, record: StoredSequence, digest: str) -> dict[str, Any]:
    """Return the residues that the page shows, from `start` to `end`, counted from 1, the end included."""
    first, last, fault = 1, min(SHOWN, record.length), ""
    start, end = request.GET.get("start", ""), request.GET.get("end", "")
    if start or end:
        try:
            first = _position(start or "1")
            last = _position(end) if end else min(first + SHOWN - 1, record.length)
        except ValueError:
            fault = "Positions are whole numbers, counted from 1."
        if not fault and not 1 <= first <= last <= record.length:
            fault = f"The range has to lie between 1 and {record.length:,}, and its start before its end."
    if fault:
        return {"first": start, "last": end, "fault": fault, "lines": []}
    shown_end = min(last, first - 1 + MAX_SHOWN)
    lines = [] if record.residues is None else _lines(record, first - 1, shown_end)
    command = sequence_command(frame(request)["base"], digest, start=first - 1, end=last)
    return {
        "first": first,
        "last": last,
        "fault": "",
        "lines": lines,
        "is_cut": shown_end < last,
        "max_shown": MAX_SHOWN,
        "command": command if record.public else "",
    }


def _position(text: str) -> int:
    return int(text.replace(",", "")) if len(text) < 20 else -1


def _lines(record: StoredSequence, start: int, end: int) -> list[tuple[int, str]]:
    """Return lines of residues in groups of ten, each with the position of its first, counted from 1."""
    residues = queries.read_residues(record, start, end).decode("ascii", "replace")
    lines = []
    for at in range(0, len(residues), _LINE):
        line = residues[at : at + _LINE]
        groups = " ".join(line[group : group + _GROUP] for group in range(0, len(line), _GROUP))
        lines.append((start + at + 1, groups))
    return lines
