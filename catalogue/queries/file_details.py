"""Describes one data file for its page: facts, contigs, and a place that has records."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, Q, QuerySet, Sum

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import CatalogueError, NotFound
from catalogue.formats import crai
from catalogue.formats.binning_pages import unpack_index
from catalogue.formats.digests import best_digest
from catalogue.formats.index_pages import read_directory
from catalogue.formats.intervals import NO_END, Region
from catalogue.formats.registry import SPECS, formats_of
from catalogue.formats.spec import FileKind, Structure
from catalogue.models import Contig, DataFile
from catalogue.queries.contigs import (
    FileContig,
    contigs_that_exist,
    first_contig_with_records,
    with_pages,
)
from catalogue.queries.file_search import current_id
from catalogue.queries.files import StoredFile, find_file
from catalogue.queries.text import storable

#: Positions that a file is opened with at most.
MAX_OPENED = 16_384


class Place(NamedTuple):
    """Positions `start` to `end`, 0-based and half-open, of a contig, by its name in the file."""

    contig: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ContigTotals:
    """Numbers of contigs: all, with records, with a known sequence; and of the records that the index counts."""

    contigs: int
    with_records: int
    with_sequence: int
    records: int | None


@dataclass(frozen=True, slots=True)
class FileDetails:
    """The facts of one file; `samples` are complete. `stored` is the file as the protocols see it."""

    stored: StoredFile
    dataset_title: str
    visibility: str
    version: str
    assembly: str
    sort_order: str
    samples: tuple[str, ...]
    index_kind: str
    index_built: bool
    state: str
    ingested: datetime
    unplaced: int | None
    totals: ContigTotals


class ListedContig(NamedTuple):
    """A contig of a file; `sequence` is the digest of its sequence, where the viewer may know it.

    `mapped` and `unmapped` are None where the index has no counts.
    """

    number: int
    name: str
    length: int | None
    mapped: int | None
    unmapped: int | None
    has_records: bool
    sequence: str | None


def files_of_id(*, viewer: Viewer, kind: str, htsget_id: str) -> list[StoredFile]:
    """Return the files of an id that the viewer may know of, one for each format, in the order of `formats_of`.

    Raises NotFound where there are none, whether they do not exist or are not for the viewer.
    """
    unknown = NotFound(f"there are no {kind} with the id {htsget_id!r}")
    if kind not in {each.value for each in FileKind} or not storable(htsget_id):
        raise unknown
    stored = access.readable_files(viewer).filter(kind=kind, htsget_id=htsget_id)
    held = set(stored.values_list("format", flat=True))
    found = []
    for format in formats_of(FileKind(kind)):
        if format in held:
            try:
                found.append(find_file(viewer=viewer, kind=kind, htsget_id=htsget_id, format=format))
            except CatalogueError:
                continue
    if not found:
        raise unknown
    return found


def readable_target(*, viewer: Viewer, kind: str, former: str) -> str | None:
    """Return the id that a former id redirects to, if the viewer may know of its files; else None."""
    target = current_id(kind, former)
    readable = access.readable_files(viewer).filter(kind=kind, htsget_id=target)
    return target if target is not None and readable.exists() else None


def file_details(stored: StoredFile) -> FileDetails:
    """Return the facts of a file. Raises NotFound if it was removed in the meantime."""
    row = (
        DataFile.objects.filter(pk=stored.pk)
        .select_related("dataset")
        .only(
            "version", "assembly", "sort_order", "samples", "index_kind", "index_built", "state", "ingested",
            "unplaced", "dataset__title", "dataset__visibility",
        )
        .first()
    )  # fmt: skip
    if row is None:
        raise NotFound("the file is no longer registered")
    return FileDetails(
        stored=stored,
        dataset_title=row.dataset.title,
        visibility=row.dataset.visibility,
        version=row.version,
        assembly=row.assembly,
        sort_order=row.sort_order,
        samples=tuple(row.samples),
        index_kind=row.index_kind,
        index_built=row.index_built,
        state=row.state,
        ingested=row.ingested,
        unplaced=row.unplaced,
        totals=_totals(stored),
    )


def _totals(stored: StoredFile) -> ContigTotals:
    counts = Contig.objects.filter(file_id=stored.pk).aggregate(
        contigs=Count("pk"),
        with_records=Count("pk", filter=~Q(index=b"")),
        with_sequence=Count("sequence"),
        records=Sum(F("mapped") + F("unmapped")),
    )
    return ContigTotals(**counts)


def listed_contigs(
    stored: StoredFile,
    *,
    count: int,
    text: str = "",
    after: int | None = None,
    only_with_records: bool = False,
) -> list[ListedContig]:
    """Return up to `count` contigs in the order of the header, from the one after number `after` on.

    `text` is part of their names.
    """
    rows = Contig.objects.filter(file_id=stored.pk)
    if text and storable(text):
        rows = rows.filter(name__icontains=text)
    if after is not None:
        rows = rows.filter(number__gt=after)
    if only_with_records:
        rows = rows.exclude(index=b"")
    return list(_listed(rows.order_by("number")[:count], stored.viewer))


def has_contig(stored: StoredFile, name: str) -> bool:
    """Return whether a name means a contig of the file, in its header or by any alias of its sequence."""
    return bool(contigs_that_exist(stored, [name]))


def _listed(rows: QuerySet[Contig], viewer: Viewer) -> Iterator[ListedContig]:
    found = list(
        rows.annotate(has_records=~Q(index=b"")).values_list(
            "number", "name", "length", "mapped", "unmapped", "has_records", "sequence", "sequence__private",
            "sequence__md5", "sequence__sha512t24u",
        )
    )  # fmt: skip
    private = {row[6] for row in found if row[7]}
    shown = readable_private(private, viewer)
    for row in found:
        sequence, is_private, md5, sha512t24u = row[6:]
        digest = None
        if sequence is not None and md5 is not None and (not is_private or sequence in shown):
            digest = best_digest(md5, sha512t24u)
        yield ListedContig(*row[:6], digest)


def readable_private(sequences: set[int], viewer: Viewer) -> set[int]:
    """Return those of some private sequences that the viewer may see."""
    if not sequences or viewer.name is None:
        return set()
    return set(access.readable_sequences(viewer).filter(pk__in=sequences).values_list("pk", flat=True))


def place_with_records(stored: StoredFile) -> Place | None:
    """Return a place where the file has records that the viewer may have; None where no index tells one.

    Where only regions are granted it begins in the first of them.
    """
    if not stored.permission.whole:
        return _granted_place(stored)
    contig = first_contig_with_records(stored)
    if contig is None:
        return None
    start, end = _first_records(stored, contig)
    return Place(contig.name, start, min(end, start + MAX_OPENED, contig.length or NO_END))


def _granted_place(stored: StoredFile) -> Place | None:
    for region in stored.permission.regions:
        return Place(region.contig, region.start, min(region.end, region.start + MAX_OPENED))
    return None


def _first_records(stored: StoredFile, contig: FileContig) -> tuple[int, int]:
    """Return positions of records: of BAM, VCF and BCF those of the fullest index window, on the fullest page."""
    is_cram = SPECS[stored.format].structure is Structure.CRAM
    if (directory := read_directory(contig.index)) is not None:
        head = _with_pages(stored, contig)
        page = crai.first_slice(head)[0] >> directory.shift if is_cram else unpack_index(head).fullest_page()
        contig = replace(contig, index=_with_pages(stored, contig, page << directory.shift))
    return crai.first_slice(contig.index) if is_cram else unpack_index(contig.index).fullest_window()


def _with_pages(stored: StoredFile, contig: FileContig, *positions: int) -> bytes:
    """Return the packed index of a contig with the pages of some positions."""
    regions = [Region(contig.number, position, position + 1) for position in positions]
    return with_pages(stored, {contig.number: contig}, regions, every=False)[contig.number].index
