"""Where coding sequences lie in their transcripts, compared with counting residue by residue."""

import random

from catalogue.formats.annotation.models import Block, Coding, Recoded, StableId
from catalogue.formats.annotation.splicing import NOT_CODING, place, recoded_positions, spliced

GENOME = "".join(random.Random(3).choices("ACGT", k=2000))


def read(_: int, start: int, end: int) -> bytes:
    return GENOME[start:end].encode()


def coding(segments: list[Block], *, phase: int = 0, recoded: tuple[Recoded, ...] = ()) -> Coding:
    return Coding(StableId("P"), tuple(segments), phase=phase, recoded=recoded)


def random_blocks(rng: random.Random, strand: int) -> list[Block]:
    """Exons in the order of transcription."""
    at, blocks = rng.randint(0, 50), []
    for _ in range(rng.randint(1, 8)):
        end = at + rng.randint(1, 60)
        blocks.append(Block(0, at, end, strand))
        at = end + rng.randint(1, 40)
    return blocks[::strand]


def positions(blocks: list[Block]) -> list[int]:
    """Every position of blocks, in the order of transcription."""
    return [at for block in blocks for at in range(block.start, block.end)[:: block.strand]]


def clipped(blocks: list[Block], wanted: set[int]) -> list[Block]:
    """The parts of blocks that hold these positions."""
    return [
        Block(0, inside[0], inside[-1] + 1, block.strand)
        for block in blocks
        if (inside := [at for at in range(block.start, block.end) if at in wanted])
    ]


def test_places_and_phases() -> None:
    rng = random.Random(11)
    for _ in range(500):
        exons = random_blocks(rng, rng.choice((1, -1)))
        every = positions(exons)
        start, end = sorted(rng.sample(range(len(every) + 1), 2))
        segments = clipped(exons, set(every[start:end]))
        phase = rng.randint(0, 2)
        placed = place(exons, coding(segments, phase=phase))
        assert placed is not None
        assert (placed.start, placed.end) == (start, end)
        # The position in its codon of each residue of the cDNA, None where it is not coding.
        in_codon = [(at - start - phase) % 3 if start <= at < end else None for at in range(len(every))]
        at = 0
        for exon, start_phase, end_phase in zip(exons, placed.start_phases, placed.end_phases, strict=True):
            first, last = in_codon[at], in_codon[at + exon.end - exon.start - 1]
            assert start_phase == (NOT_CODING if first is None else first)
            assert end_phase == (NOT_CODING if last is None else (last + 1) % 3)
            at += exon.end - exon.start


def test_spliced_residues_are_those_of_the_positions() -> None:
    rng = random.Random(12)
    complement = str.maketrans("ACGT", "TGCA")
    for _ in range(100):
        exons = random_blocks(rng, rng.choice((1, -1)))
        expected = "".join(GENOME[at] for at in positions(exons))
        if exons[0].strand < 0:
            expected = expected.translate(complement)
        assert spliced(exons, read).decode() == expected


def test_frames_change_where_the_ribosome_slips() -> None:
    exons = [Block(0, 0, 100, 1), Block(0, 200, 300, 1)]
    # One residue is read twice: 30 before it, the rest of 100 from there on.
    placed = place(exons, coding([Block(0, 0, 30, 1), Block(0, 29, 100, 1), Block(0, 200, 290, 1)]))
    assert placed is not None
    assert (placed.start, placed.end) == (0, 190)
    assert (placed.start_phases, placed.end_phases) == ([0, (30 + 71) % 3], [(30 + 71) % 3, NOT_CODING])


def test_what_is_not_within_the_exons_has_no_place() -> None:
    exons = [Block(0, 0, 100, 1), Block(0, 200, 300, 1)]
    for outside in (Block(0, 90, 110, 1), Block(0, 100, 110, 1), Block(0, 10, 40, -1), Block(1, 10, 40, 1)):
        assert place(exons, coding([outside])) is None
    # In the wrong order.
    assert place(exons, coding([Block(0, 210, 240, 1), Block(0, 10, 40, 1)])) is None


def test_recoded_codons_are_found_in_the_coding_sequence() -> None:
    forward = [Block(0, 10, 20, 1), Block(0, 50, 100, 1)]
    split = Recoded(((19, 20), (50, 52)), "U")
    assert recoded_positions(coding(forward, recoded=(split, Recoded(((52, 55),), "O")))) == {9: "U", 12: "O"}
    reverse = [Block(0, 50, 100, -1), Block(0, 10, 20, -1)]
    assert recoded_positions(coding(reverse, recoded=(Recoded(((97, 100),), "U"),))) == {0: "U"}
    assert recoded_positions(coding(reverse, recoded=(Recoded(((17, 20),), "U"),))) == {50: "U"}
    assert recoded_positions(coding(reverse, recoded=(Recoded(((30, 33),), "U"),))) == {}
