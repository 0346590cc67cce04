"""Gives genome browsers the reference of a file: a FASTA file of its contigs, by the names in its header.

Nothing is stored: the lines are written from the residues of the contigs' sequences, which may lie in several
collections or in none, and have other names there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from catalogue.errors import NotFound
from catalogue.formats.fasta_layout import FastaLayout, residues_of, write_lines
from catalogue.models import Contig
from catalogue.queries.cache import Cache
from catalogue.queries.file_details import readable_private
from catalogue.queries.files import StoredFile
from catalogue.storage import storage

#: Upper bounds of cached references, in bytes and in seconds, and the overhead of a contig in bytes.
_CACHE_BYTES, _CACHE_SECONDS, _CONTIG_OVERHEAD = 32 << 20, 60.0, 300
#: Names with white space or control characters end a FASTA name early.
_NO_NAME = re.compile(r"[\0-\x20\x7f]|^$")

_references = Cache("file references", _CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class _Residues:
    storage: str
    key: str
    offset: int


@dataclass(frozen=True, slots=True)
class FileReference:
    """The FASTA file of the contigs of one file."""

    names: tuple[str, ...]
    layout: FastaLayout
    residues: tuple[_Residues, ...]

    @property
    def size(self) -> int:
        """Bytes of the FASTA file."""
        return self.layout.size

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield bytes `[begin, end)` of the file, in pieces. Raises StorageError."""
        for part in self.layout.parts(begin, end):
            if part.is_header:
                yield f">{self.names[part.record]}\n".encode()[part.begin : part.end]
                continue
            held = self.residues[part.record]
            start, stop = residues_of(part, int(self.layout.lengths[part.record]))
            yield write_lines(
                part, storage(held.storage).read_range(held.key, held.offset + start, stop - start)
            )

    def index(self) -> bytes:
        """Return the `.fai` index of the file."""
        return "".join(self.layout.fai_line(at, name) for at, name in enumerate(self.names)).encode()


def file_reference(stored: StoredFile) -> FileReference:
    """Return the reference of a file.

    Raises NotFound unless the residues of every contig are held here and open to the file's viewer.
    """
    key = (stored.pk, stored.ingested, stored.viewer)
    known = _references.get(key)
    if isinstance(known, FileReference):
        return known
    rows = list(
        Contig.objects.filter(file_id=stored.pk)
        .order_by("number")
        .values_list(
            "name", "sequence", "sequence__private", "sequence__length", "sequence__blob__storage",
            "sequence__blob__key", "sequence__offset",
        )
    )  # fmt: skip
    shown = readable_private({row[1] for row in rows if row[2]}, stored.viewer)
    held = []
    for name, sequence, private, _, place, blob_key, offset in rows:
        if place is None or blob_key is None or offset is None or (private and sequence not in shown):
            raise NotFound(f"the sequence of {name!r} and perhaps of others is not held here")
        if _NO_NAME.search(name):
            raise NotFound(f"the name {name!r} cannot stand in a FASTA file")
        held.append(_Residues(place, blob_key, offset))
    if not rows:
        raise NotFound("the file has no contigs")
    names = tuple(row[0] for row in rows)
    layout = FastaLayout([name.encode() for name in names], np.array([row[3] for row in rows], np.int64))
    reference = FileReference(names, layout, tuple(held))
    _references.put(key, reference, _CONTIG_OVERHEAD * len(names), seconds=_CACHE_SECONDS)
    return reference


def contig_sizes(stored: StoredFile) -> bytes:
    """Return names and lengths of the contigs whose length is known, as a chrom.sizes file."""
    rows = Contig.objects.filter(file_id=stored.pk, length__isnull=False).order_by("number")
    return "".join(f"{name}\t{length}\n" for name, length in rows.values_list("name", "length")).encode()
