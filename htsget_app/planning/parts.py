"""The values that planners take and give: a stored file, what is wanted of it, and the parts of the answer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from catalogue.formats.bgzf import EOF_MARKER
from catalogue.formats.binning import ContigIndex
from catalogue.formats.binning_pages import unpack_index
from catalogue.formats.intervals import ByteRange, Region, VirtualOffset
from catalogue.formats.records import RecordWalker
from catalogue.formats.registry import record_walker
from catalogue.queries import FileContig, StoredFile

#: Bytes of a recipe: URLs of 8 KB pass every proxy.
MAX_RECIPE: Final = 4 << 10


class PartClass(StrEnum):
    """What the bytes of a part belong to: the `class` of the htsget ticket."""

    HEADER = "header"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes that travel in the ticket itself."""

    data: bytes
    part_class: PartClass


class Fetched(Protocol):
    """A part that the client fetches. `span` and `recipe` are what its data URL says of it.

    Without a recipe it is the bytes `span` of the stored file. The first byte of a recipe names the source that makes
    the bytes (`htsget_app.delivery.stored`), for which `span` and the rest may mean anything.
    """

    @property
    def part_class(self) -> PartClass: ...

    @property
    def span(self) -> ByteRange: ...

    @property
    def recipe(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StoredRange:
    """Bytes of the stored file, which the client fetches."""

    byte_range: ByteRange
    part_class: PartClass
    recipe: ClassVar[bytes] = b""

    @property
    def span(self) -> ByteRange:
        """The bytes themselves."""
        return self.byte_range


#: Stored bytes of an answer, as they are or cut.
Part = Inline | StoredRange
#: One entry of a ticket.
TicketPart = Inline | Fetched


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that shape a ticket, in bytes but for `max_ranges`.

    `inline`: an answer whose compressed bytes fit travels in the ticket; so does a header.
    `scan`: compressed bytes read at once to find the exact edge of an answer; `max_scan`: read for the whole answer
    before it stops being exact.
    `join_gap`: ranges of the stored file no further apart are joined.
    `max_part_bytes`: a longer range is split.
    `max_ranges`: number of separate ranges; above it the nearest are joined.
    `max_derived`: stored bytes from which one derived part is made; of `max_small` one is made for the ticket itself.
    """

    inline: int = 64 * 1024
    scan: int = 1024 * 1024
    max_scan: int = 16 * 1024 * 1024
    join_gap: int = 64 * 1024
    max_part_bytes: int = 1_000_000_000
    max_ranges: int = 128
    max_derived: int = 16 * 1024 * 1024
    max_small: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A stored file as the catalogue gives it, with its header and contigs.

    `header` is ready to send: whole BGZF blocks or, for CRAM, the file definition and header container. `contigs` holds
    at least those that the selection names, by their number in the file's own list.
    """

    stored: StoredFile
    header: bytes
    contigs: Mapping[int, FileContig]

    @property
    def records_end(self) -> VirtualOffset:
        """An offset that no record of a BGZF file lies beyond; some indexes count the EOF marker as a record."""
        return VirtualOffset.at(self.stored.size - (len(EOF_MARKER) if self.stored.has_eof else 0))

    def binning_indexes(self, regions: Iterable[Region]) -> dict[int, ContigIndex]:
        """Return the contig indexes of a BGZF file, for those contigs of regions that have records.

        Raises `FormatError` for damaged ones.
        """
        named = {region.contig for region in regions} & self.contigs.keys()
        return {
            number: unpack_index(self.contigs[number].index) for number in named if self.contigs[number].index
        }

    def record_walker(self) -> RecordWalker:
        """Return a function that finds records in the uncompressed bytes of a BGZF file."""
        names = {number: contig.name for number, contig in self.contigs.items()}
        return record_walker(self.stored.format, names)


class NotSeparable(Exception):
    """What is wanted cannot be cut from what may not be handed out."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records of a file are wanted; by default none, which leaves the header.

    `whole` is every record, and then `regions` and `unplaced` add nothing. `regions` are 0-based and half-open.
    `unplaced` are the reads on no contig (htsget's `referenceName=*`). `within`, unless None, is all that may be handed
    out: the answer then holds only records that overlap `regions`, which lie within it, at whatever cost.
    """

    regions: tuple[Region, ...] = ()
    unplaced: bool = False
    whole: bool = False
    within: tuple[Region, ...] | None = None


def merge_parts(parts: Iterable[Part], *, max_part_bytes: int) -> list[Part]:
    """Join adjacent parts of one class, drop empty ones, and split ranges over `max_part_bytes`."""
    merged: list[Part] = []
    for part in parts:
        joined = _joined(merged[-1], part) if merged else None
        if joined is not None:
            merged[-1] = joined
        elif not _is_empty(part):
            merged.append(part)
    return [piece for part in merged for piece in _split(part, max_part_bytes)]


def _is_empty(part: Part) -> bool:
    return not part.data if isinstance(part, Inline) else not part.byte_range.length


def _joined(first: Part, second: Part) -> Part | None:
    """Both as one part, or None where they cannot be."""
    if first.part_class != second.part_class:
        return None
    match first, second:
        case Inline(data=data), Inline(data=more):
            return Inline(data + more, first.part_class)
        case StoredRange(byte_range=one), StoredRange(byte_range=two) if one.end == two.begin:
            return StoredRange(ByteRange(one.begin, two.end), first.part_class)
    return None


def _split(part: Part, max_part_bytes: int) -> Iterator[Part]:
    if isinstance(part, Inline):
        yield part
        return
    for byte_range in part.byte_range.split(max_part_bytes):
        yield replace(part, byte_range=byte_range)
