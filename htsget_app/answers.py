"""From a request to the ticket that answers it: which file, which contigs, which blocks (htsget 1.3, "Response").

The order is access, then format, then references and ranges, then bytes. Positions are 0-based and half-open.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from catalogue import queries
from catalogue.access import Viewer
from catalogue.errors import NotFound, StorageError
from catalogue.formats.intervals import MAX_POSITION, ByteRange, Region
from catalogue.ingest import states
from catalogue.queries import ContigRecord, FileRecord
from htsget_app.blocks import Block, Inline, Limits, Selection, StoredContig, StoredFile
from htsget_app.errors import InvalidInput, InvalidRange
from htsget_app.params import RegionRequest, TicketRequest
from htsget_app.tickets import plan


@dataclass(frozen=True, slots=True)
class Ticket:
    """The blocks that join to the answer, and the file that their slices are of."""

    file: FileRecord
    blocks: list[Block]

    def json(self, url_of: Callable[[ByteRange], str]) -> bytes:
        """The ticket as it is sent, in ASCII, with nothing before or after it: htslib knows it by its first bytes.

        `url_of` gives the URL under which a slice of the stored file is fetched.
        """
        urls = [
            {
                # One official suite stumbles over a media type before the semicolon.
                "url": f"data:;base64,{b64encode(block.data).decode('ascii')}"
                if isinstance(block, Inline)
                else url_of(block.where),
                "class": block.kind.value,
            }
            for block in self.blocks
        ]
        document = {"htsget": {"format": self.file.format.value, "urls": urls}}
        return json.dumps(document, separators=(",", ":")).encode("ascii")


def ticket(request: TicketRequest, *, viewer: Viewer, limits: Limits) -> Ticket:
    """The ticket for a request.

    Raises the errors of `htsget_app.errors.TABLE`; a stored file that is not what was registered is noted on its row.
    """
    file = queries.find_file(viewer=viewer, kind=request.kind, htsget_id=request.id, format=request.format)
    selection, contigs = _selection(file, request)
    with faults_noted(file), queries.registered_bytes(file) as read_range:
        stored = StoredFile(
            format=file.format,
            size=file.size,
            header=queries.header(file),
            header_end=file.header_end,
            has_eof=file.has_eof,
            contigs=contigs,
            unplaced_begin=file.unplaced_begin,
        )
        return Ticket(file, plan(stored, selection, read_range=read_range, limits=limits))


@contextmanager
def faults_noted(file: FileRecord) -> Iterator[None]:
    """Whatever the block finds wrong with the stored file is noted on its row, and so is that a fault is over."""
    try:
        yield
    except StorageError as error:
        states.note_fault(pk=file.pk, etag=file.etag, error=error)
        raise
    if not file.ready:
        states.note_recovery(pk=file.pk, etag=file.etag)


def _selection(file: FileRecord, request: TicketRequest) -> tuple[Selection, dict[int, StoredContig]]:
    if request.header_only:
        return Selection(), {}
    if request.regions is None:
        return Selection(whole=True), {}
    if request.unplaced and request.kind != "reads":
        raise NotFound("only reads can be without a position")
    if not file.indexed:
        raise InvalidInput("this file has no index here; only the whole of it can be had, or its header")
    found = _contigs(file, request.regions)
    regions = tuple(_region(*pair) for pair in zip(request.regions, found, strict=True))
    contigs = {contig.number: StoredContig(contig.name, contig.index) for contig in found}
    return Selection(regions, unplaced=request.unplaced), contigs


def _contigs(file: FileRecord, regions: tuple[RegionRequest, ...]) -> list[ContigRecord]:
    """The contig of each region."""
    named = queries.contigs_by_name(file, [region.name for region in regions if region.name is not None])
    return [
        _contig(file, region, named[region.name] if region.name is not None else None) for region in regions
    ]


def _contig(file: FileRecord, region: RegionRequest, named: ContigRecord | None) -> ContigRecord:
    if region.md5 is None:
        assert named is not None, "a region is by name, by md5 or by both"
        return named
    if named is None:
        return queries.contig_by_md5(file, region.md5)
    if named.md5 is None:
        # Only another contig can have it then, and if none has, that is what is wrong.
        queries.contig_by_md5(file, region.md5)
    if named.md5 is None or named.md5.hex() != region.md5:
        raise InvalidInput("referenceName and referenceMD5 disagree")
    return named


def _region(asked: RegionRequest, contig: ContigRecord) -> Region:
    start = 0 if asked.start is None else asked.start
    # An end beyond the contig needs no clipping: there is nothing there, save what the file does hold there (VCF puts
    # telomeres one past the end).
    end = MAX_POSITION if asked.end is None else asked.end
    if contig.length is not None and start > contig.length:
        raise InvalidRange(f"start {start} is beyond {contig.name!r}, which has {contig.length} bases")
    return Region(contig.number, start, end)
