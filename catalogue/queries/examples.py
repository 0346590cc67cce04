"""Finds public files and sequences for examples."""

from typing import NamedTuple

from catalogue.access import ANONYMOUS
from catalogue.errors import CatalogueError
from catalogue.formats.digests import best_digest
from catalogue.formats.headers import FileFormat
from catalogue.formats.spec import FileKind
from catalogue.models import Contig, DataFile, Dataset, Sequence
from catalogue.queries.file_details import Place, place_with_records
from catalogue.queries.files import find_file


class Example(NamedTuple):
    """A file, and a contig on which it has records."""

    htsget_id: str
    format: FileFormat
    contig: str


def small_public_file(*, kind: str) -> Example | None:
    """Return the smallest indexed public file of a kind; None if there is none."""
    files = DataFile.objects.filter(
        kind=kind, dataset__visibility=Dataset.Visibility.PUBLIC, state=DataFile.State.READY
    ).exclude(index_kind="")
    file = files.order_by("size").values_list("pk", "htsget_id", "format").first()
    if file is None:
        return None
    pk, htsget_id, format = file
    contig = Contig.objects.filter(file_id=pk).exclude(index=b"").values_list("name", flat=True).first()
    return None if contig is None else Example(htsget_id, FileFormat(format), contig)


class ExampleSequence(NamedTuple):
    """A public sequence whose residues are held here."""

    digest: str
    length: int


class ExampleRegion(NamedTuple):
    """A public file, and a place where it has records."""

    htsget_id: str
    format: FileFormat
    place: Place


class Examples(NamedTuple):
    """What examples can use of each kind; None where nothing is public."""

    sequence: ExampleSequence | None
    reads: ExampleRegion | None
    variants: ExampleRegion | None


def public_examples() -> Examples:
    """Return a sequence, a file of reads and a file of variants that everybody may fetch."""
    return Examples(_sequence(), _region(FileKind.READS), _region(FileKind.VARIANTS))


def _sequence() -> ExampleSequence | None:
    held = Sequence.objects.filter(private=False, blob__isnull=False).order_by("pk")
    for md5, sha512t24u, length in held.values_list("md5", "sha512t24u", "length")[:1]:
        return ExampleSequence(best_digest(md5, sha512t24u), length)
    return None


def _region(kind: FileKind) -> ExampleRegion | None:
    example = small_public_file(kind=kind)
    if example is None:
        return None
    try:
        stored = find_file(viewer=ANONYMOUS, kind=kind, htsget_id=example.htsget_id, format=example.format)
    except CatalogueError:
        return None
    place = place_with_records(stored)
    return None if place is None else ExampleRegion(example.htsget_id, example.format, place)
