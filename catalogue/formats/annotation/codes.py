"""The genetic codes of NCBI, as what makes them differ from the standard code, and how ambiguous codons are read.

Codons are written in bases T, C, A, G; `*` is a stop. The numbers are NCBI's translation tables (`transl_table`).
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

_BASES: Final = "TCAG"
_CODONS: Final = tuple("".join(codon) for codon in product(_BASES, repeat=3))
_STANDARD: Final = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"

#: Each base, and each IUPAC code of several, as the set of bases that it stands for.
_MASKS: Final = {
    **{base: 1 << at for at, base in enumerate(_BASES)},
    "U": 1,
    "R": 12,
    "Y": 3,
    "S": 10,
    "W": 5,
    "K": 9,
    "M": 6,
    "B": 11,
    "D": 13,
    "H": 7,
    "V": 14,
    "N": 15,
}
#: The set of bases of each byte, 0 for one that is no base.
MASK_OF: Final[npt.NDArray[np.uint8]] = np.array(
    [_MASKS.get(chr(byte).upper(), 0) for byte in range(256)], dtype=np.uint8
)
# What a codon of two meanings is read as (IUPAC-IUB 1984).
_PAIRS: Final = {frozenset("DN"): "B", frozenset("EQ"): "Z", frozenset("IL"): "J"}

STANDARD: Final = 1
#: The code of bacteria, archaea and plastids.
BACTERIAL: Final = 11

# Table: (differences from the standard code, codons that start a translation).
_TABLES: Final[dict[int, tuple[str, str]]] = {
    1: ("", "ATG CTG TTG"),
    2: ("TGA=W ATA=M AGA=* AGG=*", "ATA ATC ATG ATT GTG"),
    3: ("TGA=W CTT=T CTC=T CTA=T CTG=T ATA=M", "ATA ATG GTG"),
    4: ("TGA=W", "ATA ATC ATG ATT CTG GTG TTA TTG"),
    5: ("TGA=W ATA=M AGA=S AGG=S", "ATA ATC ATG ATT GTG TTG"),
    6: ("TAA=Q TAG=Q", "ATG"),
    9: ("TGA=W AAA=N AGA=S AGG=S", "ATG GTG"),
    10: ("TGA=C", "ATG"),
    11: ("", "ATA ATC ATG ATT CTG GTG TTG"),
    12: ("CTG=S", "ATG CTG"),
    13: ("TGA=W ATA=M AGA=G AGG=G", "ATA ATG GTG TTG"),
    14: ("TAA=Y TGA=W AAA=N AGA=S AGG=S", "ATG"),
    15: ("TAG=Q", "ATG"),
    16: ("TAG=L", "ATG"),
    21: ("TGA=W ATA=M AAA=N AGA=S AGG=S", "ATG GTG"),
    22: ("TCA=* TAG=L", "ATG"),
    23: ("TTA=*", "ATG ATT GTG"),
    24: ("TGA=W AGA=S AGG=K", "ATG CTG GTG TTG"),
    25: ("TGA=G", "ATG GTG TTG"),
    26: ("CTG=A", "ATG CTG"),
    27: ("TAA=Q TAG=Q TGA=W", "ATG"),
    28: ("TAA=Q TAG=Q TGA=W", "ATG"),
    29: ("TAA=Y TAG=Y", "ATG"),
    30: ("TAA=E TAG=E", "ATG"),
    31: ("TAA=E TAG=E TGA=W", "ATG"),
    32: ("TAG=W", "ATA ATC ATG ATT CTG GTG TTG"),
    33: ("TAA=Y TGA=W AGA=S AGG=K", "ATG CTG GTG TTG"),
}

# Codons that stand for a residue, and for a stop where a coding sequence ends with them.
_ENDS: Final = {27: "TGA", 28: "TAA TAG TGA", 31: "TAA TAG"}


@dataclass(frozen=True, slots=True)
class GeneticCode:
    """One translation table: `residues` has the residue of each codon of three sets of bases, of four bits each.

    `starts` tells which of these are read as methionine where a translation starts, `ends` which are a stop where a
    coding sequence ends.
    """

    number: int
    residues: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]


def is_genetic_code(number: int) -> bool:
    """Return whether there is a translation table of this number."""
    return number in _TABLES


@cache
def genetic_code(number: int) -> GeneticCode:
    """Return a translation table. Raises KeyError for a number that NCBI has not given."""
    differences, starts = _TABLES[number]
    meaning = dict(zip(_CODONS, _STANDARD, strict=True))
    for difference in differences.split():
        codon, _, residue = difference.partition("=")
        meaning[codon] = residue
    starting = set(starts.split())
    ending = {codon for codon in _CODONS if meaning[codon] == "*"} | set(_ENDS.get(number, "").split())
    residues = np.full(1 << 12, ord("X"), dtype=np.uint8)
    begins, ends = np.zeros(1 << 12, dtype=np.bool_), np.zeros(1 << 12, dtype=np.bool_)
    for first, second, third in product(range(1, 16), repeat=3):
        codons = [a + b + c for a in _bases(first) for b in _bases(second) for c in _bases(third)]
        at = first << 8 | second << 4 | third
        residues[at] = ord(_residue({meaning[codon] for codon in codons}))
        begins[at] = starting.issuperset(codons)
        ends[at] = ending.issuperset(codons)
    return GeneticCode(number, residues, begins, ends)


def _residue(meanings: set[str]) -> str:
    if len(meanings) == 1:
        return next(iter(meanings))
    return _PAIRS.get(frozenset(meanings), "X")


@cache
def _bases(mask: int) -> str:
    return "".join(base for at, base in enumerate(_BASES) if mask >> at & 1)
