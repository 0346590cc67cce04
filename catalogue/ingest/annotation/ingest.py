"""Registers one annotation release: reads its files, makes its sequences, and writes all of it in one transaction.

A killed ingest leaves nothing visible: a blob without rows is not served, gets the same key when the ingest is run
again, and is removed by `remove_orphans`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from catalogue.errors import CatalogueError
from catalogue.formats import FormatError
from catalogue.formats.annotation.assembly import AssemblyFault, assemble
from catalogue.formats.annotation.headers import Headers, whole_sequence
from catalogue.formats.annotation.lines import Directive, GffFault, Line, read_lines
from catalogue.formats.annotation.models import Gene
from catalogue.formats.gunzip import WatchedInput
from catalogue.ingest.annotation.derive import Batch, Deriver
from catalogue.ingest.annotation.options import AnnotationOptions, AnnotationRefused, Release, release_of
from catalogue.ingest.annotation.published import PublishedSequences
from catalogue.ingest.annotation.regions import CollectionRegions, UnknownSeqid
from catalogue.ingest.annotation.rows import AnnotationTables
from catalogue.ingest.annotation.sorter import LineSorter, numbered, place_of
from catalogue.ingest.fasta.collections import private_collection
from catalogue.ingest.fasta.residues import Pack, StagedBlob
from catalogue.ingest.fasta.rows import Added, RecordTable, place_residues
from catalogue.ingest.objects import residue_writes
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.runs import MAX_RECORDED, Run, ingest_run
from catalogue.ingest.sources import Source, find_sources, uncompressed_chunks
from catalogue.ingest.staging import staging_folder
from catalogue.ingest.transactions import retry_on_deadlock, write_transaction
from catalogue.models import RegionCode, SequenceCollection
from catalogue.storage import SEQUENCES, storage

#: File name suffixes of annotation in folders.
ANNOTATION_SUFFIXES: Final = tuple(
    f".{name}{compressed}" for name in ("gff3", "gff", "gtf") for compressed in ("", ".gz", ".bgz", ".bgzf")
)
FASTA_SUFFIXES: Final = (".fa", ".fa.gz", ".fasta", ".fasta.gz", ".faa", ".faa.gz", ".fna", ".fna.gz")
COMMAND: Final = "ingest_gff3"
# Upper bounds of a batch in sequences and residues.
_MAX_BATCH: Final = 4096
_MAX_BATCH_RESIDUES: Final = 1 << 23
_UNKNOWN_CIRCLE: Final = (
    "is circular here, and not in the collection; ingest_fasta --circular says it of the sequence"
)
# What is worth a word, by its count.
_NOTES: Final = {
    "without_residues": "{:,} transcripts lie on sequences whose residues are not held here; they have no sequences",
    "outside_exons": "{:,} coding sequences are left out, because they do not lie within the exons of their transcript",
    "with_inner_stops": "{:,} proteins have X for a stop codon before their end; is the genetic code right "
    "(--genetic-code, --genetic-code-of)?",
}


@dataclass(slots=True)
class _Reading:
    """What is known after the files were read."""

    regions: CollectionRegions
    sorter: LineSorter
    headers: Headers = field(default_factory=Headers)
    codes: dict[int, RegionCode] = field(default_factory=dict)
    lines: Counter[str] = field(default_factory=Counter)


def ingest_annotation(
    sources: Sequence[Source], *, options: AnnotationOptions, observer: Observer, run: Run | None = None
) -> IngestResult:
    """Register the sources as one release; if one of them fails, nothing is registered.

    The files are recorded with `run`, or else with a new one.
    """
    result = IngestResult(total=len(sources))
    arguments = {"files": [source.name for source in sources[:MAX_RECORDED]], **options.recorded()}
    with ExitStack() as stack:
        if run is None:
            run = stack.enter_context(ingest_run(COMMAND, arguments, dry_run=options.dry_run))
        result.run = run.pk
        target = storage(SEQUENCES)
        folder = stack.enter_context(staging_folder(target))
        try:
            _ingest(sources, options, observer, folder, run, result)
        except (CatalogueError, FormatError, OSError) as error:
            result.inputs = _failures(error, sources)
            for failed in result.inputs:
                run.record(failed)
                observer.finished(failed)
        run.failed |= result.failed
        run.summary = result.counts() | {"faults": result.faults}
    return result


def _failures(error: Exception, sources: Sequence[Source]) -> list[InputResult]:
    """Return the result of each file: one of them is at fault, and the release is registered whole or not at all."""
    at_fault = error.source if isinstance(error, GffFault) else sources[0].name
    other = f"not registered, because {at_fault} is of the same release"
    return [
        InputResult(source.name, Outcome.FAILED, str(error) if source.name == at_fault else other)
        for source in sources
    ]


def _ingest(
    sources: Sequence[Source],
    options: AnnotationOptions,
    observer: Observer,
    folder: Path,
    run: Run,
    result: IngestResult,
) -> None:
    collection = SequenceCollection.objects.filter(name=options.collection).first()
    if collection is None:
        raise AnnotationRefused(
            f"there is no collection {options.collection!r}; ingest_fasta --collection makes one of a genome"
        )
    with ExitStack() as stack:
        reading = _Reading(CollectionRegions(collection), stack.enter_context(LineSorter(folder)))
        for number, source in enumerate(sources):
            _read(number, source, reading, observer)
        if not len(reading.sorter):
            raise AnnotationRefused("no feature of the files is a gene, a transcript or a part of one")
        release = release_of(options, reading.headers)
        published = None
        if options.check_fasta:
            published = PublishedSequences(
                find_sources(options.check_fasta, suffixes=FASTA_SUFFIXES), observer
            )
        records = stack.enter_context(RecordTable(COMMAND))
        tables = stack.enter_context(AnnotationTables())
        pack = stack.enter_context(Pack(None if options.dry_run else folder))
        deriver = Deriver(release, reading.regions, published)
        for batch in _batches(reading, deriver, sources, observer):
            records.add(batch.sequences, place_residues(batch.sequences, records, pack, []))
            tables.add(batch)
        _note(deriver, observer, sources)
        staged = _Staged(release, reading.codes, deriver.counts, records, tables, pack.finish())
        outcome, added = _register(staged, collection, options, run)
        counts = {name: count for name, count in deriver.counts.items() if count} | asdict(added)
        if published is not None:
            _compare(published, counts, result)
        _finish(sources, reading, outcome, counts, run, observer, result)


@dataclass(frozen=True, slots=True)
class _Staged:
    """A release that only waits for its transaction."""

    release: Release
    codes: dict[int, RegionCode]
    counts: Counter[str]
    records: RecordTable
    tables: AnnotationTables
    pack: StagedBlob | None


def _read(number: int, source: Source, reading: _Reading, observer: Observer) -> None:
    """Read one file into the sorter. Raises FormatError, UnknownSeqid, StorageError, OSError."""
    headers, lengths = reading.headers, reading.headers.lengths
    lengths.clear()
    with source.open() as stream:
        watched = WatchedInput(stream)
        for item in read_lines(_observed(observer, source, watched), source=source.name):
            if isinstance(item, Directive):
                headers.read_directive(item)
                continue
            try:
                region = reading.regions[item.seqid]
            except UnknownSeqid as error:
                raise GffFault(str(error), source=source.name, line=item.number) from None
            reading.lines[source.name] += 1
            headers.read_source(item.source)
            if whole := whole_sequence(item):
                if whole.circular and not reading.regions.is_registered_circular(region.number):
                    observer.noted(source.name, f"line {item.number}: {item.seqid!r} {_UNKNOWN_CIRCLE}")
                region.circular |= whole.circular
                if whole.code:
                    reading.codes.setdefault(region.number, RegionCode(whole.code))
                if not headers.taxon_id:
                    headers.read_taxon(item)
                continue
            _verify_place(item, region.length, circular=region.circular, source=source)
            reading.sorter.add(item._replace(number=numbered(number, item.number)), region.number)
    for seqid, (length, line) in lengths.items():
        _verify_length(seqid, length, line, reading.regions, source)


def _observed(observer: Observer, source: Source, watched: WatchedInput) -> Iterator[bytes]:
    for chunk in uncompressed_chunks(watched):
        observer.progressed(source.name, watched.count, source.size)
        yield chunk


def _verify_place(line: Line, length: int, *, circular: bool, source: Source) -> None:
    """Raise GffFault for a feature that cannot lie on its sequence."""
    start, end = line.start, line.end
    if end <= start and not circular:
        reason = f"the end {end:,} is before the start {start + 1:,}, and {line.seqid!r} is not circular"
        raise GffFault(reason, source=source.name, line=line.number)
    if (end > length and not circular) or start >= 2 * length or end > 2 * length:
        reason = (
            f"the feature ends at {end:,}, and {line.seqid!r} has {length:,} residues; "
            "is the annotation of another assembly?"
        )
        raise GffFault(reason, source=source.name, line=line.number)


def _verify_length(seqid: str, length: int, line: int, regions: CollectionRegions, source: Source) -> None:
    """Raise GffFault for a sequence that has fewer residues than `##sequence-region` says. Others may be absent."""
    try:
        region = regions[seqid]
    except UnknownSeqid:
        return
    if region.length < length:
        reason = (
            f"##sequence-region says that {seqid!r} goes to {length:,}, and the sequence has {region.length:,} "
            "residues; is the annotation of another assembly?"
        )
        raise GffFault(reason, source=source.name, line=line)


def _batches(
    reading: _Reading, deriver: Deriver, sources: Sequence[Source], observer: Observer
) -> Iterator[Batch]:
    """Yield the genes of all lines, with their sequences, in batches."""
    batch = Batch()
    done = 0
    for lines in reading.sorter.genes():
        for gene in _assembled(lines, reading, sources):
            try:
                deriver.add(gene, batch)
            except ValueError as error:
                raise _fault(str(error), gene.line, sources) from None
        done += len(lines)
        if len(batch.sequences) >= _MAX_BATCH or batch.residues >= _MAX_BATCH_RESIDUES:
            observer.progressed("genes and their sequences", done, len(reading.sorter))
            yield batch
            batch = Batch()
    yield batch


def _assembled(lines: list[Line], reading: _Reading, sources: Sequence[Source]) -> list[Gene]:
    try:
        return assemble(lines, reading.regions)
    except AssemblyFault as error:
        raise _fault(str(error), error.line, sources) from None


def _fault(reason: str, number: int, sources: Sequence[Source]) -> GffFault:
    file, line = place_of(number)
    return GffFault(reason, source=sources[file].name, line=line)


def _note(deriver: Deriver, observer: Observer, sources: Sequence[Source]) -> None:
    """Report what a steward should know about the derived sequences."""
    for count, text in _NOTES.items():
        if found := deriver.counts[count]:
            observer.noted(sources[0].name, text.format(found))


def _register(
    staged: _Staged, collection: SequenceCollection, options: AnnotationOptions, run: Run
) -> tuple[Outcome, Added]:
    """Store the blob and write all rows in one transaction, which a dry run rolls back."""
    target = storage(SEQUENCES)

    def register() -> tuple[Outcome, Added]:
        with write_transaction(dry_run=options.dry_run):
            private = private_collection(options.collection)
            added = staged.records.register(target.name, [staged.pack], collection=private)
            outcome = staged.tables.register(
                staged.release, collection=collection.pk, codes=staged.codes, counts=staged.counts
            )
            if outcome is Outcome.UNCHANGED and any(asdict(added).values()):
                outcome = Outcome.REPLACED
        return outcome, added

    with residue_writes():
        if staged.pack is not None and staged.pack.path is not None:
            target.put(staged.pack.path, staged.pack.key)
        return retry_on_deadlock(register)


def _compare(published: PublishedSequences, counts: dict[str, int], result: IngestResult) -> None:
    found = published.finish()
    counts |= {f"published_{name}": count for name, count in asdict(found).items()}
    for count, text in (
        (found.different, "published sequences are not what the genome says"),
        (found.missing, "published sequences have no transcript or protein in the annotation"),
    ):
        if count:
            result.faults.append(f"--check-fasta: {count:,} of {found.published:,} {text}")


def _finish(
    sources: Sequence[Source],
    reading: _Reading,
    outcome: Outcome,
    counts: dict[str, int],
    run: Run,
    observer: Observer,
    result: IngestResult,
) -> None:
    """Report each file; what all of them gave together is counted with the first."""
    for number, source in enumerate(sources):
        own = {"lines": reading.lines[source.name]} | (
            {} if number else counts | {"ignored": reading.sorter.ignored}
        )
        done = InputResult(source.name, outcome, counts=own)
        run.record(done)
        result.inputs.append(done)
        observer.finished(done)
