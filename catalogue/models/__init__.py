"""The models. Every important rule is a constraint of the database.

Digests are stored as bytes (`formats.digests` formats them), coordinates are 0-based and half-open, lengths are in
residues and sizes in bytes. Rows are written by `ingest` and the admin, and read by `queries`.
"""

from catalogue.models.access import ApiToken, Grant, GrantFile, GrantRegion, Identity, Scope
from catalogue.models.annotation import (
    DerivedSequence,
    Gene,
    Genome,
    Mane,
    Product,
    ProductGeneratingContext,
    Region,
    RegionCode,
    Strand,
    Transcript,
)
from catalogue.models.audit import AuditEvent, Usage
from catalogue.models.collections import CollectionContent, MemberArrays
from catalogue.models.files import (
    FILE_KINDS,
    FILE_TEXT,
    Contig,
    DataFile,
    Dataset,
    FileSample,
    FormerId,
    StoragePrefix,
)
from catalogue.models.runs import IngestedFile, IngestRun, RunPart, RunProgress
from catalogue.models.sequences import (
    Alias,
    CollectionMember,
    Molecule,
    NamingAuthority,
    ResidueBlob,
    Sequence,
    SequenceCollection,
)
from catalogue.models.uploads import Upload

__all__ = [
    "FILE_KINDS",
    "FILE_TEXT",
    "Alias",
    "ApiToken",
    "AuditEvent",
    "CollectionContent",
    "CollectionMember",
    "Contig",
    "DataFile",
    "Dataset",
    "DerivedSequence",
    "FileSample",
    "FormerId",
    "Gene",
    "Genome",
    "Grant",
    "GrantFile",
    "GrantRegion",
    "Identity",
    "IngestRun",
    "IngestedFile",
    "Mane",
    "MemberArrays",
    "Molecule",
    "NamingAuthority",
    "Product",
    "ProductGeneratingContext",
    "Region",
    "RegionCode",
    "ResidueBlob",
    "RunPart",
    "RunProgress",
    "Scope",
    "Sequence",
    "SequenceCollection",
    "StoragePrefix",
    "Strand",
    "Transcript",
    "Upload",
    "Usage",
]
