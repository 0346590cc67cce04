"""Registered files as the rows of a manifest."""

from collections.abc import Iterator
from typing import Final

from django.db.models import QuerySet

from catalogue.formats.manifests import ManifestRow
from catalogue.models import DataFile

_ROWS: Final = 2000


def manifest_rows(files: QuerySet[DataFile]) -> Iterator[ManifestRow]:
    """Yield a row per file, by dataset and id; ingesting them as they are changes nothing.

    The checksums of stored files are not known, an index that was built here belongs to the file, and a file of several
    samples states none.
    """
    rows = files.select_related("dataset", "dataset__collection").defer("header")
    ordered = rows.order_by("dataset__slug", "kind", "htsget_id", "format")
    for number, file in enumerate(ordered.iterator(chunk_size=_ROWS), start=1):
        dataset = file.dataset
        elsewhere = file.index_source and not file.index_built and not file.index_source.startswith("/")
        yield ManifestRow(
            line=number,
            path=f"{file.storage}:{file.key}",
            index=file.index_source if elsewhere else "",
            id=file.htsget_id,
            dataset=dataset.slug,
            format=file.format,
            collection=dataset.collection.name if dataset.collection else "",
            title=dataset.title,
            sample=file.samples[0] if len(file.samples) == 1 else "",
            visibility=dataset.visibility,
        )
