"""Simulate two people whose genomes differ from the demonstration genome: their variants and haplotypes.

As in `genome`, everything follows from one seed through `random.random()`. Coordinates are 0-based and half-open.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from htsgetsite.demo.genome import SEED, demo_genome

#: The people, by their sample names.
PEOPLE = ("ada", "ben")

_BETWEEN = 700
_DELETION = 1_200


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant: `alternative` replaces `reference` at `start` of a chromosome on the haplotypes that carry it.

    `carriers` has a pair of booleans, one per haplotype, for each of `PEOPLE`. A long deletion is `symbolic`.
    """

    chromosome: str
    start: int
    reference: str
    alternative: str
    carriers: tuple[tuple[bool, bool], ...]

    @property
    def end(self) -> int:
        return self.start + len(self.reference)

    @property
    def symbolic(self) -> bool:
        return len(self.reference) > 50


@dataclass(frozen=True, slots=True)
class Piece:
    """Residues of a haplotype that align to `[start, end)` of the reference; inserted ones if `start == end`."""

    residues: str
    start: int
    end: int


@cache
def demo_variants() -> tuple[Variant, ...]:
    """Return the variants of all chromosomes, in order."""
    source = random.Random(SEED + 1)
    return tuple(
        variant
        for chromosome in demo_genome().chromosomes
        for variant in _variants(source, chromosome.name, chromosome.residues)
    )


def haplotype(chromosome: str, residues: str, *, person: str, which: int) -> list[Piece]:
    """Return the pieces of a person's first (`which` 0) or second (1) haplotype of a chromosome."""
    number = PEOPLE.index(person)
    carried = [
        variant
        for variant in demo_variants()
        if variant.chromosome == chromosome and variant.carriers[number][which]
    ]
    return list(_pieces(residues, carried))


def _variants(source: random.Random, chromosome: str, residues: str) -> Iterator[Variant]:
    at = _BETWEEN
    deletion = len(residues) // 3
    while (at := at + 200 + int(source.random() * 2 * _BETWEEN)) < len(residues) - 2 * _DELETION:
        carriers = tuple((source.random() < 0.4, source.random() < 0.4) for _ in PEOPLE)
        draw = source.random()
        if not any(map(any, carriers)) or "N" in residues[at : at + _DELETION]:
            continue
        first = residues[at]
        if deletion and at > deletion:
            deletion = 0
            yield Variant(chromosome, at, residues[at : at + _DELETION], first, carriers)
            at += _DELETION
        elif draw < 0.8:
            others = "ACGT".replace(first, "")
            yield Variant(chromosome, at, first, others[int(source.random() * 3)], carriers)
        elif draw < 0.9:
            inserted = "".join("ACGT"[int(source.random() * 4)] for _ in range(1 + int(source.random() * 8)))
            yield Variant(chromosome, at, first, first + inserted, carriers)
        else:
            yield Variant(chromosome, at, residues[at : at + 2 + int(source.random() * 8)], first, carriers)


def _pieces(residues: str, variants: Sequence[Variant]) -> Iterator[Piece]:
    at = 0
    for variant in variants:
        shared = min(len(variant.reference), len(variant.alternative))
        changed = variant.start + shared
        yield Piece(residues[at : variant.start] + variant.alternative[:shared], at, changed)
        if inserted := variant.alternative[shared:]:
            yield Piece(inserted, changed, changed)
        at = variant.end
    yield Piece(residues[at:], at, len(residues))
