"""Finds public files for examples."""

from typing import NamedTuple

from catalogue.formats.headers import FileFormat
from catalogue.models import Contig, DataFile, Dataset


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
