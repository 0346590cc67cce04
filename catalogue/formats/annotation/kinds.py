"""The types of features (the third column) that matter: genes, transcripts, and the parts of transcripts."""

import re
from typing import Final

EXONS: Final = frozenset({"exon", "coding_exon", "noncoding_exon", "pseudogenic_exon"})
CODING: Final = frozenset({"CDS"})
UNTRANSLATED: Final = frozenset({"five_prime_UTR", "three_prime_UTR", "UTR", "5UTR", "3UTR"})
STOPS: Final = frozenset({"stop_codon"})
SELENOCYSTEINES: Final = frozenset({"Selenocysteine", "stop_codon_redefined_as_selenocysteine"})
#: Features that lie within transcripts, and have no parts themselves.
PARTS: Final = EXONS | CODING | UNTRANSLATED | STOPS | SELENOCYSTEINES

_GENE = re.compile(r"(?:.*_)?(?:pseudo)?gene")
_TRANSCRIPT = re.compile(r"(?:.*_)?transcript(?:_variant)?|.*RNA|.*_gene_segment")


def is_gene(kind: str) -> bool:
    """Return whether a type is that of a gene: `gene`, `pseudogene`, `ncRNA_gene`, …"""
    return _GENE.fullmatch(kind) is not None


def is_transcript(kind: str) -> bool:
    """Return whether a type is that of a transcript, even without exons: `mRNA`, `tRNA`, `V_gene_segment`, …"""
    return _TRANSCRIPT.fullmatch(kind) is not None
