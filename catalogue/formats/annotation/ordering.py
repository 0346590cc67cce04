"""Turns lines into blocks in the order of transcription, also across the origin and in trans-splicing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from catalogue.formats.annotation.lines import Line, value
from catalogue.formats.annotation.models import Block


@dataclass(slots=True)
class RegionInfo:
    """What is known of the sequence of a seqid: the number that the caller gave it, its length and topology."""

    number: int
    length: int
    circular: bool = False


Regions = Mapping[str, RegionInfo]


def blocks_in_order(lines: Sequence[Line], regions: Regions, *, origin: int | None = None) -> list[Block]:
    """Return the blocks of lines that belong to one feature, in the order of transcription.

    `origin` is the start of a feature around them that crosses the origin of its circular region. Lines with `part` are
    in that order. Parts on several strands or regions (trans-splicing) have the order of their `rank` or `exon_number`,
    else that of the file.
    """
    placed = [(_block(line, regions), line) for line in lines]
    strands = {(block.region, block.strand) for block, _ in placed}
    order = [_part(line, "part") for line in lines]
    if None in order and len(strands) > 1:
        order = [_part(line, "rank", "exon_number") for line in lines]
    if None not in order and len(set(order)) == len(order):
        blocks = [placed[at][0] for _, at in sorted(zip(order, range(len(order)), strict=True))]
        return _in_one_turn(blocks, regions, lines[0].seqid) if len(strands) == 1 else blocks
    blocks = [block for block, _ in placed]
    if len(strands) > 1:
        return blocks
    return _by_position(blocks, regions[lines[0].seqid], origin)


def enclosing(blocks: Sequence[Block]) -> Block:
    """Return the block around all blocks on the region of the first; its strand is 0 if they have several."""
    here = [block for block in blocks if block.region == blocks[0].region]
    strands = {block.strand for block in blocks}
    return Block(
        blocks[0].region,
        min(block.start for block in here),
        max(block.end for block in here),
        strands.pop() if len(strands) == 1 else 0,
    )


def merged(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks, in order, with those that touch or overlap joined into one."""
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        touches = (
            last is not None
            and (last.region, last.strand) == (block.region, block.strand)
            and block.start <= last.end
            and last.start <= block.end
        )
        if last is not None and touches:
            joined[-1] = Block(
                block.region, min(last.start, block.start), max(last.end, block.end), block.strand
            )
        else:
            joined.append(block)
    return joined


def _block(line: Line, regions: Regions) -> Block:
    region = regions[line.seqid]
    start, end = line.start, line.end
    if end <= start:
        end += region.length
    if region.circular and start >= region.length:
        start, end = start - region.length, end - region.length
    return Block(region.number, start, end, line.strand)


def _part(line: Line, *names: str) -> int | None:
    number = value(line.attributes, *names).partition("/")[0]
    return int(number) if number.isascii() and number.isdigit() else None


def _by_position(blocks: list[Block], region: RegionInfo, origin: int | None) -> list[Block]:
    if region.circular and len(blocks) > 1:
        blocks = _unwound(sorted(blocks), region.length, origin)
    elif region.circular and origin is not None:
        blocks = [_later(block, region.length) if block.start < origin else block for block in blocks]
    return sorted(blocks, key=lambda block: (block.start, block.end), reverse=blocks[0].strand < 0)


def _unwound(blocks: list[Block], length: int, origin: int | None) -> list[Block]:
    """Move the blocks after the origin behind those before it, if the feature crosses the origin."""
    if origin is None and blocks[0].start == 0 and any(block.end == length for block in blocks):
        gaps = [after.start - before.end for before, after in pairwise(blocks)]
        origin = blocks[gaps.index(max(gaps)) + 1].start
    if origin is None:
        return blocks
    return [_later(block, length) if block.start < origin else block for block in blocks]


def _in_one_turn(blocks: list[Block], regions: Regions, seqid: str) -> list[Block]:
    """Return blocks in the given order, those after the origin of a circular region counting on."""
    region = regions[seqid]
    if not region.circular or len(blocks) < 2:
        return blocks
    wound = _unwound(sorted(blocks), region.length, None)
    return sorted(wound, reverse=blocks[0].strand < 0)


def _later(block: Block, length: int) -> Block:
    return block._replace(start=block.start + length, end=block.end + length)
