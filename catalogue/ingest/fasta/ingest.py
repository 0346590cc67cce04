"""Registers the sequences of FASTA files: one streaming pass, then blobs, then rows in one transaction a file.

A killed ingest leaves nothing visible: blobs without rows are not served, get the same keys when the ingest is run
again, and are removed by `remove_orphans`.
"""

import gc
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from catalogue.errors import StorageError
from catalogue.formats import FormatError
from catalogue.formats.digests import sq_name
from catalogue.formats.fasta import FastaFault, FastaReader
from catalogue.formats.fasta_names import MAX_NAME, NameUnder, header_names, is_circular, is_protein
from catalogue.formats.gunzip import WatchedInput
from catalogue.formats.molecule import molecule_of
from catalogue.ingest.fasta.collections import CollectionRefused, MemberTable, private_collection
from catalogue.ingest.fasta.residues import Arrivals, Arrived, Pack, StagedBlob
from catalogue.ingest.fasta.rows import Added, RecordTable, Row, place_residues
from catalogue.ingest.objects import residue_writes
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Options, Outcome
from catalogue.ingest.runs import MAX_RECORDED, Run, ingest_run
from catalogue.ingest.sources import Source, uncompressed_chunks
from catalogue.ingest.staging import staging_folder
from catalogue.ingest.transactions import retry_on_deadlock, write_transaction
from catalogue.models import Molecule
from catalogue.storage import SEQUENCES, storage

#: File name suffixes of FASTA files in folders.
FASTA_SUFFIXES: Final = tuple(
    f".{name}{compressed}"
    for name in ("fa", "fasta", "fna", "ffn", "faa", "frn", "fas", "fsa", "mfa", "mpfa", "pep")
    for compressed in ("", ".gz", ".bgz", ".bgzf")
)

COMMAND: Final = "ingest_fasta"
# Upper bound of the records of a file that its result lists.
_MAX_NAMED: Final = 3
# Upper bound of the records that the preview of a file describes.
_MAX_PREVIEWED: Final = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FastaOptions(Options):
    """How to read FASTA files.

    `authority` is the naming authority of the record names, `circular` are the names of circular records, `collection`
    is the collection that all files form. With `strip`, stop codons, gaps and digits among the residues are removed.
    """

    authority: str | None = None
    circular: frozenset[str] = frozenset()
    collection: str | None = None
    strip: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """The state that all files of one ingest share; `folder` is None in a dry run."""

    options: FastaOptions
    observer: Observer
    run: Run
    folder: Path | None
    members: MemberTable | None
    circular_found: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Content:
    """The content of one file: its blobs (number 0 is the pack) and counts."""

    blobs: list[StagedBlob | None] = field(default_factory=lambda: [None])
    records: int = 0
    residues: int = 0
    stripped: int = 0
    first: list[str] = field(default_factory=list)
    previewed: list[str] = field(default_factory=list)


def ingest_fasta(
    sources: Sequence[Source], *, options: FastaOptions, observer: Observer, run: Run | None = None
) -> IngestResult:
    """Register every record of the sources; a source that fails does not stop the others.

    Records them with `run`, or else with a new one. With a collection or circular records, the sources have to be all
    those of the ingest.
    """
    result = IngestResult(total=len(sources))
    with ExitStack() as stack:
        stack.enter_context(_frozen_objects())
        arguments = {"files": [source.name for source in sources[:MAX_RECORDED]], **options.recorded()}
        run = run or stack.enter_context(ingest_run(COMMAND, arguments, dry_run=options.dry_run))
        result.run = run.pk
        folder = None if options.dry_run else stack.enter_context(staging_folder(storage(SEQUENCES)))
        members = stack.enter_context(MemberTable(options.collection)) if options.collection else None
        job = _Job(options, observer, run, folder, members)
        for source in sources:
            result.inputs.append(_ingest_file(job, source))
            observer.finished(result.inputs[-1])
        if missing := sorted(options.circular - job.circular_found):
            result.faults.append(f"no record is named {', '.join(missing)}, which --circular names")
        if members is not None:
            _register_collection(members, result, options)
        run.failed |= result.failed
        run.summary = result.counts() | {"faults": result.faults}
    return result


@contextmanager
def _frozen_objects() -> Iterator[None]:
    """Exempt the objects that exist already from garbage collection: millions of records keep it busy."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _register_collection(members: MemberTable, result: IngestResult, options: FastaOptions) -> None:
    if result.failed:
        result.faults.append(f"collection {options.collection!r} is not recorded, because an input failed")
        return
    try:
        with write_transaction(dry_run=options.dry_run):
            result.collection = members.register()
    except CollectionRefused as refused:
        result.faults.append(str(refused))


def _ingest_file(job: _Job, source: Source) -> InputResult:
    """Read and register one file; return its result, including any fault."""
    try:
        with RecordTable(source.name) as records, _file_folder(job.folder) as folder:
            content = _read(job, source, records, folder)
            if content.previewed:
                job.observer.noted(source.name, _preview(content))
            return _register(job, source, records, content)
    except (FormatError, StorageError, CollectionRefused, OSError) as error:
        # A FastaFault already names its file.
        message = str(error) if isinstance(error, FastaFault) else f"{source.name}: {error}"
        result = InputResult(source.name, Outcome.FAILED, message)
        job.run.record(result)
        return result


def _read(job: _Job, source: Source, records: RecordTable, folder: Path | None) -> _Content:
    """Fill the tables of records, and write new residues into files in the folder."""
    content = _Content()
    with source.open() as stream, Pack(folder) as pack:
        chunks = _observed(job.observer, source, WatchedInput(stream))
        reader = FastaReader(chunks, source=source.name, strip=job.options.strip)
        with Arrivals(reader, folder) as arrivals:
            for batch in _prefetched(_rows(job, source, arrived) for arrived in arrivals):
                records.add(batch, place_residues(batch, records, pack, content.blobs))
                content.records += len(batch)
                content.residues += sum(row.arrived.length for row in batch)
                named = (sq_name(row.arrived.digests.sha512t24u) for row in batch[:_MAX_NAMED])
                content.first = content.first or list(dict.fromkeys(named))
                if job.options.dry_run:
                    content.previewed += map(_described, batch[: _MAX_PREVIEWED - len(content.previewed)])
        records.verify_names()
        content.blobs[0] = pack.finish()
        content.stripped = reader.stripped
    return content


def _register(job: _Job, source: Source, records: RecordTable, content: _Content) -> InputResult:
    """Store the blobs and register the rows, in one transaction that a dry run rolls back."""
    target, dry_run = storage(SEQUENCES), job.options.dry_run

    def register() -> InputResult:
        with write_transaction(dry_run=dry_run):
            collection = private_collection(job.options.collection)
            added = records.register(target.name, content.blobs, collection=collection)
            result = _result(source, content, added)
            if job.members is not None:
                job.members.add(records, source.name)
                job.members.withhold(source.name)
            job.run.record(result)
        return result

    with residue_writes():
        for blob in content.blobs:
            if blob is not None and blob.path is not None:
                target.put(blob.path, blob.key)
        result = retry_on_deadlock(register)
    if dry_run and job.members is not None:
        # The rollback removed the members too; the collection is checked at the end.
        job.members.add(records, source.name)
    return result


def _result(source: Source, content: _Content, added: Added) -> InputResult:
    changed = added.sequences or added.filled or added.made_circular or added.aliases
    counts = {
        "records": content.records,
        "residues": content.residues,
        "stripped": content.stripped,
        **asdict(added),
    }
    outcome = Outcome.ADDED if changed else Outcome.UNCHANGED
    return InputResult(
        source.name,
        outcome,
        counts=counts,
        paths=tuple(f"sequence/{name}" for name in content.first),
    )


def _preview(content: _Content) -> str:
    """Return the first records of a file in words, and how many follow."""
    more = content.records - len(content.previewed)
    return "; ".join([*content.previewed, *([f"and {more:,} more"] if more else [])])


def _described(row: Row) -> str:
    """Return the name, length and characters of a record, for the preview of its file."""
    letters = "".join(sorted(set(row.arrived.sample.decode("ascii", "replace"))))
    molecule = f"{Molecule(row.molecule).label}, " if row.molecule else ""
    return f"{row.arrived.header.name}: {row.arrived.length:,} residues, {molecule}letters {letters}"


@contextmanager
def _file_folder(folder: Path | None) -> Iterator[Path | None]:
    """Make a new folder in `folder`, removed at the end."""
    if folder is None:
        yield None
        return
    own = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _observed(observer: Observer, source: Source, watched: WatchedInput) -> Iterator[bytes]:
    for chunk in uncompressed_chunks(watched):
        observer.progressed(source.name, watched.count, source.size)
        yield chunk


def _rows(job: _Job, source: Source, batch: list[Arrived]) -> list[Row]:
    """Return the records with the names and molecules that headers and letters prove."""
    rows = []
    authority = job.options.authority
    for arrived in batch:
        header = arrived.header
        if len(header.name) > MAX_NAME and (authority or job.options.collection):
            reason = f"a name of more than {MAX_NAME} characters"
            raise FastaFault(reason, source=source.name, line=header.line)
        names = header_names(header, length=arrived.length)
        if authority is not None:
            names.append(NameUnder(authority, header.name))
        circular = header.name in job.options.circular
        if circular:
            job.circular_found.add(header.name)
        molecule = Molecule.PROTEIN if is_protein(header) else molecule_of(arrived.sample)
        rows.append(Row(arrived, circular or is_circular(header), molecule, names))
    return rows


def _prefetched(items: Iterable[T]) -> Iterator[T]:
    """Yield the items; a thread produces each one while the previous one is used."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, "reading") as thread:
        coming = thread.submit(next, iterator, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, iterator, None)
            yield item
