"""The admin pages of data stewards. Derived values (digests, lengths, locations) are shown, never edited.

Each module covers one subject; importing it registers its pages. `catalogue.access` decides who may manage what.
"""

from catalogue.admin import (
    access,
    accounts,
    audit,
    browse,
    datasets,
    files,
    genomes,
    manifests,
    people,
    references,
    runs,
    sequence_registration,
    sequences,
    table_registration,
    upkeep,
    uploads,
)
from catalogue.admin.base import EstimatingPaginator

__all__ = [
    "EstimatingPaginator",
    "access",
    "accounts",
    "audit",
    "browse",
    "datasets",
    "files",
    "genomes",
    "manifests",
    "people",
    "references",
    "runs",
    "sequence_registration",
    "sequences",
    "table_registration",
    "upkeep",
    "uploads",
]
