"""Residues on their way from a FASTA file into blobs: digests and bytes in one pass.

A sequence of at least `LONG` residues becomes a blob of its own, named by its md5 as htslib names the files of its
REF_CACHE; shorter ones are packed behind one another into one blob an input, named by what it holds. Below `LONG` a
file of its own would cost more than it is worth: an inode, a rename and two fsyncs each.
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
#: The prefix of the keys of packed blobs; no md5 begins with it.
PACKED: Final = "packed"

# A batch ends behind so many records, or so many residues in memory: each costs several turns with the database.
_BATCH = 8192
_HELD = 1 << 22
# Written pages go to the disk in steps of so many bytes while digests are computed, not all at the end.
_FLUSH = 1 << 25


class Arrived(NamedTuple):
    """A record whose residues were all read: they are in `residues`, or, of a long one, in the file `staged`."""

    header: Header
    length: int
    digests: Digests
    sample: bytes
    residues: bytes
    staged: Path | None


@dataclass(frozen=True, slots=True)
class StagedBlob:
    """A finished file that is to become the object `key`."""

    path: Path
    key: str
    size: int


class Arrivals:
    """Iterates over what a FASTA file brings, in batches, with digests computed.

    Long records are written to files in `folder`; to none with `folder` None, when only digests are wanted. A context,
    which ends the threads that compute them.
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
            if len(batch) >= _BATCH or held >= _HELD:
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
    """The key of the blob of a long sequence: `ab/cd/rest` of its md5."""
    name = digests.md5_hex
    return f"{name[:2]}/{name[2:4]}/{name[4:]}"


class Pack:
    """The blob of the short sequences of one input, as it grows; without a folder only its size is kept. A context."""

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
        """Puts sequences behind those that are there."""
        joined = b"".join(residues)
        self._digester.update(joined)
        self._file.write(joined)
        self.size += len(joined)

    def finish(self) -> StagedBlob | None:
        """Ends the file; None when nothing was put into it, or there is no folder."""
        self._file.close()
        if self._file.path is None or not self.size:
            return None
        name = self._digester.digests().trunc512
        return StagedBlob(self._file.path, f"{PACKED}/{name[:2]}/{name[2:]}", self.size)


class _BlobFile:
    """A file in the staging folder, written out to the disk steadily; nowhere when there is no folder."""

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
        """Raises OSError, also for what was written before."""
        if self._file is None:
            return
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._dirty += len(data)
        if self._dirty >= _FLUSH and (self._flushing is None or self._flushing.done()):
            self._settle()
            self._disk = self._disk or ThreadPoolExecutor(1, "disk")
            self._flushing = self._disk.submit(os.fdatasync, self._file.fileno())
            self._dirty = 0

    def close(self) -> None:
        """Ends the file. Raises OSError for what was written before."""
        if self._file is not None:
            try:
                self._settle()
            finally:
                self._file.close()
                if self._disk is not None:
                    self._disk.shutdown()

    def _settle(self) -> None:
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            flushing.result()
