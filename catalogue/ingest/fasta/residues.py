"""Computes digests and writes blobs of the residues of a FASTA file, in one pass.

A sequence of at least `LONG` residues becomes a separate blob, named by its md5 as htslib names the files of its
REF_CACHE. Shorter ones are packed into one blob per FASTA file, named by its content: separate files would cost an
inode, a rename and two fsyncs each.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

from catalogue.formats.digests import Digester, Digests, sequence_digests
from catalogue.formats.fasta import FastaReader, Header, LongRecord
from catalogue.formats.molecule import SAMPLE
from catalogue.ingest.fasta.digester import ParallelDigester

LONG: Final = 1 << 16
#: The key prefix of packed blobs; no md5 begins with it.
PACKED: Final = "packed"

# Upper bounds of a batch in records and in residues in memory; each batch costs several queries.
_MAX_BATCH = 8192
_MAX_BATCH_RESIDUES = 1 << 22
# Bytes after which written pages are flushed to disk, while digests are computed.
_FLUSH_STEP = 1 << 25


class Arrived(NamedTuple):
    """A record that was read, with its residues in `residues`, or in the file `staged` if it is long."""

    header: Header
    length: int
    digests: Digests
    sample: bytes
    residues: bytes
    staged: Path | None


@dataclass(frozen=True, slots=True)
class StagedBlob:
    """A finished file that will become the object `key`; `path` is None in a dry run."""

    path: Path | None
    key: str
    size: int


class Arrivals:
    """Iterates over the records of a FASTA file in batches, with their digests.

    Writes long records to files in `folder`, unless it is None. Context manager that ends its threads.
    """

    def __init__(self, reader: FastaReader, folder: Path | None) -> None:
        self._reader = reader
        self._folder = folder
        self._digester = ParallelDigester()
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._digester.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[list[Arrived]]:
        batch: list[Arrived] = []
        held = 0
        for arrived in self._one_by_one():
            batch.append(arrived)
            held += len(arrived.residues)
            if len(batch) >= _MAX_BATCH or held >= _MAX_BATCH_RESIDUES:
                yield batch
                batch, held = [], 0
        if batch:
            yield batch

    def _one_by_one(self) -> Iterator[Arrived]:
        for item in self._reader:
            if isinstance(item, LongRecord):
                yield self._long(item.header, item.pieces)
                continue
            for header, residues in item:
                yield (
                    self._long(header, iter([residues]))
                    if len(residues) >= LONG
                    else _short(header, residues)
                )

    def _long(self, header: Header, pieces: Iterator[bytes]) -> Arrived:
        length, sample = 0, b""
        with _BlobFile(self._folder, self._number) as file:
            self._number += 1
            for piece in pieces:
                self._digester.update(piece)
                file.write(piece)
                sample = sample or piece[:SAMPLE]
                length += len(piece)
        digests = self._digester.digests()
        return Arrived(header, length, digests, sample, b"", file.path)


def _short(header: Header, residues: bytes) -> Arrived:
    return Arrived(header, len(residues), sequence_digests(residues), residues[:SAMPLE], residues, None)


def long_key(digests: Digests) -> str:
    """Return the key of the blob of a long sequence: `ab/cd/rest` of its md5."""
    name = digests.md5_hex
    return f"{name[:2]}/{name[2:4]}/{name[4:]}"


class Pack:
    """Context manager of the blob of one file's short sequences; writes nothing without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._file = _BlobFile(folder, "pack")
        self._digester = Digester()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, residues: list[bytes]) -> None:
        """Append sequences."""
        joined = b"".join(residues)
        self._digester.update(joined)
        self._file.write(joined)
        self.size += len(joined)

    def finish(self) -> StagedBlob | None:
        """Close the file and return it; return None if nothing was appended."""
        self._file.close()
        if not self.size:
            return None
        name = self._digester.digests().trunc512
        return StagedBlob(self._file.path, f"{PACKED}/{name[:2]}/{name[2:]}", self.size)


class _BlobFile:
    """A file in the staging folder, flushed to disk continuously; does nothing without a folder."""

    def __init__(self, folder: Path | None, name: int | str) -> None:
        self.path = None if folder is None else folder / str(name)
        self._file: BinaryIO | None = None if self.path is None else self.path.open("xb", buffering=0)
        self._dirty = 0
        self._disk: ThreadPoolExecutor | None = None
        self._flushing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Write bytes. Raises OSError, also for bytes of earlier calls."""
        if self._file is None:
            return
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._dirty += len(data)
        if self._dirty >= _FLUSH_STEP and (self._flushing is None or self._flushing.done()):
            self._await_flush()
            self._disk = self._disk or ThreadPoolExecutor(1, "disk")
            self._flushing = self._disk.submit(os.fdatasync, self._file.fileno())
            self._dirty = 0

    def close(self) -> None:
        """Close the file. Raises OSError, also for bytes of earlier writes."""
        if self._file is not None:
            try:
                self._await_flush()
            finally:
                self._file.close()
                if self._disk is not None:
                    self._disk.shutdown()

    def _await_flush(self) -> None:
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            flushing.result()
