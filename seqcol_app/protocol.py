"""Declares sequence collections: their paths, their service and the schema of a collection ("Schema")."""

from collections.abc import Mapping
from typing import Any, Final

from catalogue.queries.collections import COLLATED, INHERENT, TRANSIENT
from ga4gh.protocol import Protocol
from ga4gh.service_info import Service

VERSION: Final = "1.0.0"
#: Bytes of a body: a collection of some 200,000 sequences.
MAX_BODY: Final = 16 << 20
#: The files of a collection, `/collections/<digest><suffix>`.
FILE_SUFFIXES: Final = (".fa", ".fa.fai", ".dict", ".chrom.sizes")

_STRINGS: Final = {"type": "string"}
_PAIR: Final = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "length": {"type": "integer"}},
    "required": ["name", "length"],
}
_DESCRIPTIONS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "lengths": ("Number of residues in each sequence.", {"type": "integer"}),
    "name_length_pairs": ("The ordered coordinate system: name and length of each sequence.", _PAIR),
    "names": ("The name of each sequence in this collection.", _STRINGS),
    "sequences": ("The refget sequences 2.0 identifier of each sequence.", _STRINGS),
    "sorted_name_length_pairs": (
        "Digests of the name-length pairs, sorted: a coordinate system without an order.",
        _STRINGS,
    ),
    "sorted_sequences": ("The identifiers of all sequences, sorted: a content without an order.", _STRINGS),
}
#: The type of the elements of each attribute whose elements are not objects.
ARRAY_ITEMS: Final[Mapping[str, type]] = {
    name: int if items["type"] == "integer" else str
    for name, (_, items) in _DESCRIPTIONS.items()
    if items is not _PAIR
}

SCHEMA: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "description": "A collection of biological sequences.",
    "type": "object",
    "properties": {
        name: {"type": "array", "collated": name in COLLATED, "description": description, "items": items}
        for name, (description, items) in _DESCRIPTIONS.items()
    },
    "required": ["names", "lengths", "sequences"],
    "ga4gh": {"inherent": list(INHERENT), "transient": list(TRANSIENT), "passthru": []},
}


def details() -> Mapping[str, object]:
    """Return what service-info has about sequence collections ("Service info")."""
    return {"seqcol": {"schema": SCHEMA}}


PROTOCOL: Final = Protocol(
    name="seqcol",
    paths=(
        "/collection/",
        "/comparison/",
        "/list/",
        "/attribute/",
        "/openapi.json",
        "/seqcol/",
    ),
    # The other paths below are pages about collections.
    shared_paths=("/collections/",),
    shared_suffixes=FILE_SUFFIXES,
    services=(
        Service(
            artifact="refget-seqcol",
            version=VERSION,
            documentation_url="https://ga4gh.github.io/refget/seqcols/",
            path="/seqcol",
            kind="seqcol",
            about="Sequence collections by digest.",
            details=details,
        ),
    ),
    methods="GET, HEAD, POST, OPTIONS",
    max_body=MAX_BODY,
    root_details=details,
)
