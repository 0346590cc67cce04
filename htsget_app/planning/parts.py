"""What a ticket is made of, and what has to be known of a stored file to make one: values shared by all
planners.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import ByteRange, Region, VirtualOffset


class PartClass(StrEnum):
    """What a block's bytes belong to; its value is the `class` of the htsget ticket."""

    HEADER = "header"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes that travel in the ticket itself."""

    data: bytes
    kind: PartClass


@dataclass(frozen=True, slots=True)
class StoredRange:
    """Bytes of the stored file that the client fetches."""

    where: ByteRange
    kind: PartClass


Block = Inline | StoredRange


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes that shape a ticket.

    `inline`: an answer whose compressed bytes fit this travels in the ticket; so does a header.
    `scan`: how many stored bytes are read in one go to find the exact edge of an answer, `max_scan` how many are read
    for the whole of an answer before exactness is given up.
    `join_gap`: ranges of the stored file no further apart than this become one.
    `max_part_bytes`: a longer range is split.
    `max_ranges`: no more separate ranges than this; the nearest are joined.
    """

    inline: int = 64 * 1024
    scan: int = 1024 * 1024
    max_scan: int = 16 * 1024 * 1024
    join_gap: int = 64 * 1024
    max_part_bytes: int = 1_000_000_000
    max_ranges: int = 128


@dataclass(frozen=True, slots=True)
class ContigLayout:
    """One contig of a stored file: its name and its packed share of the index, empty when it holds no
    record.
    """

    name: str
    index: bytes


@dataclass(frozen=True, slots=True)
class FileLayout:
    """What the catalogue knows of one stored file.

    `header` is ready to send: whole BGZF blocks or, for CRAM, the file definition and header container;
    `header_end` is where in the stored file the first record (CRAM: container, as `VirtualOffset.at(byte)`)
    begins. `contigs` holds at least the contigs asked for, by their index in the file's own list.
    `unplaced_begin` is where the records begin that lie on no contig; None when there is nothing to find
    there.
    """

    format: FileFormat
    size: int
    header: bytes
    header_end: VirtualOffset
    has_eof: bool
    contigs: Mapping[int, ContigLayout]
    unplaced_begin: VirtualOffset | None = None


class NotSeparable(Exception):
    """What is wanted cannot be cut from what may not be handed out."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records of a file are wanted; nothing but the header when nothing is set.

    `whole` is every record, and then `regions` and `unplaced` say nothing more. `unplaced` are the reads
    that lie on no contig (htsget's `referenceName=*`).

    `within`, where it is not None, is all that may be handed out: the answer then holds no record beside
    those that overlap `regions`, which lie within it, whatever it costs to find them.
    """

    regions: tuple[Region, ...] = ()
    unplaced: bool = False
    whole: bool = False
    within: tuple[Region, ...] | None = None


def merge_parts(blocks: Iterable[Block], *, max_part_bytes: int) -> list[Block]:
    """The blocks with neighbours of one kind made one, empty ones left out, and slices over `max_part_bytes`
    split.
    """
    tidy: list[Block] = []
    for block in blocks:
        last = tidy[-1] if tidy else None
        match block, last:
            case Inline(data=b""), _:
                pass
            case Inline(data=data, kind=kind), Inline(data=before, kind=same) if kind == same:
                tidy[-1] = Inline(before + data, kind)
            case Inline(), _:
                tidy.append(block)
            case StoredRange(where=where, kind=kind), StoredRange(where=before, kind=same) if (
                kind == same and before.end == where.begin
            ):
                tidy[-1] = StoredRange(ByteRange(before.begin, where.end), kind)
            case StoredRange(where=where), _ if where.length:
                tidy.append(block)
    return [
        piece
        for block in tidy
        for piece in (
            [StoredRange(part, block.kind) for part in block.where.split(max_part_bytes)]
            if isinstance(block, StoredRange)
            else [block]
        )
    ]
