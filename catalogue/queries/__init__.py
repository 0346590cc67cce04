"""Reads of the catalogue: an identifier in, a small value out. The only look-ups the protocols use."""

from catalogue.queries.sequences import (
    AliasRecord,
    SequenceRecord,
    aliases,
    authorities,
    forget_sequences,
    is_digest,
    known_sequence,
    read_residues,
    sequence,
    stream_residues,
)

__all__ = [
    "AliasRecord",
    "SequenceRecord",
    "aliases",
    "authorities",
    "forget_sequences",
    "is_digest",
    "known_sequence",
    "read_residues",
    "sequence",
    "stream_residues",
]
