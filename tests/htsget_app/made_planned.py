"""Stored files as planners take them, without a database."""

from collections.abc import Mapping
from datetime import UTC, datetime

from catalogue.access import OPEN
from catalogue.formats.binning import BinningIndex
from catalogue.formats.headers import FileHeader
from catalogue.formats.intervals import VirtualOffset
from catalogue.queries import FileContig, StoredFile
from htsget_app.planning.parts import PlannedFile


def make_planned_file(
    data: bytes,
    header: FileHeader,
    *,
    indexes: Mapping[int, bytes],
    has_eof: bool,
    unplaced_begin: VirtualOffset | None,
) -> PlannedFile:
    """A file of these bytes, with the packed contig index of each contig that has one, by its number."""
    stored = StoredFile(
        pk=1,
        kind="reads",
        htsget_id="made",
        format=header.format,
        storage="files",
        key="made",
        size=len(data),
        etag="made",
        header_end=header.end,
        has_eof=has_eof,
        indexed=True,
        unplaced_begin=unplaced_begin,
        ready=True,
        ingested=datetime(2026, 1, 1, tzinfo=UTC),
        dataset="made",
        permission=OPEN,
    )
    contigs = {
        contig.index: FileContig(
            contig.index, contig.name, contig.length, None, indexes.get(contig.index, b"")
        )
        for contig in header.contigs
    }
    return PlannedFile(stored, header.packed, contigs)


def packed_indexes(header: FileHeader, index: BinningIndex) -> dict[int, bytes]:
    """The packed contig index of each contig with records: tabix knows contigs by name, others by number."""
    by_number = dict(enumerate(index.contigs))
    if index.names:
        by_name = dict(zip(index.names, index.contigs, strict=False))
        by_number = {contig.index: by_name.get(contig.name) for contig in header.contigs}
    return {number: found.pack() for number, found in by_number.items() if found is not None}
