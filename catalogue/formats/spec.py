"""The description of a file format for the rest of the project."""

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
    """The structure of a file: BGZF blocks, which can be cut anywhere, or CRAM containers, which are served whole."""

    BGZF = "BGZF"
    CRAM = "CRAM"


class Locus(NamedTuple):
    """The location of a record: contig number (-1 for none) and 0-based position."""

    contig: int
    position: int


#: Returns the locus of a record from its first bytes; None for bytes that are not a record.
ReadLocus = Callable[[bytes], Locus | None]


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """One file format. To add a format, write a module with a `FormatSpec` and an entry in `registry`.

    `magics` are the possible first bytes of a file, uncompressed where the structure is BGZF. The first of
    `suffixes` names the copies that an ingest makes, and the first of `index_suffixes` is the most common. An index
    built here has `built_index_suffix`, and htslib builds it with `built_index_options`. `converts_to` are the formats
    that its records can be converted to.

    `record_walker` takes the requested contigs by number, and `locus_reader` a header; both are None for formats whose
    records are never read here. `records_name_contigs` is true when records and index use contig names, not numbers.
    """

    format: FileFormat
    kind: FileKind
    structure: Structure
    magics: tuple[bytes, ...]
    suffixes: tuple[str, ...]
    index_suffixes: tuple[str, ...]
    built_index_suffix: str
    built_index_options: tuple[str, ...]
    converts_to: tuple[FileFormat, ...]
    read_header: Callable[[ReadRange], FileHeader]
    record_walker: Callable[[Mapping[int, str]], RecordWalker] | None = None
    locus_reader: Callable[[FileHeader], ReadLocus] | None = None
    records_name_contigs: bool = False
