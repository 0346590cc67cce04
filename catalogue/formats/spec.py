"""What the rest of the project has to know of a file format, in one value per format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from catalogue.formats import ReadRange
from catalogue.formats.headers import FileFormat, FileHeader
from catalogue.formats.records import RecordWalker


class FileKind(StrEnum):
    """Which of the two htsget endpoints serves a file."""

    READS = "reads"
    VARIANTS = "variants"


class Structure(StrEnum):
    """What a file is made of: BGZF blocks that can be cut anywhere, or CRAM containers that are served whole."""

    BGZF = "BGZF"
    CRAM = "CRAM"


class Locus(NamedTuple):
    """Where a record lies: the contig's number, -1 for none, and the 0-based position."""

    contig: int
    position: int


#: Returns where a record lies from its first bytes; None for bytes that are no record.
ReadLocus = Callable[[bytes], Locus | None]


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """One file format. A new format is a module that makes one of these, and an entry in `registry`.

    `magics` are the possible first bytes of a file, uncompressed where the structure is BGZF. The first of
    `suffixes` names the copies that an ingest makes, the first of `index_suffixes` is the most usual, and
    `built_index_suffix` is that of an index made here. `converts_to` are the formats that its records can be
    sent in instead.

    `record_walker` takes the contigs of interest by number, and `locus_reader` a header; both are None for
    formats whose records are never read here. `records_name_contigs` says that records and index know a
    contig by its name and not by a number.
    """

    format: FileFormat
    kind: FileKind
    structure: Structure
    magics: tuple[bytes, ...]
    suffixes: tuple[str, ...]
    index_suffixes: tuple[str, ...]
    built_index_suffix: str
    converts_to: tuple[FileFormat, ...]
    read_header: Callable[[ReadRange], FileHeader]
    record_walker: Callable[[Mapping[int, str]], RecordWalker] | None = None
    locus_reader: Callable[[FileHeader], ReadLocus] | None = None
    records_name_contigs: bool = False
