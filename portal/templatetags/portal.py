"""Filters: the addresses of pages, and numbers as people read them."""

from typing import Any

from django import template

from portal import links
from portal.regions import TypedRegion

register = template.Library()

register.filter("dataset_path", links.dataset_path)
register.filter("sequence_path", links.sequence_path)
register.filter("genome_path", links.genome_path)


@register.filter
def file_path(file: Any) -> str:
    """Return the path of the page of a file."""
    return links.file_path(file.kind, file.htsget_id)


@register.filter
def format_path(file: Any) -> str:
    """Return the path of the page of a file in the format that it is stored in."""
    return links.file_path(file.kind, file.htsget_id, format=file.format)


@register.filter
def collection_path(collection: Any) -> str:
    """Return the path of the page of a collection."""
    return links.collection_path(collection.digest, collection.name)


@register.filter
def name_path(name: str) -> str:
    """Return the path of the page of a collection by its name."""
    return links.collection_path(None, name)


@register.filter
def gene_path(gene: Any) -> str:
    """Return the path of the page of a gene."""
    return links.gene_path(gene.genome_id, gene.stable_id)


@register.filter
def place(gene: Any) -> str:
    """Return where a gene lies, as people write regions."""
    return str(TypedRegion(gene.region, gene.start, gene.end))


@register.filter
def grouped(number: int | None) -> str:
    """Return a number with its digits in groups of three, or a dash for None."""
    return "–" if number is None else f"{number:,}"


@register.filter
def in_binary_units(size: int | None) -> str:
    """Return a number of bytes in the largest unit of which there is one, to two places: `1.53 GiB`."""
    if size is None:
        return "–"
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:,.1f} TiB"
