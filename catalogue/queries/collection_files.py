"""Writes collections as files: FASTA, its index, the SAM sequence dictionary, and chrom.sizes.

The files are not stored, but written from the catalogue and stored residues while they are sent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from catalogue.errors import NotFound
from catalogue.formats.collections import unpack_names
from catalogue.formats.fasta_layout import FastaLayout, FastaPart, residues_of, write_lines
from catalogue.models import CollectionMember
from catalogue.queries.cache import Cache
from catalogue.queries.collections import StoredCollection, collection_arrays
from catalogue.storage import storage

#: Members per query.
_WINDOW = 1000
#: Bytes of adjacent short sequences that are read at once.
_RUN = 1 << 20
#: Upper bounds of cached layouts, in bytes and in seconds.
_CACHE_BYTES, _CACHE_SECONDS = 64 << 20, 60.0
_CONTROL = re.compile(rb"[\0-\x20\x7f]")

_files = Cache("collection files", _CACHE_BYTES)


class MemberRow(NamedTuple):
    """A member with the location of its residues."""

    position: int
    name: str
    length: int
    md5: bytes
    circular: bool
    storage: str | None
    key: str | None
    offset: int | None


_FIELDS = (
    "position", "name", "sequence__length", "sequence__md5", "sequence__circular", "sequence__blob__storage",
    "sequence__blob__key", "sequence__offset",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CollectionFile:
    """The FASTA file of a collection; `size` is in bytes."""

    stored: StoredCollection
    names: list[bytes]
    layout: FastaLayout

    @property
    def size(self) -> int:
        return self.layout.size

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield bytes `[begin, end)` of the file, in pieces. Raises NotFound and StorageError."""
        reader: _ResidueReader | None = None
        for part in self.layout.parts(begin, end):
            if part.is_header:
                yield (b">" + self.names[part.record] + b"\n")[part.begin : part.end]
                continue
            reader = reader or _ResidueReader(self.stored.collection, part.record)
            yield reader.lines(part)

    def index(self) -> Iterator[bytes]:
        """Yield the `.fai` index of the file, in pieces, as `samtools faidx` writes it."""
        for start in range(0, len(self.names), _WINDOW):
            names = self.names[start : start + _WINDOW]
            lines = [self.layout.fai_line(start + n, name.decode()) for n, name in enumerate(names)]
            yield "".join(lines).encode()


def fasta_file(stored: StoredCollection) -> CollectionFile:
    """Return the FASTA file of a collection.

    Raises NotFound if residues are not held here, or for a name that is invalid in FASTA.
    """
    known = _files.get((stored.digest, stored.collection))
    if not isinstance(known, CollectionFile):
        members = CollectionMember.objects.filter(collection=stored.collection, sequence__blob=None)
        if missing := members.values_list("name", flat=True).first():
            raise NotFound(
                f"the residues of {missing!r} and perhaps of others in this collection are not held here"
            )
        known = _laid_out(stored)
        size = sum(map(len, known.names)) + 100 * len(known.names)
        _files.put((stored.digest, stored.collection), known, size, seconds=_CACHE_SECONDS)
    return CollectionFile(stored, known.names, known.layout)


def fasta_index(stored: StoredCollection) -> Iterator[bytes]:
    """Yield the index of the FASTA file, in pieces. Raises NotFound for a name that is invalid in FASTA."""
    return _laid_out(stored).index()


def chrom_sizes(stored: StoredCollection) -> Iterator[bytes]:
    """Yield names and lengths, in pieces. Raises NotFound for a name that is invalid in the file."""
    file = _laid_out(stored)
    return (
        b"".join(
            b"%s\t%d\n" % (name, length)
            for name, length in zip(
                file.names[start : start + _WINDOW],
                file.layout.lengths[start : start + _WINDOW].tolist(),
                strict=True,
            )
        )
        for start in range(0, len(file.names), _WINDOW)
    )


def sequence_dictionary(stored: StoredCollection) -> Iterator[bytes]:
    """Yield a SAM header with the sequences (SAM 1.6, section 1.3), in pieces.

    Raises NotFound for a name that is invalid in SAM.
    """
    _laid_out(stored)

    def pieces() -> Iterator[bytes]:
        yield b"@HD\tVN:1.6\tSO:unsorted\n"
        for window in _windows(stored.collection):
            yield "".join(map(_dictionary_line, window)).encode()

    return pieces()


def _dictionary_line(row: MemberRow) -> str:
    topology = "\tTP:circular" if row.circular else ""
    return f"@SQ\tSN:{row.name}\tLN:{row.length}\tM5:{row.md5.hex()}{topology}\n"


def _laid_out(stored: StoredCollection) -> CollectionFile:
    arrays = collection_arrays(stored)
    names = unpack_names(arrays.names)
    for name in names:
        if not name or _CONTROL.search(name):
            raise NotFound(f"the name {name.decode()!r} cannot stand in such a file")
    return CollectionFile(stored, names, FastaLayout(names, arrays.lengths))


def _windows(collection: int, *, first: int = 0) -> Iterator[list[MemberRow]]:
    """Yield the members of a collection in order, from member number `first` on, in batches."""
    members = (
        CollectionMember.objects.filter(collection=collection).order_by("position").values_list(*_FIELDS)
    )
    window = [_member(row) for row in members[first : first + _WINDOW]]
    while window:
        yield window
        window = [_member(row) for row in members.filter(position__gt=window[-1].position)[:_WINDOW]]


def _member(row: tuple[Any, ...]) -> MemberRow:
    member = MemberRow(*row)
    return member._replace(md5=bytes(member.md5))


class _ResidueReader:
    """Reads the residues of members in order; adjacent short ones with one read."""

    def __init__(self, collection: int, first: int) -> None:
        self._windows = _windows(collection, first=first)
        self._window: list[MemberRow] = []
        self._first = first
        self._run = b""
        self._run_start: tuple[str | None, str | None, int] = (None, None, 0)

    def lines(self, part: FastaPart) -> bytes:
        """Return a part of the lines of a record; parts must be requested in file order."""
        while part.record >= self._first + len(self._window):
            self._first += len(self._window)
            self._window = next(self._windows, [])
            if not self._window:
                raise NotFound("the collection was changed just now")
        row = self._window[part.record - self._first]
        start, end = residues_of(part, row.length)
        return write_lines(part, self._residues(part.record - self._first, start, end))

    def _residues(self, number: int, start: int, end: int) -> bytes:
        row = self._window[number]
        if row.storage is None or row.key is None or row.offset is None:
            raise NotFound(f"the residues of {row.name!r} are not held here")
        if row.length > _RUN:
            return storage(row.storage).read_range(row.key, row.offset + start, end - start)
        where, key, begin = self._run_start
        at = row.offset - begin
        if (where, key) != (row.storage, row.key) or at < 0 or at + row.length > len(self._run):
            size = self._run_length(number)
            self._run = storage(row.storage).read_range(row.key, row.offset, size)
            self._run_start, at = (row.storage, row.key, row.offset), 0
        return self._run[at + start : at + end]

    def _run_length(self, number: int) -> int:
        """Return the number of adjacent bytes to read at once from a member on."""
        first = self._window[number]
        assert first.offset is not None
        size = first.length
        for row in self._window[number + 1 :]:
            here = (row.storage, row.key, row.offset) == (first.storage, first.key, first.offset + size)
            if not here or size + row.length > _RUN:
                break
            size += row.length
        return size
