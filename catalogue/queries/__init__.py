"""Reads of the catalogue: an identifier in, a small value out. The only look-ups the protocols use."""

from catalogue.queries.contigs import (
    FileContig,
    contig_by_md5,
    contigs_by_name,
    contigs_that_exist,
    contigs_with_records,
    forget_files,
    header,
)
from catalogue.queries.files import (
    StoredFile,
    check_registered,
    direct_urls,
    find_file,
    is_local,
    leased_file,
    registered_bytes,
    stream_bytes,
)
from catalogue.queries.object_reads import forget_edges
from catalogue.queries.sequences import (
    SequenceAlias,
    StoredSequence,
    aliases,
    authorities,
    direct_residues,
    forget_sequences,
    is_digest,
    known_sequence,
    read_residues,
    sequence,
    stream_residues,
)
from catalogue.storage import PIECE, SignedUrl

__all__ = [
    "PIECE",
    "FileContig",
    "SequenceAlias",
    "SignedUrl",
    "StoredFile",
    "StoredSequence",
    "aliases",
    "authorities",
    "check_registered",
    "contig_by_md5",
    "contigs_by_name",
    "contigs_that_exist",
    "contigs_with_records",
    "direct_residues",
    "direct_urls",
    "find_file",
    "forget_edges",
    "forget_files",
    "forget_sequences",
    "header",
    "is_digest",
    "is_local",
    "known_sequence",
    "leased_file",
    "read_residues",
    "registered_bytes",
    "sequence",
    "stream_bytes",
    "stream_residues",
]
