"""Answers a request with a ticket: finds the file, the contigs and the parts (htsget 1.3, "Response").

The order is access, format, references and ranges, bytes. Positions are 0-based and half-open.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from catalogue import file_states, queries
from catalogue.access import PermissionRefused, Viewer
from catalogue.errors import StorageError
from catalogue.formats import ReadRange
from catalogue.formats.headers import FileFormat
from catalogue.queries import SignedUrl, StoredFile
from catalogue.rate_limits import Charge
from htsget_app.conversion import records
from htsget_app.errors import InvalidInput
from htsget_app.params import Rewriting, TicketRequest
from htsget_app.planning.derived import TooManyRegions, plan_derived
from htsget_app.planning.parts import (
    Fetched,
    Inline,
    Limits,
    NotSeparable,
    PartClass,
    PlannedFile,
    Selection,
    TicketPart,
)
from htsget_app.planning.plan import plan
from htsget_app.planning.selection import select


@dataclass(frozen=True, slots=True)
class Ticket:
    """The parts whose bytes concatenate to the answer, its format, and its file."""

    file: StoredFile
    format: FileFormat
    parts: list[TicketPart]

    def json(self, url_of: Callable[[Fetched], SignedUrl]) -> bytes:
        """Return the ticket in ASCII, without surrounding white space: htslib recognises its first bytes.

        `url_of` gives the URL of a part, and the headers to send with it.
        """
        urls = [_url_entry(part, url_of) for part in self.parts]
        document = {"htsget": {"format": self.format.value, "urls": urls}}
        return json.dumps(document, separators=(",", ":")).encode("ascii")


def _url_entry(part: TicketPart, url_of: Callable[[Fetched], SignedUrl]) -> dict[str, object]:
    if isinstance(part, Inline):
        # One official suite fails on a media type before the semicolon.
        url = f"data:;base64,{b64encode(part.data).decode('ascii')}"
        return {"url": url, "class": part.part_class.value}
    signed = url_of(part)
    headers = {"headers": dict(signed.headers)} if signed.headers else {}
    return {"url": signed.url, **headers, "class": part.part_class.value}


def ticket(request: TicketRequest, *, viewer: Viewer, limits: Limits, charge: Charge | None = None) -> Ticket:
    """Return the ticket for a request. The look-up of its file counts the `charge`.

    Raises what the tables of errors answer (`ga4gh.errors.COMMON`, `htsget_app.errors`). A stored file that is not the
    registered one is marked on its row.
    """
    file = queries.find_file(
        viewer=viewer, kind=request.kind, htsget_id=request.id, format=request.format, charge=charge
    )
    rewriting = request.rewriting(file.format)
    selection, named = select(file, request)
    with faults_noted(file), queries.registered_bytes(file) as read_range:
        # Where the records of a region lie between its edges is what cuts rewritten answers.
        contigs = queries.with_pages(file, named, selection.regions, every=rewriting is not None)
        planned = PlannedFile(file, queries.header(file), contigs)
        if rewriting is None:
            try:
                parts = plan(planned, selection, read_range=read_range, limits=limits)
                return Ticket(file, request.format, [*parts])
            except NotSeparable:
                # Containers hold reads outside the granted regions: the reads within are written anew.
                rewriting = Rewriting(request.format)
        rewritten = _rewritten(planned, selection, rewriting, read_range=read_range, limits=limits)
        return Ticket(file, request.format, rewritten)


def _rewritten(
    file: PlannedFile, selection: Selection, rewriting: Rewriting, *, read_range: ReadRange, limits: Limits
) -> list[TicketPart]:
    """Return the parts of an answer whose records are rewritten; a small one travels in the ticket."""
    if selection.whole:
        file = _with_contigs(file)
    try:
        found = plan_derived(file, selection, rewriting, limits)
    except TooManyRegions:
        raise PermissionRefused(
            "these are more regions than can be cut out at once; ask for fewer, or for such as lie nearer together"
        ) from None
    rewriting = records.with_references(file, rewriting, found)
    found = [replace(part, rewriting=rewriting) for part in found]
    header = records.headers(file, rewriting.target).written
    eof = records.eof_of(rewriting.target, header)
    body: list[TicketPart] = [*found, Inline(eof, PartClass.BODY)]
    if sum(part.stored_bytes for part in found) <= limits.max_small:
        small = b"".join(records.small_body(file, part, read_range) for part in found)
        if len(small) <= limits.inline:
            body = [Inline(small + eof, PartClass.BODY)]
    return [Inline(header, PartClass.HEADER), *body]


def _with_contigs(file: PlannedFile) -> PlannedFile:
    """Return the file with all contigs that have records, whose indexes say where it can be cut."""
    if not file.stored.indexed:
        raise InvalidInput(
            "this file has no index here; it can only be had as it is stored, in its format and with all its fields"
        )
    contigs = {contig.number: contig for contig in queries.contigs_with_records(file.stored)}
    return PlannedFile(file.stored, file.header, contigs)


@contextmanager
def faults_noted(file: StoredFile) -> Iterator[None]:
    """Note in the file's row if the stored object is missing or another one, or is the registered one again.

    The message of a StorageError then names the data file, for the log.
    """
    try:
        yield
    except StorageError as error:
        file_states.note_fault(pk=file.pk, etag=file.etag, error=error)
        error.args = (f"data file {file.pk}: {error}",)
        raise
    if not file.ready:
        file_states.note_recovery(pk=file.pk, etag=file.etag)
