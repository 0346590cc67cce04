"""Registers the sequences of FASTA files: one streaming pass, then blobs in place, then rows in one transaction a file.

Killed anywhere, an ingest leaves nothing that can be seen: blobs without rows belong to nobody, and are put again under
the same names when it is run again.
"""

import gc
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

from django.db import transaction

from catalogue.errors import StorageError
from catalogue.formats import FormatError
from catalogue.formats.fasta import FastaFault, FastaReader
from catalogue.formats.fasta_names import LONGEST_NAME, NameUnder, header_names, is_circular, is_protein
from catalogue.formats.gunzip import WatchedInput, plain_chunks
from catalogue.formats.molecule import molecule_of
from catalogue.ingest.fasta.collections import ArrivingCollection, CollectionRefused, private_collection
from catalogue.ingest.fasta.residues import Arrivals, Arrived, Pack, StagedBlob, long_key
from catalogue.ingest.fasta.rows import Added, ArrivingRows, Row
from catalogue.ingest.runs import Run, ingest_run
from catalogue.ingest.sources import Source
from catalogue.ingest.staging import staging_folder
from catalogue.ingest.transactions import retry_on_deadlock
from catalogue.models import IngestedFile, Molecule
from catalogue.storage import SEQUENCES, storage

#: Endings of FASTA files in folders.
FASTA_SUFFIXES: Final = tuple(
    f".{name}{compressed}"
    for name in ("fa", "fasta", "fna", "ffn", "faa", "frn", "fas", "fsa", "mfa", "mpfa", "pep")
    for compressed in ("", ".gz", ".bgz", ".bgzf")
)

COMMAND: Final = "ingest_fasta"
#: What is counted of each file: what it holds, and rows added or changed.
COUNTS: Final = ("records", "residues", "stripped", "sequences", "filled", "made_circular", "aliases")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FastaOptions:
    """How FASTA files are to be read.

    `authority` is who gives the names of the records, `circular` the names of circular ones, `collection` the ordered
    set that all the files make together. With `strip`, stop codons, gaps and digits among the residues are removed.
    """

    authority: str | None = None
    circular: frozenset[str] = frozenset()
    collection: str | None = None
    strip: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file; `counts` are records, residues, stripped characters and rows added or changed."""

    source: str
    outcome: IngestedFile.Outcome
    message: str = ""
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class FastaResult:
    """What became of an ingest: its files, and the faults that are not of one file."""

    files: list[FileResult] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    collection: IngestedFile.Outcome | None = None
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether anything did not succeed."""
        return bool(self.faults) or any(file.outcome == IngestedFile.Outcome.FAILED for file in self.files)

    def total(self, count: str) -> int:
        """One of the counts, over all files."""
        return sum(file.counts.get(count, 0) for file in self.files)


class Observer(Protocol):
    """Whoever watches an ingest go on. `reading` is called from another thread."""

    def reading(self, source: Source, count: int) -> None:
        """So many bytes of the source were read."""

    def finished(self, result: FileResult) -> None:
        """A file is done with."""


def ingest_fasta(sources: Sequence[Source], *, options: FastaOptions, observer: Observer) -> FastaResult:
    """Registers every record of the sources, each source on its own: what fails is told and keeps no other back.

    With `dry_run` everything is read and checked, and nothing is written.
    """
    result = FastaResult()
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(_start_up_out_of_sight())
        ingest = _Ingest(options, observer)
        if options.collection is not None:
            ingest.collection = stack.enter_context(ArrivingCollection())
        if not options.dry_run:
            ingest.run = stack.enter_context(ingest_run(COMMAND, _arguments(sources, options)))
            ingest.folder = stack.enter_context(staging_folder(storage(SEQUENCES)))
        for source in sources:
            file = ingest.file(source)
            result.files.append(file)
            observer.finished(file)
        if missing := sorted(options.circular - ingest.circular_found):
            result.faults.append(f"no record is named {', '.join(missing)}, which --circular names")
        if options.collection is not None:
            _register_collection(ingest, result, options.collection)
        result.seconds = time.monotonic() - begun
        if ingest.run is not None:
            ingest.run.failed |= bool(result.faults)
            ingest.run.summary = {count: result.total(count) for count in COUNTS} | {"faults": result.faults}
    return result


@contextmanager
def _start_up_out_of_sight() -> Iterator[None]:
    """Millions of records keep the garbage collector busy; what was there before need not be looked at each time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _arguments(sources: Sequence[Source], options: FastaOptions) -> dict[str, object]:
    return {
        "files": [source.name for source in sources[:1000]],
        **asdict(options),
        "circular": sorted(options.circular),
    }


def _register_collection(ingest: "_Ingest", result: FastaResult, name: str) -> None:
    assert ingest.collection is not None
    if result.failed:
        result.faults.append(f"collection {name!r} is not recorded, because not all of it could be read")
        return
    try:
        result.collection = ingest.collection.register(name, dry_run=ingest.options.dry_run)
    except CollectionRefused as refused:
        result.faults.append(str(refused))


class _Ingest:
    """What the files of one ingest share."""

    def __init__(self, options: FastaOptions, observer: Observer) -> None:
        self.options = options
        self.observer = observer
        self.run: Run | None = None
        self.folder: Path | None = None
        self.collection: ArrivingCollection | None = None
        self.circular_found: set[str] = set()
        self._number = 0

    def file(self, source: Source) -> FileResult:
        """Reads and registers one file; a fault of it is in the result."""
        try:
            with ArrivingRows(source.name) as rows, self._folder_of_file() as folder:
                return self._read_and_register(source, rows, folder)
        except (FormatError, StorageError, CollectionRefused, OSError) as error:
            # A fault of the format tells its file already.
            message = str(error) if isinstance(error, FastaFault) else f"{source.name}: {error}"
            if self.run is not None:
                self.run.file(source.name, IngestedFile.Outcome.FAILED, message=message)
            return FileResult(source.name, IngestedFile.Outcome.FAILED, message)

    def _read_and_register(self, source: Source, rows: ArrivingRows, folder: Path | None) -> FileResult:
        blobs: list[StagedBlob | None] = [None]
        records = residues = 0
        with source.open() as stream, Pack(folder) as pack:
            watched = WatchedInput(stream)
            reader = FastaReader(self._watched(source, watched), source=source.name, strip=self.options.strip)
            with Arrivals(reader, folder) as arrivals:
                for batch in _ahead(self._rows(source, arrived) for arrived in arrivals):
                    rows.add(batch, _places(batch, rows, pack, blobs))
                    records += len(batch)
                    residues += sum(row.arrived.length for row in batch)
            rows.refuse_duplicates()
            blobs[0] = pack.finish()

        def result(added: Added) -> FileResult:
            changed = added.sequences or added.filled or added.made_circular or added.aliases
            counts = {"records": records, "residues": residues, "stripped": reader.stripped, **asdict(added)}
            outcome = IngestedFile.Outcome.ADDED if changed else IngestedFile.Outcome.UNCHANGED
            return FileResult(source.name, outcome, counts=counts)

        if (run := self.run) is None:
            done = result(rows.count(collection=private_collection(self.options.collection)))
            if self.collection is not None:
                self.collection.add(source.name)
        else:

            def register(place: str) -> FileResult:
                with transaction.atomic():
                    collection = private_collection(self.options.collection)
                    registered = result(rows.register(place, blobs, collection=collection))
                    if self.collection is not None:
                        self.collection.add(source.name)
                        self.collection.withhold(source.name, collection=self.options.collection or "")
                    run.file(source.name, registered.outcome, counts=registered.counts)
                return registered

            place = storage(SEQUENCES)
            for blob in blobs:
                if blob is not None:
                    place.put(blob.path, blob.key)
            done = retry_on_deadlock(lambda: register(place.name))
        return done

    @contextmanager
    def _folder_of_file(self) -> Iterator[Path | None]:
        if self.folder is None:
            yield None
            return
        self._number += 1
        folder = self.folder / str(self._number)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _watched(self, source: Source, watched: WatchedInput) -> Iterator[bytes]:
        for chunk in plain_chunks(watched):
            self.observer.reading(source, watched.count)
            yield chunk

    def _rows(self, source: Source, batch: list[Arrived]) -> list[Row]:
        """What the records are called and made of, as far as their headers and letters tell."""
        rows = []
        authority = self.options.authority
        for arrived in batch:
            header = arrived.header
            if len(header.name) > LONGEST_NAME and (authority or self.options.collection):
                reason = f"a name of more than {LONGEST_NAME} characters"
                raise FastaFault(reason, source=source.name, line=header.line)
            names = header_names(header, length=arrived.length)
            if authority is not None:
                names.append(NameUnder(authority, header.name))
            circular = header.name in self.options.circular
            if circular:
                self.circular_found.add(header.name)
            molecule = Molecule.PROTEIN if is_protein(header) else molecule_of(arrived.sample)
            rows.append(Row(arrived, circular or is_circular(header), molecule, names))
        return rows


def _places(
    batch: Sequence[Row], rows: ArrivingRows, pack: Pack, blobs: list[StagedBlob | None]
) -> list[tuple[int, int] | None]:
    """Puts what is held nowhere yet into the pack, or among the blobs: of each such record blob number and offset."""
    places: list[tuple[int, int] | None] = []
    packed: list[bytes] = []
    offset = pack.size
    for row, fresh in zip(batch, rows.fresh_of([row.arrived for row in batch]), strict=True):
        arrived = row.arrived
        if not fresh:
            if arrived.staged is not None:
                arrived.staged.unlink()
            places.append(None)
        elif arrived.residues:
            places.append((0, offset))
            packed.append(arrived.residues)
            offset += arrived.length
        else:
            places.append((len(blobs), 0))
            key = long_key(arrived.digests)
            blobs.append(None if arrived.staged is None else StagedBlob(arrived.staged, key, arrived.length))
    pack.append(packed)
    return places


def _ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, each made in another thread while the one before it is used."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, "reading") as thread:
        coming = thread.submit(next, iterator, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, iterator, None)
            yield item
