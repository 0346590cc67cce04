"""From a request to its ticket: which file, which contigs, which parts (htsget 1.3, "Response").

The order is access, format, references and ranges, bytes. Positions are 0-based and half-open.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from catalogue import file_states, queries
from catalogue.access import PermissionRefused, Viewer
from catalogue.errors import StorageError
from catalogue.formats.intervals import ByteRange
from catalogue.queries import SignedUrl, StoredFile
from htsget_app.params import TicketRequest
from htsget_app.planning.parts import Inline, Limits, NotSeparable, Part, PlannedFile
from htsget_app.planning.plan import plan
from htsget_app.planning.selection import select


@dataclass(frozen=True, slots=True)
class Ticket:
    """The parts whose bytes concatenate to the answer, and the file that they are of."""

    file: StoredFile
    parts: list[Part]

    def json(self, url_of: Callable[[ByteRange], SignedUrl]) -> bytes:
        """Return the ticket in ASCII, with nothing before or after it: htslib knows it by its first bytes.

        `url_of` gives the URL of a range of the stored file, and the headers to send with it.
        """
        urls = [_url_entry(part, url_of) for part in self.parts]
        document = {"htsget": {"format": self.file.format.value, "urls": urls}}
        return json.dumps(document, separators=(",", ":")).encode("ascii")


def _url_entry(part: Part, url_of: Callable[[ByteRange], SignedUrl]) -> dict[str, object]:
    if isinstance(part, Inline):
        # One official suite fails on a media type before the semicolon.
        url = f"data:;base64,{b64encode(part.data).decode('ascii')}"
        return {"url": url, "class": part.part_class.value}
    signed = url_of(part.byte_range)
    headers = {"headers": dict(signed.headers)} if signed.headers else {}
    return {"url": signed.url, **headers, "class": part.part_class.value}


def ticket(request: TicketRequest, *, viewer: Viewer, limits: Limits) -> Ticket:
    """Return the ticket for a request.

    Raises what the tables of errors answer (`ga4gh.errors.COMMON`, `htsget_app.errors`). A stored file that is not the
    registered one is marked on its row.
    """
    file = queries.find_file(viewer=viewer, kind=request.kind, htsget_id=request.id, format=request.format)
    selection, contigs = select(file, request)
    with faults_noted(file), queries.registered_bytes(file) as read_range:
        planned = PlannedFile(file, queries.header(file), contigs)
        try:
            return Ticket(file, plan(planned, selection, read_range=read_range, limits=limits))
        except NotSeparable:
            raise PermissionRefused(
                f"{file.format} comes in containers, and one of these holds reads outside the regions that these "
                "credentials open; ask for less, or in another format"
            ) from None


@contextmanager
def faults_noted(file: StoredFile) -> Iterator[None]:
    """Mark the file's row where the block finds that the stored object is not the registered one, or is it again.

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
