"""The addresses of pages. An id may hold slashes and any other character; in a path all but slashes are encoded."""

from typing import Final
from urllib.parse import quote, urlencode

_SHOWN_FIRST: Final = {("format", "BAM"), ("format", "VCF")}


def file_path(kind: str, htsget_id: str, **parameters: str) -> str:
    """Return the path of a file's page, with parameters; a `format` that the page shows first anyway is left out."""
    asked = {name: value for name, value in parameters.items() if (name, value) not in _SHOWN_FIRST}
    path = f"/files/{kind}/{quote(htsget_id, safe='/')}"
    if _is_altered_in_paths(htsget_id):
        path, asked = f"/files/{kind}/", {"id": htsget_id, **asked}
    return f"{path}?{urlencode(asked)}" if asked else path


def protocol_url(base: str, kind: str, htsget_id: str, **parameters: str | int) -> str:
    """Return the URL of a file for htsget clients, with the parameters of a request."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{base}/{kind}/{quote(htsget_id, safe='/')}{query}"


def dataset_path(slug: str) -> str:
    """Return the path of a dataset's page."""
    return f"/datasets/{quote(slug)}"


def sequence_path(digest: str) -> str:
    """Return the path of a sequence's page."""
    return f"/sequences/{quote(digest, safe=':')}"


def collection_path(digest: str | None, name: str) -> str:
    """Return the path of a collection's page: by its digest, or else by its name.

    A slash at the end tells a name that ends like a file, such as `hg38.fa`, from the file of a collection.
    """
    return f"/collections/{digest}" if digest else f"/collections/{quote(name, safe='')}/"


def genome_path(genome_id: str) -> str:
    """Return the path of the page of an annotated genome."""
    return f"/genes/{quote(genome_id, safe='')}/"


def gene_path(genome_id: str, identifier: str) -> str:
    """Return the path of a gene's page."""
    return f"/genes/{quote(genome_id, safe='')}/{quote(identifier, safe='')}"


def _is_altered_in_paths(htsget_id: str) -> bool:
    """Return whether clients change an id in a path: they remove the segments `.` and `..` (RFC 3986, 5.2.4)."""
    return any(segment in {".", ".."} for segment in htsget_id.split("/"))
